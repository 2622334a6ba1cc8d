//! The composition root: the only place where a configuration becomes a clock, a pool, failure rules, clients and an engine.

pub mod engine;
mod error;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{PgConnection, Postgres};

use crate::clock::Clock;
use crate::config::{Account, ClockMode, Config, PoolerMode, addresses};
use crate::domain::AccountId;
use crate::domain::classify::Classifier;
use crate::provider::{AccountSettings, Client};
use crate::store::database_error_kind::DatabaseErrorKind;
use crate::store::environment::{ConfiguredAccount, Where};
use crate::store::{self, ConnectSettings, Pooler};

pub use crate::store::pool::DatabasePool;
pub use error::ComposeError;

/// The clock of the configuration.
pub fn clock(config: &Config) -> Clock {
    match (config.clock.mode, config.clock.start) {
        (ClockMode::Simulated, Some(start)) => Clock::simulated(start),
        (ClockMode::Simulated, None) => Clock::simulated(Clock::System.now()),
        (ClockMode::System, _) => Clock::System,
    }
}

/// One for each server that it names.
fn connect_options(url: &SecretString) -> Result<Vec<PgConnectOptions>, ComposeError> {
    let parse = |address: &String| PgConnectOptions::from_str(address);
    let options = addresses(url.expose_secret());
    let options: Result<_, _> = options.iter().map(parse).collect();
    options.map_err(ComposeError::DatabaseUrl)
}

/// The server that is on another machine and may be spoken to without TLS, with the sslmode that allows it. `PGSSLMODE` counts too,
/// as it does for the connection.
pub fn remote_without_tls(config: &Config) -> Result<Option<PlainDatabase>, ComposeError> {
    let database = &config.database;
    for url in std::iter::once(&database.url).chain(&database.direct_url) {
        let plain = connect_options(url)?.iter().find_map(plain);
        if plain.is_some() {
            return Ok(plain);
        }
    }
    Ok(None)
}

fn plain(options: &PgConnectOptions) -> Option<PlainDatabase> {
    let host = options.get_host();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_here = options.get_socket().is_some()
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback());
    let sslmode = match options.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => return None,
    };
    let host = host.to_owned();
    (!is_here).then_some(PlainDatabase { host, sslmode })
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

/// Opens a pool of sessions, whatever is in the database: past the pooler, if there is one.
pub async fn connect(config: &Config) -> Result<DatabasePool, ComposeError> {
    let database = &config.database;
    let url = match database.pooler {
        PoolerMode::None => &database.url,
        PoolerMode::Transaction => database
            .direct_url
            .as_ref()
            .ok_or(ComposeError::NoDirectUrl)?,
    };
    open(config, url, None).await
}

/// Opens a pool of sessions, of a database that this version fits.
pub async fn connect_checked(config: &Config) -> Result<DatabasePool, ComposeError> {
    let pool = connect(config).await?;
    store::migrate::check(&pool).await?;
    Ok(pool)
}

/// Opens the pool that a daemon works with: through the pooler, if there is one.
pub async fn connect_daemon(config: &Config) -> Result<DatabasePool, ComposeError> {
    let database = &config.database;
    let pooler = match database.pooler {
        PoolerMode::None => None,
        PoolerMode::Transaction => {
            let direct = database.direct_url.as_ref().map(connect_options);
            let direct = direct.transpose()?.unwrap_or_default();
            Some(Pooler { direct })
        }
    };
    let pool = open(config, &database.url, pooler).await?;
    store::migrate::check(&pool).await?;
    Ok(pool)
}

async fn open(
    config: &Config,
    url: &SecretString,
    pooler: Option<Pooler>,
) -> Result<DatabasePool, ComposeError> {
    let settings = ConnectSettings {
        max_connections: config.database.max_connections,
        connect_timeout: config.database.connect_timeout,
        statement_timeout: config.database.statement_timeout,
        lock_timeout: config.database.lock_timeout,
        application_name: worker_id(config),
    };
    let opened = store::connect(connect_options(url)?, &settings, pooler).await;
    opened.map_err(|problem| match problem.kind() {
        DatabaseErrorKind::Tls => ComposeError::Tls(problem),
        DatabaseErrorKind::Pooler => ComposeError::Pooler(problem),
        DatabaseErrorKind::Away
        | DatabaseErrorKind::NoAnswer
        | DatabaseErrorKind::Replica
        | DatabaseErrorKind::Connections
        | DatabaseErrorKind::DiskFull
        | DatabaseErrorKind::ReadOnly
        | DatabaseErrorKind::Refused
        | DatabaseErrorKind::Locked
        | DatabaseErrorKind::Slow
        | DatabaseErrorKind::Schema
        | DatabaseErrorKind::Clock
        | DatabaseErrorKind::Other => ComposeError::Connect(problem),
    })
}

/// A connection of the pool.
pub async fn connection(pool: &DatabasePool) -> Result<PoolConnection<Postgres>, ComposeError> {
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
    pool: &DatabasePool,
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
pub async fn register_accounts(config: &Config, pool: &DatabasePool) -> Result<(), ComposeError> {
    let mut conn = connection(pool).await?;
    for (name, account) in &config.accounts {
        let account = configured(config, name, account);
        store::environment::register(&mut conn, &account, Where::AnyDatabase).await?;
    }
    Ok(())
}

async fn register(
    config: &Config,
    pool: &DatabasePool,
    name: &str,
    account: &Account,
) -> Result<AccountId, ComposeError> {
    let mut transaction = store::planning::begin(pool).await?;
    let id = check_environment(config, &mut transaction, name, account).await?;
    store::planning::commit(transaction).await?;
    Ok(id)
}

/// The number of an account that is used where it belongs.
pub async fn check_environment(
    config: &Config,
    conn: &mut PgConnection,
    name: &str,
    account: &Account,
) -> Result<AccountId, ComposeError> {
    let account = configured(config, name, account);
    Ok(store::environment::register(conn, &account, Where::Bound).await?)
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
