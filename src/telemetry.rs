//! The log: JSON for machines or text for people, and panics in it like everything else.
//!
//! A JSON line is flat: the fields of the log contract, `timestamp` (RFC 3339, UTC), `level`, `target`, `message`.
//! Fields of spans are not repeated; a line says by itself what it is about.

mod plain_text;
mod sampler;

use std::fmt;
use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Dispatch, error};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::ChronoUtc;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, reload};

use crate::config::{Log, LogFormat};
use plain_text::JsonLines;
use sampler::Sampler;
pub use sampler::left_out;

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// For `run`: the log is what it has to say.
    Stdout,
    /// For all other commands: standard output is for their results.
    Stderr,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("log.filter {filter:?} is not a filter")]
    Filter {
        filter: String,
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    #[error("the log of this process was set up before")]
    Twice(#[source] SetGlobalDefaultError),
    #[error("the log of this process is not there any more")]
    Gone(#[source] reload::Error),
}

/// What is logged, which can change while the process runs.
pub struct LogFilter(Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>);

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFilter").finish_non_exhaustive()
    }
}

impl LogFilter {
    pub fn set(&self, filter: &str) -> Result<(), TelemetryError> {
        (self.0)(parse(filter)?).map_err(TelemetryError::Gone)
    }
}

/// Sets up the log of this process, panics included. Once.
pub fn init(log: &Log, destination: Destination) -> Result<LogFilter, TelemetryError> {
    let (dispatch, filter) = match destination {
        Destination::Stdout => build(log, std::io::stdout().is_terminal(), std::io::stdout)?,
        Destination::Stderr => build(log, std::io::stderr().is_terminal(), std::io::stderr)?,
    };
    tracing::dispatcher::set_global_default(dispatch).map_err(TelemetryError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(filter)
}

/// A log that writes to `writer`; text with colours, if it is for a terminal.
pub fn dispatch<W>(log: &Log, colour: bool, writer: W) -> Result<Dispatch, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(build(log, colour, writer)?.0)
}

fn build<W>(log: &Log, colour: bool, writer: W) -> Result<(Dispatch, LogFilter), TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = parse(&log.filter)?;
    let timer = ChronoUtc::new("%Y-%m-%dT%H:%M:%S%.6fZ".to_owned());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(timer);
    Ok(match log.format {
        LogFormat::Json => {
            let json = builder
                .with_writer(JsonLines(writer))
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .with_filter_reloading();
            let handle = json.reload_handle();
            let filter = LogFilter(Box::new(move |filter| handle.reload(filter)));
            (
                Dispatch::new(json.finish().with(Sampler::default())),
                filter,
            )
        }
        LogFormat::Text => {
            let text = builder
                .with_writer(writer)
                .fmt_fields(plain_text::fields())
                .with_ansi(colour)
                .with_target(false)
                .with_filter_reloading();
            let handle = text.reload_handle();
            let filter = LogFilter(Box::new(move |filter| handle.reload(filter)));
            (
                Dispatch::new(text.finish().with(Sampler::default())),
                filter,
            )
        }
    })
}

fn parse(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter {
            filter: filter.to_owned(),
            source,
        })
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info
        .location()
        .map_or_else(String::new, ToString::to_string);
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    error!(
        panic.location = location,
        panic.message = message,
        "a task panicked: this is a bug in mandated"
    );
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(format: LogFormat, filter: &str, work: impl FnOnce()) -> Vec<String> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let log = Log {
            format,
            filter: filter.to_owned(),
        };
        let dispatch = dispatch(&log, false, move || writer.clone()).unwrap();
        tracing::dispatcher::with_default(&dispatch, work);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn a_json_line_is_flat_and_has_an_rfc_3339_time() {
        let lines = lines(LogFormat::Json, "info", || {
            tracing::info!(
                execution.id = 7,
                mandate.r#ref = "m-1",
                outcome = "charged",
                "collected"
            );
            tracing::debug!("not shown");
        });
        assert_eq!(lines.len(), 1);
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["execution.id"], 7);
        assert_eq!(line["mandate.ref"], "m-1");
        assert_eq!(line["outcome"], "charged");
        assert_eq!(line["message"], "collected");
        assert_eq!(line["level"], "INFO");
        let timestamp = line["timestamp"].as_str().unwrap();
        assert!(
            timestamp.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(timestamp).is_ok(),
            "{timestamp}"
        );
    }

    #[test]
    fn text_is_for_people() {
        let lines = lines(LogFormat::Text, "info", || tracing::warn!(job = 1, "slow"));
        assert!(
            lines[0].contains("WARN") && lines[0].contains("slow") && lines[0].contains("job"),
            "{lines:?}"
        );
    }

    #[test]
    fn what_others_wrote_is_nothing_but_text_in_both_formats() {
        let hostile = "a\u{1b}[2J\r\nFORGED\u{9b}\u{202e}b";
        for format in [LogFormat::Json, LogFormat::Text] {
            let lines = lines(format, "info", || {
                tracing::warn!(debug = hostile, shown = %hostile, "said {hostile}");
            });
            assert_eq!(lines.len(), 1, "{lines:?}");
            let seen = |c: &char| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(c);
            assert!(lines[0].chars().all(|c| seen(&c)), "{lines:?}");
            if format == LogFormat::Json {
                let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
                assert_eq!(line["shown"], hostile);
            }
        }
    }

    #[test]
    fn a_panic_is_logged_with_its_place() {
        let lines = lines(LogFormat::Json, "info", || {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(log_panic));
            let result = std::panic::catch_unwind(|| panic!("on purpose"));
            std::panic::set_hook(before);
            assert!(result.is_err());
        });
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["panic.message"], "on purpose");
        assert!(
            line["panic.location"]
                .as_str()
                .unwrap()
                .contains("telemetry.rs")
        );
        assert_eq!(line["level"], "ERROR");
    }

    #[test]
    fn the_twenty_first_warning_of_a_kind_is_left_out_and_counted_but_no_state_change() {
        let before = left_out();
        let lines = lines(LogFormat::Text, "info", || {
            for n in 0..50 {
                tracing::warn!(n, "again");
                tracing::info!(n, "as it should be");
                tracing::warn!(target: "mandated::engine::log", n, "not collected");
            }
            tracing::warn!("another");
        });
        let of = |message: &str| lines.iter().filter(|line| line.contains(message)).count();
        let said = ["again", "as it should be", "not collected", "another"].map(of);
        assert_eq!(said, [20, 50, 50, 1]);
        assert!(left_out().saturating_sub(before) >= 30);
    }

    #[test]
    fn a_broken_filter_is_named() {
        let log = Log {
            format: LogFormat::Json,
            filter: "info,=x=".to_owned(),
        };
        let error = dispatch(&log, false, std::io::sink)
            .unwrap_err()
            .to_string();
        assert!(error.contains("log.filter"), "{error}");
    }
}
