//! Guards, each with what it is there for: something elsewhere has gone wrong, and no money may move because of it.

mod budgets;
mod calls;
mod claim;
mod faults;
mod paused;
mod settle;
