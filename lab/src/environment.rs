//! What the demo and the chaos play on: a private Postgres, the sandbox, and a configuration that joins them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use chrono::{DateTime, Days, SecondsFormat};
use mandated::cli::Failure;
use mandated::clock::Clock;
use mandated::config::Config;
use mandated::domain::{ProviderKind, Timestamp};

use crate::postgres::PrivatePostgres;
use crate::sandbox::{self, Credentials, Faults, Options, Population, Sandbox};

/// The 28th of January 2027, midnight in India: the days after it have a 31st, and a February in which it is missing.
const START: &str = "2027-01-28T00:00:00+05:30";
const API_KEY: &str = "demo-key";
const MERCHANT: &str = "demo_merchant";

/// The first instant, and the last one of so many days.
pub(crate) fn days(count: u32) -> Result<(Timestamp, Timestamp), anyhow::Error> {
    let start = DateTime::parse_from_rfc3339(START)
        .context("read the first day")?
        .to_utc();
    let end = start
        .checked_add_days(Days::new(u64::from(count)))
        .context("add the days")?;
    Ok((start, end))
}

/// Starts a server of its own, with an empty database.
pub(crate) async fn postgres(database: &str) -> Result<PrivatePostgres, Failure> {
    let hint = "install Postgres 15 or later (`make demo` does), so that initdb is found";
    let postgres = PrivatePostgres::start(false).map_err(|error| Failure::hinted(error, hint))?;
    postgres
        .create_database(database)
        .await
        .map_err(|error| Failure::hinted(error, hint))?;
    Ok(postgres)
}

pub(crate) async fn sandbox(
    seed: u64,
    population: Population,
    faults: Faults,
    start: Timestamp,
) -> Result<Sandbox, anyhow::Error> {
    sandbox::start(Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        seed,
        profile: population.profile(),
        faults,
        juspay: Credentials {
            merchant_id: MERCHANT.to_owned(),
            api_key: API_KEY.to_owned(),
        },
        signzy_key: API_KEY.to_owned(),
        clock: Clock::simulated(start),
    })
    .await
    .context("start the sandbox")
}

/// The configuration that a daemon would have.
pub(crate) fn config(
    database: &str,
    sandbox: &Sandbox,
    start: Timestamp,
    more: &[(&str, &str)],
) -> Result<Config, Failure> {
    Config::load_with(None, variables(database, sandbox, start, more))
        .map_err(|error| Failure::from(anyhow::Error::from(error)))
}

/// The same as an operator would write it for a process: as variables.
pub(crate) fn variables(
    database: &str,
    sandbox: &Sandbox,
    start: Timestamp,
    more: &[(&str, &str)],
) -> BTreeMap<String, String> {
    let mut variables = vec![
        ("DATABASE__URL".to_owned(), database.to_owned()),
        ("CLOCK__MODE".to_owned(), "simulated".to_owned()),
        (
            "CLOCK__START".to_owned(),
            start.to_rfc3339_opts(SecondsFormat::Secs, true),
        ),
    ];
    for (name, provider) in [
        ("JUSPAY_MAIN", ProviderKind::Juspay),
        ("SIGNZY_MAIN", ProviderKind::Signzy),
    ] {
        let mut set =
            |key: &str, value: String| variables.push((format!("ACCOUNTS__{name}__{key}"), value));
        set("PROVIDER", provider.to_string());
        set("BASE_URL", sandbox.base_url(provider).to_string());
        set("API_KEY", API_KEY.to_owned());
        set("TPS", "100000".to_owned());
        set("MAX_IN_FLIGHT", "200".to_owned());
        if provider == ProviderKind::Juspay {
            set("MERCHANT_ID", MERCHANT.to_owned());
        }
    }
    let more = more
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    variables
        .into_iter()
        .chain(more)
        .map(|(key, value)| (format!("MANDATED__{key}"), value))
        .collect()
}
