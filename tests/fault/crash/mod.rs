//! The real program, killed at every point between claim and commit and started again: each cycle must end as if nothing had happened.

mod awaits;
mod daemon;
mod everywhere;
mod frozen;
mod lanes;
mod outside;
mod rescued;
mod scenario;

pub(crate) use daemon::of_money;
