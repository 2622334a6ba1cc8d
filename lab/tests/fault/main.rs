//! The chaos as a program: everything that can fail does.

// For clippy: what helps a test is a test.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "tests count")]

mod chaos;

/// The program with an empty environment.
fn lab(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_mandated-lab"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .args(arguments);
    command
}
