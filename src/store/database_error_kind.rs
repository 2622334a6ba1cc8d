//! The kinds of database failure, and what a person does about each.

use std::io::ErrorKind;

use sqlx::Error;

/// Why a statement failed, as far as it matters for what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseErrorKind {
    /// No connection can be opened, or it was cut.
    Away,
    /// Both sides are there, and do not agree on TLS.
    Tls,
    /// What was sent came to nothing: neither an answer nor a refusal.
    NoAnswer,
    /// A commit waits for a replica that is gone.
    Replica,
    /// All connections are taken: the server's, or this process's own.
    Connections,
    DiskFull,
    ReadOnly,
    /// The password, the role or the database is wrong.
    Refused,
    /// Somebody holds a lock.
    Locked,
    /// The statement took too long.
    Slow,
    /// Tables or columns are not what they should be.
    Schema,
    /// A pooler is between that keeps no session, and nobody has said so.
    Pooler,
    /// The machine's clock and the database's differ by too much.
    Clock,
    Other,
}

impl DatabaseErrorKind {
    /// The kind of a failed statement.
    pub(super) fn of(error: &Error) -> Self {
        if is_about_tls(error) {
            return Self::Tls;
        }
        if is_about_a_pooler(error) {
            return Self::Pooler;
        }
        if let Error::Database(refused) = error {
            return refused
                .code()
                .map_or(Self::Other, |code| Self::of_code(&code));
        }
        if matches!(error, Error::PoolTimedOut) {
            return Self::Connections;
        }
        if matches!(error, Error::Io(io) if io.kind() == ErrorKind::TimedOut) {
            return Self::NoAnswer;
        }
        // A connection that is closed in the middle of its beginning is a protocol error to sqlx.
        if matches!(
            error,
            Error::Io(_) | Error::Protocol(_) | Error::PoolClosed | Error::WorkerCrashed
        ) {
            return Self::Away;
        }
        Self::Other
    }

    /// The kind of a SQLSTATE.
    pub fn of_code(code: &str) -> Self {
        match code {
            "53300" => Self::Connections,
            "53100" => Self::DiskFull,
            "25006" => Self::ReadOnly,
            "3D000" | "42501" => Self::Refused,
            "55P03" | "40P01" => Self::Locked,
            "57014" => Self::Slow,
            "42P01" | "42703" | "42883" | "3F000" => Self::Schema,
            // A prepared statement that is there before we make it, or is gone when we use it.
            "42P05" | "26000" => Self::Pooler,
            // Shut down by an administrator, crashed, starting up, idle for too long.
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Self::Away,
            code if code.starts_with("08") => Self::Away,
            code if code.starts_with("28") => Self::Refused,
            _ => Self::Other,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Tls => "tls",
            Self::NoAnswer => "no_answer",
            Self::Replica => "replica",
            Self::Connections => "connections",
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Refused => "refused",
            Self::Locked => "locked",
            Self::Slow => "slow",
            Self::Schema => "schema",
            Self::Pooler => "pooler",
            Self::Clock => "clock",
            Self::Other => "other",
        }
    }

