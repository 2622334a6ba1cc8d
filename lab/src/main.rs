//! The lab's program: parse, run, say what failed.

use std::process::ExitCode;

use clap::Parser;
use lab::cli::{Cli, run};
use mandated::admin::output;

#[tokio::main]
async fn main() -> ExitCode {
    // The TLS of every client. It fails only where one was installed before.
    drop(rustls::crypto::ring::default_provider().install_default());
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        // `mandated-lab demo | head`: the reader has seen enough.
        Err(failure) if output::is_closed_pipe(&failure.error) => ExitCode::SUCCESS,
        Err(failure) => {
            let stderr = &mut std::io::stderr();
            // If standard error is closed nobody can be told why; the exit code still says that it failed.
            drop(output::write_failure(
                stderr,
                &failure.error,
                failure.hint.as_deref(),
            ));
            ExitCode::from(failure.code)
        }
    }
}
