//! The program as an operator meets it: separate processes, signals, exit codes, one clear line when something is wrong.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

mod clock;
mod daemon;
mod hostile;
mod listener;
mod mandates;
mod refusals;
mod reload;
mod rolling;
mod skew;
mod tls;
