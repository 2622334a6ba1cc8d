//! Progress for people, on standard error if that is a terminal; nothing otherwise.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use indicatif::{ProgressBar as Bar, ProgressStyle};

use crate::ops::Progress;

const OPEN_END: &str = "{spinner} {msg} {human_pos} ({per_sec})";
const WITH_END: &str = "{msg} {bar:30} {human_pos}/{human_len} ({per_sec}, {eta} left)";

/// It is gone from the terminal when it is dropped.
#[derive(Debug)]
pub struct ProgressBar(Bar);

impl ProgressBar {
    /// Counts what is named.
    pub fn of(what: &'static str) -> Self {
        if !io::stderr().is_terminal() {
            return Self(Bar::hidden());
        }
        Self(
            Bar::new_spinner()
                .with_style(style(OPEN_END))
                .with_message(what),
        )
    }

    /// Says something else of what it counts.
    pub fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }

    /// Draws how far it has come.
    pub fn show(&self, progress: Progress) {
        if progress.of.is_some() && progress.of != self.0.length() {
            self.0.set_style(style(WITH_END));
            self.0.set_length(progress.of.unwrap_or_default());
        }
        self.0.set_position(progress.done);
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
