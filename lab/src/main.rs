//! The lab's program: parse, run, say what failed.

use std::process::ExitCode;

use clap::Parser;
use lab::cli::{Cli, run};

#[tokio::main]
async fn main() -> ExitCode {
    // The TLS of every client. It fails only where one was installed before.
    drop(rustls::crypto::ring::default_provider().install_default());
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        // `mandated-lab demo | head`: the reader has seen enough.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // If standard error is closed nobody can be told why; the exit code still says that it failed.
            drop(failure.write(&mut std::io::stderr()));
            ExitCode::from(failure.code)
        }
    }
}
