//! The composition root.

use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;

use crate::admin::{check_config, healthcheck};
use crate::cli::{Cli, Command};
use crate::config::Config;

/// Why a command failed, what to do about it, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    pub error: anyhow::Error,
    pub hint: Option<String>,
    pub code: u8,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self {
            error,
            hint: None,
            code: 1,
        }
    }
}

pub async fn run(cli: Cli) -> Result<(), Failure> {
    let stdout = &mut std::io::stdout().lock();
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "mandated", &mut script);
        stdout
            .write_all(&script)
            .context("print the completion script")?;
        return Ok(());
    }
    let config = match Config::load(cli.config.as_deref()) {
        Ok(config) => config,
        Err(errors) => {
            if cli.json && matches!(cli.command, Command::CheckConfig) {
                check_config::write_errors(stdout, &errors).context("print the errors")?;
            }
            let hint = "`config/default.toml` explains every key".to_owned();
            return Err(Failure {
                error: errors.into(),
                hint: Some(hint),
                code: 78,
            });
        }
    };
    if matches!(cli.command, Command::CheckConfig) {
        check_config::write(stdout, &config, cli.json).context("print the configuration")?;
    } else if matches!(cli.command, Command::Healthcheck) {
        healthcheck::check(&config.listen)
            .await
            .map_err(anyhow::Error::new)?;
    }
    Ok(())
}
