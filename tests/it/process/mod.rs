//! The program as an operator meets it: separate processes, signals, exit codes, one clear line when something is wrong.

mod daemon;
mod refusals;
