//! `mandated check-config`: the configuration in force, as TOML for people or JSON for programs.

use std::io::{self, Write};

use serde_json::json;

use super::output;
use crate::config::{Config, ConfigErrors};

/// Prints a good configuration, with the origin of each value and without secrets.
pub fn write(out: &mut (impl Write + ?Sized), config: &Config, json: bool) -> io::Result<()> {
    if !json {
        return write!(out, "{config}");
    }
    for (key, value, origin) in config.in_force() {
        output::write_json(out, &json!({ "key": key, "value": value, "from": origin }))?;
    }
    Ok(())
}

/// Prints what is wrong with a bad one, for programs. People get it with the other errors, on standard error.
pub fn write_errors(out: &mut (impl Write + ?Sized), errors: &ConfigErrors) -> io::Result<()> {
    for problem in errors.problems() {
        output::write_json(
            out,
            &json!({ "key": problem.key, "error": problem.message, "from": problem.origin }),
        )?;
    }
    Ok(())
}
