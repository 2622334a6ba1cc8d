//! `mandated check-config`: the configuration in force, as TOML for people or JSON for programs.

use std::io::{self, Write};

use serde_json::json;

use super::print::{Format, write_json};
use crate::config::{Config, ConfigErrors};

/// Prints a good configuration, with the origin of each value and without secrets.
pub(super) fn write(out: &mut dyn Write, config: &Config, format: Format) -> io::Result<()> {
    if format == Format::Text {
        return write!(out, "{config}");
    }
    for (key, value, origin) in config.in_force() {
        write_json(out, &json!({ "key": key, "value": value, "from": origin }))?;
    }
    Ok(())
}

/// Prints what is wrong with a bad one, for programs. People get it with the other errors, on standard error.
pub(super) fn write_errors(out: &mut dyn Write, errors: &ConfigErrors) -> io::Result<()> {
    for problem in errors.problems() {
        write_json(
            out,
            &json!({ "key": problem.key, "error": problem.message, "from": problem.origin }),
        )?;
    }
    Ok(())
}
