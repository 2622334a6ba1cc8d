//! `mandated-lab sandbox`: both providers as a process of their own.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use mandated::clock::Clock;
use mandated::domain::ProviderKind;

use super::file::{FileError, read_mandates};
use super::{Credentials, Faults, Options, Population, SandboxError, india, start};

/// Start a stand-in for Juspay and Signzy on loopback
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Address to listen on; loopback only
    #[arg(long, default_value = "127.0.0.1:8650")]
    pub listen: SocketAddr,
    /// The same seed gives the same payers and the same faults
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Mandates to know: the CSV or JSON Lines of `mandates import`
    #[arg(long, value_name = "FILE")]
    pub mandates: Vec<PathBuf>,
    /// The account whose mandates are Signzy's
    #[arg(long, value_name = "NAME", default_value = "signzy_main")]
    pub signzy_account: String,
    /// First day of the cycles of those mandates; today if it is not given
    #[arg(long, value_name = "DATE")]
    pub from: Option<NaiveDate>,
    /// What the payers are like
    #[arg(long, value_enum, default_value_t = Population::Demo)]
    pub profile: Population,
    /// Let calls go wrong as they do in a rough month
    #[arg(long)]
    pub faults: bool,
    /// Juspay's merchant id
    #[arg(long, default_value = "sandbox")]
    pub merchant_id: String,
    /// Juspay's API key
    #[arg(long, default_value = "sandbox-juspay-key")]
    pub juspay_key: String,
    /// Signzy's key
    #[arg(long, default_value = "sandbox-signzy-key")]
    pub signzy_key: String,
}

/// Why the sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("write to standard output")]
    Output(#[from] std::io::Error),
}

/// Serves until `shutdown` is done.
///
/// # Errors
/// A file of mandates cannot be read, or the address is taken.
pub async fn run(
    args: SandboxArgs,
    out: &mut impl Write,
    shutdown: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    let clock = Clock::System;
    let from = args.from.unwrap_or_else(|| india::day(clock.now()));
    let mut registrations = Vec::new();
    for path in &args.mandates {
        registrations.extend(read_mandates(path, &args.signzy_account, from)?);
    }
    let count = registrations.len();
    let sandbox = start(Options {
        listen: args.listen,
        seed: args.seed,
        profile: args.profile.profile(),
        faults: if args.faults {
            Faults::DEMO
        } else {
            Faults::NONE
        },
        juspay: Credentials {
            merchant_id: args.merchant_id,
            api_key: args.juspay_key,
        },
        signzy_key: args.signzy_key,
        clock,
    })
    .await?;
    sandbox.register(registrations);
    writeln!(out, "Juspay: {}", sandbox.base_url(ProviderKind::Juspay))?;
    writeln!(out, "Signzy: {}", sandbox.base_url(ProviderKind::Signzy))?;
    writeln!(
        out,
        "Mandates known: {count}. POST /sandbox/mandates takes more."
    )?;
    writeln!(
        out,
        "GET /sandbox/ledger shows every debit and every broken rule."
    )?;
    out.flush()?;
    shutdown.await;
    sandbox.stop().await;
    Ok(())
}
