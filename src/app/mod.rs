//! The composition root: what each command needs is built here, and handed to it.

mod audit;
mod classify;
mod daemon;
mod doctor;
pub mod engine;
pub mod import;
mod mandates;
mod operator;
mod reload;

use std::error::Error;
use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;

use crate::admin::{self, AdminError, Format, check_config, healthcheck};
use crate::cli::{Cli, Command};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{self, StoreError};
use crate::telemetry::{self, Destination};

/// Wrong configuration, or a database of another version: the same exit code, so that a service manager does not start us again
/// and again (`RestartPreventExitStatus=78`).
pub const EXIT_CONFIG: u8 = 78;

/// Why a command failed, what to do about it, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    pub error: anyhow::Error,
    pub hint: Option<String>,
    pub code: u8,
}

impl Failure {
    pub fn anyhow(error: anyhow::Error, hint: &str) -> Self {
        Self {
            error,
            hint: Some(hint.to_owned()),
            code: 1,
        }
    }

    pub fn hinted(error: impl Error + Send + Sync + 'static, hint: &str) -> Self {
        Self::anyhow(error.into(), hint)
    }

    fn config(error: anyhow::Error, hint: &str) -> Self {
        Self {
            error,
            hint: Some(hint.to_owned()),
            code: EXIT_CONFIG,
        }
    }

    /// A database of another version says in its own words what to do.
    fn from_version(error: StoreError) -> Self {
        let code = if error.is_about_the_version() {
            EXIT_CONFIG
        } else {
            1
        };
        Self {
            error: error.into(),
            hint: None,
            code,
        }
    }
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

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(anyhow::Error::from(error))
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        Self::from(anyhow::Error::from(error))
    }
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let out = &mut std::io::stdout();
    let format = if cli.json { Format::Json } else { Format::Text };
    match &cli.command {
        Command::Completions { shell } => return completions(*shell, out),
        Command::Classify(asked) if !asked.unmapped => {
            let config = classify::config(cli.config.as_deref())?;
            return classify::one(&config, asked, format, out);
        }
        Command::Run
        | Command::Classify(_)
        | Command::Migrate
        | Command::CheckConfig
        | Command::Mandates(_)
        | Command::Plan { .. }
        | Command::Accounts(_)
        | Command::Rails(_)
        | Command::Executions(_)
        | Command::Jobs
        | Command::Audit(_)
        | Command::Doctor { .. }
        | Command::Healthcheck => {}
    }
    let config = load(&cli, out)?;
    if !matches!(cli.command, Command::Run) {
        telemetry::init(&config.log, Destination::Stderr).context("set up the log")?;
    }
    match cli.command {
        Command::Run => daemon::run(&config, cli.config).await,
        Command::Migrate => migrate(&config, out).await,
        Command::CheckConfig => {
            engine::classifier(&config)?;
            Ok(check_config::write(out, &config, cli.json).context("print the configuration")?)
        }
        Command::Healthcheck => healthcheck::check(&config.listen)
            .await
            .map_err(|error| Failure::hinted(error, "the daemon's own log says more")),
        Command::Mandates(command) => mandates::run(&config, command, format, out).await,
        Command::Plan { reference, cycles } => {
            let pool = engine::connect_checked(&config).await?;
            let mut connection = store::planning::acquire(&pool).await?;
            let policy = |provider, rail| config.policy(provider, rail);
            Ok(admin::plan::plan(
                &mut connection,
                &reference,
                usize::from(cycles),
                policy,
                format,
                out,
            )
            .await?)
        }
        Command::Executions(command) => operator::executions(&config, command, format, out).await,
        Command::Accounts(command) => operator::accounts(&config, &command, format, out).await,
        Command::Rails(command) => operator::rails(&config, &command, format, out).await,
        Command::Jobs => {
            let pool = engine::connect_checked(&config).await?;
            let mut connection = store::planning::acquire(&pool).await?;
            Ok(admin::jobs::jobs(&mut connection, Clock::System.now(), format, out).await?)
        }
        Command::Classify(asked) => classify::unmapped(&config, &asked, format, out).await,
        Command::Doctor { offline } => doctor::run(&config, offline, format, out).await,
        Command::Audit(asked) => audit::run(&config, &asked, format, out).await,
        Command::Completions { .. } => Ok(()),
    }
}

fn load(cli: &Cli, out: &mut impl Write) -> Result<Config, Failure> {
    Config::load(cli.config.as_deref()).map_err(|errors| {
        if cli.json
            && matches!(cli.command, Command::CheckConfig)
            && let Err(error) = check_config::write_errors(out, &errors)
        {
            return Failure::from(anyhow::Error::from(error));
        }
        Failure::config(errors.into(), "`config/default.toml` explains every key")
    })
}

fn completions(shell: clap_complete::Shell, out: &mut impl Write) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mandated", &mut script);
    Ok(out
        .write_all(&script)
        .context("print the completion script")?)
}

async fn migrate(config: &Config, out: &mut impl Write) -> Result<(), Failure> {
    let pool = engine::connect(config).await?;
    let ahead = i32::try_from(config.retention.partitions_ahead).unwrap_or(i32::MAX);
    let applied = store::migrate::migrate(&pool, engine::clock(config).now(), ahead)
        .await
        .map_err(Failure::from_version)?;
    engine::register_accounts(config, &pool).await?;
    let say = if applied == 0 {
        "the database is up to date".to_owned()
    } else {
        format!("{applied} migrations applied")
    };
    Ok(writeln!(out, "{say}").context("print the result")?)
}
