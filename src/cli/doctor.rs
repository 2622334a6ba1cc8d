//! `doctor`: a line for each finding, and what to do below it.

use std::io::{self, Write};

use anyhow::anyhow;

use super::Failure;
use super::print::{Format, write_json};
use crate::config::Config;
use crate::ops::doctor::{Finding, Grade, examine};

pub(super) async fn run(
    config: &Config,
    offline: bool,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let findings = examine(config, offline).await?;
    write(&findings, format, out)?;
    let broken = findings
        .iter()
        .filter(|finding| finding.grade == Grade::Failed)
        .count();
    if broken == 0 {
        return Ok(());
    }
    Err(Failure::anyhow(
        anyhow!(
            "{broken} of {} looks found something broken",
            findings.len()
        ),
        "each line above that begins with FAILED says what to do",
    ))
}

fn write(findings: &[Finding], format: Format, out: &mut dyn Write) -> io::Result<()> {
    let width = findings
        .iter()
        .map(|finding| finding.about.chars().count())
        .max()
        .unwrap_or_default();
    for finding in findings {
        if format == Format::Json {
            write_json(out, finding)?;
            continue;
        }
        let Finding {
            grade,
            about,
            found,
            fix,
        } = finding;
        print_line!(out, "{:<7}  {about:<width$}  {found}", grade.as_str())?;
        if let Some(fix) = fix {
            print_line!(out, "{:7}  {:width$}  -> {fix}", "", "")?;
        }
    }
    Ok(())
}
