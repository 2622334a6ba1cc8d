//! The job table and the loops over it: nothing is done twice, nothing is written by a worker that lost its lease, nothing is lost.

mod accounts;
mod bloat;
mod budgets;
mod claim;
mod copied;
mod faults;
mod flows;
mod forgotten;
mod found;
mod late;
mod loops;
mod lost;
mod max_lateness;
mod memory_store;
mod notices;
mod outages;
mod paused;
mod policy;
mod read_before_a_call;
mod recovery;
mod refusals;
mod rescue;
mod settle;
mod stops;
mod unconfigured;
mod unknown;
