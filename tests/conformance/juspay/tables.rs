//! The error table of "Mandate Execution API", as its two pages print it.

use super::support::documented;

/// (HTTP status, description, body) of every row.
pub(crate) fn error_rows() -> Vec<(u16, String, String)> {
    let rows = documented!("execution_errors.md")
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.splitn(3, " | ");
            let status = cells.next()?.parse().ok()?;
            let description = squeeze(cells.next()?);
            Some((
                status,
                description,
                body(cells.next()?.trim_end_matches('|').trim()),
            ))
        });
    rows.collect()
}

/// The same of the page that puts every cell on its own line.
pub(super) fn text_rows(page: &str) -> Vec<(u16, String, String)> {
    let lines: Vec<&str> = page.lines().collect();
    let rows = lines.windows(3).filter_map(|row| {
        let [status, description, answer] = row else {
            return None;
        };
        let description = squeeze(description.strip_prefix("| ")?);
        Some((
            status.parse().ok()?,
            description,
            body(answer.strip_prefix("| ")?),
        ))
    });
    rows.collect()
}

/// A dash in the table stands for no body.
fn body(cell: &str) -> String {
    if cell == "-" {
        String::new()
    } else {
        cell.to_owned()
    }
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
