//! `database.url`: an address of one server, and options that are on a list. Nothing of it is repeated: it carries a password, also where
//! nobody expects one.

use secrecy::ExposeSecret;
use url::Url;

use super::super::Config;
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
        "target_session_attrs",
        "give the address that follows the primary",
    ),
    (
        "load_balance_hosts",
        "give the address that follows the primary",
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
    let key = "database.url";
    let text = config.database.url.expose_secret();
    let is_postgres = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    checks.require(is_postgres, key, || {
        "must start with postgres:// (it is not shown: it carries a password)".to_owned()
    });
    if !is_postgres {
        return;
    }
    checks.require(!has_several_hosts(text), key, || {
        "names several servers: give it one address that follows the primary".to_owned()
    });
    let Ok(url) = Url::parse(text) else {
        checks.require(has_several_hosts(text), key, || {
            "must be written as postgres://user:password@host:port/database, with %40 for an @ in the password and the like \
             (it is not shown: it carries a password)"
                .to_owned()
        });
        return;
    };
    for (name, value) in url.query_pairs() {
        checks.require(ALLOWED.contains(&&*name), key, || refused(&name));
        checks.require(
            name != "sslmode" || SSL_MODES.contains(&&*value),
            key,
            || format!("has an sslmode that is none of {}", SSL_MODES.join(", ")),
        );
    }
}

fn refused(name: &str) -> String {
    let allowed = ALLOWED.join(", ");
    match KNOWN.iter().find(|(known, _)| *known == name) {
        Some((known, instead)) => {
            format!(
                "has the option {known}, which is not for it: {instead}; the options are {allowed}"
            )
        }
        None => format!(
            "has an option that is not one of {allowed} (it is not shown: a ? in a password is written %3F)"
        ),
    }
}

/// `h1:5432,h2:5432`, between the user and the database.
fn has_several_hosts(text: &str) -> bool {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let hosts = authority
        .rsplit_once('@')
        .map_or(authority, |(_, hosts)| hosts);
    hosts.contains(',')
}