    /// What it means, and what a person does about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Away => {
                "there is no connection: is the server running, or starting up, and may this machine reach database.url?"
            }
            Self::Tls => {
                "TLS between this machine and the server fails: sslmode in database.url and the server's settings do not fit, or its \
                 certificate is not accepted. verify-full wants the certificate's authority in sslrootcert, and the server's name in \
                 the certificate; require accepts every certificate that is X.509 version 3"
            }
            Self::NoAnswer => {
                "the server does not answer: does it stand still, or does the network drop what is sent?"
            }
            Self::Replica => {
                "commits wait for a synchronous replica that does not answer: bring it back, or take it out of the primary's \
                 synchronous_standby_names"
            }
            Self::Connections => {
                "all connections are taken: look at who holds them in pg_stat_activity; raise max_connections of the server or \
                 database.max_connections here, whichever is used up"
            }
            Self::DiskFull => "the server's disk is full: make room",
            Self::ReadOnly => {
                "this is a replica, or the primary was demoted or made read-only: point database.url at the primary"
            }
            Self::Refused => {
                "the server refuses us: correct the password, the role's rights or the database in database.url"
            }
            Self::Locked => {
                "somebody holds a lock: look for them in pg_locks, with pg_blocking_pids(pid) of those that wait in pg_stat_activity"
            }
            Self::Slow => {
                "it took longer than database.statement_timeout, or was cancelled: is the server overloaded, or does a statement wait for a lock?"
            }
            Self::Schema => {
                "a table, a column or a function is not what this version knows: was the schema changed or restored under the daemon?"
            }
            Self::Pooler => {
                "a pooler in transaction mode is between this machine and Postgres: set database.pooler = \"transaction\", and \
                 database.direct_url for what needs a session (deploy/README.md, \"PgBouncer\")"
            }
            Self::Clock => {
                "the clocks of this machine and of the database differ by more than 5 minutes: set both by NTP"
            }
            Self::Other => "the error says what it is",
        }
    }

    /// Whether it is the whole database's, so that every loop finds the same; or one statement's.
    pub const fn is_everywhere(self) -> bool {
        match self {
            Self::Away
            | Self::Tls
            | Self::NoAnswer
            | Self::Replica
            | Self::Connections
            | Self::DiskFull
            | Self::ReadOnly
            | Self::Refused
            | Self::Pooler
            | Self::Clock => true,
            Self::Locked | Self::Slow | Self::Schema | Self::Other => false,
        }
    }

    /// Whether a statement that ended so may have been done all the same.
    pub const fn may_be_done(self) -> bool {
        match self {
            Self::Away | Self::Tls | Self::NoAnswer | Self::Replica | Self::Other => true,
            Self::Connections
            | Self::DiskFull
            | Self::ReadOnly
            | Self::Refused
            | Self::Locked
            | Self::Slow
            | Self::Schema
            | Self::Pooler
            | Self::Clock => false,
        }
    }

    /// Whether it ends without anybody touching this process: worth waiting for when the daemon starts.
    pub const fn passes(self) -> bool {
        match self {
            Self::Away
            | Self::NoAnswer
            | Self::Replica
            | Self::Connections
            | Self::DiskFull
            | Self::ReadOnly
            | Self::Locked
            | Self::Slow
            | Self::Clock => true,
            Self::Tls | Self::Refused | Self::Schema | Self::Pooler | Self::Other => false,
        }
    }
}

/// PgBouncer lets nobody in who asks for what it cannot keep for each client.
fn is_about_a_pooler(error: &Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|refused| refused.message().contains("unsupported startup parameter"))
}

/// A handshake that fails is an error of the socket, with the reason in it. A server that wants TLS, and is spoken to without, names it
/// in its refusal ("no encryption", before version 14 "SSL off").
fn is_about_tls(error: &Error) -> bool {
    if let Error::Database(refused) = error {
        let words = refused.message();
        return refused.code().is_some_and(|code| code == "28000")
            && (words.contains("no encryption") || words.contains("SSL off"));
    }
    if let Error::Io(io) = error {
        return io
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    }
    matches!(error, Error::Tls(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_that_fails_is_about_tls_and_says_sslmode() {
        let version = rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
        let io = std::io::Error::new(ErrorKind::InvalidData, version);
        for error in [
            Error::Io(io),
            Error::Tls("server does not support TLS".into()),
        ] {
            assert_eq!(DatabaseErrorKind::of(&error), DatabaseErrorKind::Tls);
        }
        let advice = DatabaseErrorKind::Tls.advice();
        assert!(advice.contains("TLS") && advice.contains("sslmode"));
    }

    #[test]
    fn a_code_of_the_database_is_a_kind_of_failure() {
        let kind = |code| DatabaseErrorKind::of_code(code).as_str();
        let codes = [
            "08006", "25006", "28P01", "3D000", "40P01", "53100", "53300", "55P03", "57014",
            "57P01", "57P03", "42P01", "42P05", "XX000",
        ];
        assert_eq!(
            codes.map(kind).join(" "),
            "away read_only refused refused locked disk_full connections locked slow away away schema pooler other"
        );
    }
}
