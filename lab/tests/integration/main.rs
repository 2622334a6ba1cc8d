//! What plays the other side, on its own: the sandbox, the private Postgres and its wire, and the demo as a program.

// For clippy: what helps a test is a test.
#![cfg(test)]
#![expect(
    clippy::arithmetic_side_effects,
    reason = "tests count and move times about"
)]

mod cli;
mod demo;
mod postgres;
mod sandbox;
mod wire;

/// The program with an empty environment.
fn lab(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_mandated-lab"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .args(arguments);
    command
}
