//! What was logged on this thread, as the JSON lines that an operator would see.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use mandated::config::LogFormat;
use mandated::telemetry;
use serde_json::Value;
use tracing::dispatcher::{DefaultGuard, Dispatch};
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;

/// While there is one subscriber alone, `tracing` lets the thread that first comes by a line decide whether anybody wants it, and the
/// thread of another test may want none.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// Keeps every line of this thread until it is dropped. A test on a runtime of one thread has all of its lines here.
pub(crate) struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// What `mandated run` would write.
    pub(crate) fn capture() -> Self {
        Self::filtered("info")
    }

    /// The same with another `log.filter`.
    pub(crate) fn filtered(filter: &str) -> Self {
        LazyLock::force(&ANOTHER);
        let lines = Lines::default();
        let settings = mandated::config::Log {
            format: LogFormat::Json,
            filter: filter.to_owned(),
        };
        let dispatch = telemetry::dispatch(&settings, false, lines.clone()).unwrap();
        Self {
            lines,
            _guard: tracing::dispatcher::set_default(&dispatch),
        }
    }

    /// All of it as it was written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .collect()
    }

    /// The lines of a level, such as `ERROR`.
    pub(crate) fn of(&self, level: &str) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line["level"] == level);
        lines
    }
}
