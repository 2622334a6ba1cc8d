//! `database.url` and `database.direct_url`: the address of one server, or of several of which one takes writes, and options that are on
//! a list. Nothing of it is repeated: it carries a password, also where nobody expects one.

use secrecy::ExposeSecret;
use url::Url;

use super::super::addresses::{WANTED, addresses};
use super::super::{Config, PoolerMode};
use super::Checks;

/// Options that change how a connection is made, and nothing that the daemon sets itself.
const ALLOWED: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "statement-cache-capacity",
];

/// What `sslmode` may be.
const SSL_MODES: &[&str] = &[
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// Options that libpq knows. Their names are no secret; that of another one may be a part of a password.
const KNOWN: &[(&str, &str)] = &[
    ("application_name", "it is worker.id"),
    ("connect_timeout", "it is database.connect_timeout"),
    (
        "options",
        "set what it sets on the role: `alter role … set …`",
    ),
    (
        "load_balance_hosts",
        "leave it out: only one of the servers takes writes",
    ),
    (
        "sslpassword",
        "give sslkey a key without a password, readable by the daemon alone",
    ),
    ("passfile", "PGPASSFILE names one"),
    ("hostaddr", "write the address as the host"),
    ("channel_binding", "leave it out"),
    ("gssencmode", "leave it out"),
    ("sslnegotiation", "leave it out"),
    ("service", "write the address itself"),
    (
        "search_path",
        "set it on the role: `alter role … set search_path`",
    ),
];

pub(super) fn check(config: &Config, checks: &mut Checks<'_>) {
    let database = &config.database;
    check_address("database.url", database.url.expose_secret(), checks);
    if let Some(direct) = &database.direct_url {
        let key = "database.direct_url";
        check_address(key, direct.expose_secret(), checks);
        checks.require(database.pooler != PoolerMode::None, key, || {
            "leads past a pooler, and database.pooler is \"none\": leave it out, or say what database.url leads to"
                .to_owned()
        });
    }
}

fn check_address(key: &str, text: &str, checks: &mut Checks<'_>) {
    let is_postgres = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    checks.require(is_postgres, key, || {
        "must start with postgres:// (it is not shown: it carries a password)".to_owned()
    });
    if !is_postgres {
        return;
    }
    check_wanted(key, text, checks);
    let addresses = addresses(text);
    let urls: Vec<Url> = addresses
        .iter()
        .filter_map(|address| Url::parse(address).ok())
        .collect();
    checks.require(urls.len() == addresses.len(), key, || {
        "must be written as postgres://user:password@host:port/database, with %40 for an @ in the password and the like; several servers \
         are host1:port1,host2:port2 (it is not shown: it carries a password)"
            .to_owned()
    });
    let has_no_name = |url: &Url| url.host_str().is_none_or(str::is_empty);
    checks.require(urls.len() < 2 || !urls.iter().any(has_no_name), key, || {
        "has a comma between servers, and no server before or behind it".to_owned()
    });
    let Some(first) = urls.first() else { return };
    for (name, value) in first.query_pairs() {
        checks.require(ALLOWED.contains(&&*name), key, || refused(&name));
        checks.require(
            name != "sslmode" || SSL_MODES.contains(&&*value),
            key,
            || format!("has an sslmode that is none of {}", SSL_MODES.join(", ")),
        );
        let is_a_server = name == "host" || name == "port";
        checks.require(
            !is_a_server || (urls.len() == 1 && !value.contains(',')),
            key,
            || {
                format!(
                    "names several servers, and {name} in its options: write them before the slash, as host1:port1,host2:port2"
                )
            },
        );
    }
}

/// Every part of mandated writes: no other server than the primary is of use.
fn check_wanted(key: &str, text: &str, checks: &mut Checks<'_>) {
    let options = text.split_once('?').map_or("", |(_, options)| options);
    for option in options.split('&') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        checks.require(
            name != WANTED || ["read-write", "primary"].contains(&value),
            key,
            || format!("has a {WANTED} that is neither read-write nor primary: mandated writes"),
        );
    }
}

fn refused(name: &str) -> String {
    let allowed = ALLOWED.join(", ");
    match KNOWN.iter().find(|(known, _)| *known == name) {
        Some((known, instead)) => {
            format!(
                "has the option {known}, which is not for it: {instead}; the options are {allowed}, {WANTED}"
            )
        }
        None => format!(
            "has an option that is not one of {allowed}, {WANTED} (it is not shown: a ? in a password is written %3F)"
        ),
    }
}
