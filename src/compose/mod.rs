//! The composition root: the only place where a configuration becomes a clock, a pool, failure rules, clients and an engine.

pub mod engine;
mod error;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::ExposeSecret;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{PgConnection, PgPool, Postgres};

use crate::clock::Clock;
use crate::config::{Account, ClockMode, Config};
use crate::domain::AccountId;
use crate::domain::classify::Classifier;
use crate::provider::{AccountSettings, Client};
use crate::store::database_error_kind::DatabaseErrorKind;
use crate::store::environment::{AcceptedChange, ConfiguredAccount};
use crate::store::{self, ConnectSettings};

pub use error::ComposeError;

/// The clock of the configuration.
pub fn clock(config: &Config) -> Clock {
    match (config.clock.mode, config.clock.start) {
        (ClockMode::Simulated, Some(start)) => Clock::simulated(start),
        (ClockMode::Simulated, None) => Clock::simulated(Clock::System.now()),
        (ClockMode::System, _) => Clock::System,
    }
}

fn connect_options(config: &Config) -> Result<PgConnectOptions, ComposeError> {
    PgConnectOptions::from_str(config.database.url.expose_secret())
        .map_err(ComposeError::DatabaseUrl)
}

/// The server that is on another machine and may be spoken to without TLS, with the sslmode that allows it. `PGSSLMODE` counts too,
/// as it does for the connection.
pub fn remote_without_tls(config: &Config) -> Result<Option<PlainDatabase>, ComposeError> {
    let options = connect_options(config)?;
    let host = options.get_host();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_here = options.get_socket().is_some()
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback());
    let sslmode = match options.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => return Ok(None),
    };
    let host = host.to_owned();
    Ok((!is_here).then_some(PlainDatabase { host, sslmode }))
}

/// Whom the network between may listen to, or play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainDatabase {
    pub host: String,
    pub sslmode: &'static str,
}

impl fmt::Display for PlainDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, sslmode } = self;
        write!(
            f,
            "database.url leads to {host} with sslmode={sslmode}: the password and all data may go over the network without TLS"
        )
    }
}

impl PlainDatabase {
    pub const FIX: &'static str = "add ?sslmode=verify-full&sslrootcert=FILE to database.url, FILE being the authority of the server's certificate";
}

/// Opens the pool, whatever is in the database.
pub async fn connect(config: &Config) -> Result<PgPool, ComposeError> {
    let options = connect_options(config)?;
    let settings = ConnectSettings {
        max_connections: config.database.max_connections,
        connect_timeout: config.database.connect_timeout,
        statement_timeout: config.database.statement_timeout,
        lock_timeout: config.database.lock_timeout,
        application_name: worker_id(config),
    };
    store::connect(options, &settings).await.map_err(|problem| {
        if problem.kind() == DatabaseErrorKind::Tls {
            ComposeError::Tls(problem)
        } else {
            ComposeError::Connect(problem)
        }
    })
}

/// Opens the pool of a database that this version fits.
pub async fn connect_checked(config: &Config) -> Result<PgPool, ComposeError> {
    let pool = connect(config).await?;
    store::migrate::check(&pool).await?;
    Ok(pool)
}

/// A connection of the pool.
pub async fn connection(pool: &PgPool) -> Result<PoolConnection<Postgres>, ComposeError> {
    Ok(store::planning::acquire(pool).await?)
}

/// The name of this process in leases and logs.
pub fn worker_id(config: &Config) -> String {
    config.worker.id.clone().unwrap_or_else(|| {
        let host = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        format!("{host}-{}", std::process::id())
    })
}

/// The rules that classify failures: the operator's, then ours.
pub fn classifier(config: &Config) -> Result<Arc<Classifier>, ComposeError> {
    let file = config.failures.file.as_ref().map(|path| {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok((file, text)),
            Err(source) => Err(ComposeError::ReadRules { file, source }),
        }
    });
    let file = file.transpose()?;
    let file = file
        .as_ref()
        .map(|(file, text)| (file.as_str(), text.as_str()));
    Ok(Arc::new(Classifier::with_operator_rules(file)?))
}

/// A configured account with its number in the database and its client.
#[derive(Debug)]
pub struct AccountClient<'a> {
    pub id: AccountId,
    pub name: &'a str,
    pub account: &'a Account,
    pub client: Client,
}

/// Gives every configured account its number, and builds its client.
pub async fn clients<'a>(
    config: &'a Config,
    pool: &PgPool,
    clock: &Clock,
) -> Result<Vec<AccountClient<'a>>, ComposeError> {
    let classifier = classifier(config)?;
    let mut clients = Vec::new();
    for (name, account) in &config.accounts {
        clients.push(AccountClient {
            id: register(config, pool, name, account).await?,
            name,
            account,
            client: client(name, account, &classifier, clock)?,
        });
    }
    Ok(clients)
}

/// The client of an account.
pub fn client(
    name: &str,
    account: &Account,
    classifier: &Arc<Classifier>,
    clock: &Clock,
) -> Result<Client, ComposeError> {
    let settings = AccountSettings {
        name: name.to_owned(),
        provider: account.provider,
        base_url: account.base_url.clone(),
        merchant_id: account.merchant_id.clone(),
        api_key: account.api_key.clone(),
        timeout: account.timeout,
        tps: account.tps,
    };
    Client::new(settings, Arc::clone(classifier), clock.is_simulated()).map_err(|source| {
        ComposeError::Client {
            account: name.to_owned(),
            source,
        }
    })
}

/// Gives the configured accounts their numbers, for what calls nobody: a database that was restored may be completed before it is
/// recovered.
pub async fn register_accounts(config: &Config, pool: &PgPool) -> Result<(), ComposeError> {
    let mut conn = connection(pool).await?;
    for (name, account) in &config.accounts {
        let account = configured(config, name, account);
        store::environment::register(&mut conn, &account, AcceptedChange::Database).await?;
    }
    Ok(())
}

async fn register(
    config: &Config,
    pool: &PgPool,
    name: &str,
    account: &Account,
) -> Result<AccountId, ComposeError> {
    let mut conn = connection(pool).await?;
    check_environment(config, &mut conn, name, account).await
}

/// The number of an account that is used where it belongs.
pub async fn check_environment(
    config: &Config,
    conn: &mut PgConnection,
    name: &str,
    account: &Account,
) -> Result<AccountId, ComposeError> {
    let account = configured(config, name, account);
    let accepted = if config.database.synchronous_failover {
        AcceptedChange::Timeline
    } else {
        AcceptedChange::None
    };
    Ok(store::environment::register(conn, &account, accepted).await?)
}

/// An account as it is bound to its environment.
pub fn configured<'a>(config: &Config, name: &'a str, account: &Account) -> ConfiguredAccount<'a> {
    ConfiguredAccount {
        name,
        provider: account.provider,
        merchant: account.merchant(),
        is_simulated: config.clock.mode == ClockMode::Simulated,
    }
}
