//! The protocol of one job, from its claim to its settlement.

pub mod decide;
pub mod gate;
pub mod transition;
pub mod verdict;
