//! Why a command failed: what is printed about it, and the exit code that says so.

use std::error::Error;
use std::io::{self, Write};

use crate::compose::ComposeError;
use crate::daemon::DaemonError;
use crate::domain::escape::{Syntax, escape_lines};
use crate::ops::{OpsError, StoreError};

/// Wrong configuration, or a database of another version: the same exit code, so that a service manager does not start us again
/// and again (`RestartPreventExitStatus=78`).
pub const EXIT_CONFIG: u8 = 78;

const EXIT_FAILED: u8 = 1;

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
            code: EXIT_FAILED,
        }
    }

    pub fn hinted(error: impl Error + Send + Sync + 'static, hint: &str) -> Self {
        Self::anyhow(error.into(), hint)
    }

    pub fn config(error: anyhow::Error, hint: &str) -> Self {
        Self {
            code: EXIT_CONFIG,
            ..Self::anyhow(error, hint)
        }
    }

    /// Prints it with its causes and, after a blank line, what to do about it. Some have several lines, such as all that is wrong with a
    /// configuration; what a provider said in one stays on its line.
    pub fn write(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        let lines = |text: &str| escape_lines(text, Syntax::Terminal).into_owned();
        let mut text = format!("error: {}\n", lines(&self.error.to_string()));
        let mut above = self.error.to_string();
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            // Some errors already end with their cause.
            if !above.ends_with(&cause) {
                text.extend(["caused by: ", &lines(&cause), "\n"]);
            }
            above = cause;
        }
        if let Some(hint) = &self.hint {
            text.extend(["\nhint: ", &lines(hint), "\n"]);
        }
        out.write_all(text.as_bytes())
    }

    /// Whether it is only that nobody reads our output any more.
    pub fn is_closed_pipe(&self) -> bool {
        let closed = |cause: &(dyn Error + 'static)| {
            cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        self.error.chain().any(closed)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self {
            error,
            hint: None,
            code: EXIT_FAILED,
        }
    }
}

/// Of all that commands do with files, only the printing comes here as it is.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::from(anyhow::Error::from(error).context("write the output"))
    }
}

impl From<ComposeError> for Failure {
    fn from(error: ComposeError) -> Self {
        let code = match &error {
            ComposeError::DatabaseUrl(_)
            | ComposeError::Pooler(_)
            | ComposeError::NoDirectUrl
            | ComposeError::ReadRules { .. }
            | ComposeError::Rules(_) => EXIT_CONFIG,
            ComposeError::Store(error)
                if error.is_about_the_version() || error.is_about_the_environment() =>
            {
                EXIT_CONFIG
            }
            ComposeError::Store(_)
            | ComposeError::Connect(_)
            | ComposeError::Tls(_)
            | ComposeError::Client { .. } => EXIT_FAILED,
        };
        Self {
            hint: error.hint().map(str::to_owned),
            error: error.into(),
            code,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(ComposeError::from(error))
    }
}

impl From<OpsError> for Failure {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::Compose(error) => Self::from(error),
            OpsError::Store(error) => Self::from(error),
            OpsError::NotConfigured { .. } => Self::config(
                error.into(),
                "configure accounts.NAME, or use --local-only where it is offered",
            ),
            OpsError::ProviderDeclined { done_here, .. } => {
                let here = if done_here {
                    "here it is done, and no debit will be made"
                } else {
                    "nothing was changed"
                };
                let hint =
                    format!("{here}; run the command again, or do it in the provider's dashboard");
                Self::anyhow(error.into(), &hint)
            }
            OpsError::EndedAtProvider { .. } => Self::hinted(
                error,
                "it has ended here too, and its open cycles end: the payer must register a new mandate",
            ),
            OpsError::Database { .. }
            | OpsError::NoMandate(_)
            | OpsError::NoAccount(_)
            | OpsError::NoExecution(_)
            | OpsError::Status { .. }
            | OpsError::Held(_)
            | OpsError::Resolve { .. }
            | OpsError::Declined { .. }
            | OpsError::Words(_)
            | OpsError::NotReinstated { .. }
            | OpsError::Recovering(_)
            | OpsError::SinceLater(_)
            | OpsError::Cycle { .. } => Self::from(anyhow::Error::from(error)),
        }
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Start(error) => Self::from(error),
            DaemonError::Simulation(error) => Self::from(error),
            DaemonError::NoAccount => Self::config(
                error.into(),
                "add a table [accounts.NAME]; config/production.example.toml shows one",
            ),
            DaemonError::Listen(error) => Self::hinted(
                error,
                "stop what uses the port, or set listen.address to a free one",
            ),
            DaemonError::Aborted => Self::hinted(
                error,
                "nothing is lost: what was open is reconciled by the next daemon",
            ),
            DaemonError::Log(_)
            | DaemonError::Signals(_)
            | DaemonError::Hangups(_)
            | DaemonError::Engine(_) => Self::from(anyhow::Error::from(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(failure: &Failure) -> String {
        let mut out = Vec::new();
        failure.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_failure_shows_its_causes_once_and_a_hint() {
        let cause = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let error = anyhow::Error::new(cause).context("connect to Postgres");
        insta::assert_snapshot!(text(&Failure::anyhow(error, "is database.url right?")), @r"
        error: connect to Postgres
        caused by: connection refused

        hint: is database.url right?
        ");
        let same = anyhow::anyhow!("no route").context("connect: no route");
        assert_eq!(text(&Failure::from(same)), "error: connect: no route\n");
    }

    #[test]
    fn only_a_closed_pipe_is_a_closed_pipe() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        let other = Failure::from(io::Error::from(io::ErrorKind::NotFound));
        assert!(closed.is_closed_pipe() && !other.is_closed_pipe());
    }
}
