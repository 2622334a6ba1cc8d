//! Which line of this file each mandate came from, for the message about a second one.

use std::collections::{BTreeMap, HashMap};

use super::report::Problem;
use crate::store::import::{Existing, NewMandate};

/// Neighbouring lines become mandates with neighbouring numbers, so runs of both are kept, not every mandate: a clean
/// file of a million rows is one run.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By the number of the run's first mandate: the line of it, and how many there are.
    runs: BTreeMap<i64, Run>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    line: u64,
    length: u64,
}

impl Seen {
    pub(super) fn add(&mut self, id: i64, line: u64) {
        if let Some((first, run)) = self.runs.range_mut(..id).next_back()
            && first.checked_add_unsigned(run.length) == Some(id)
            && run.line.checked_add(run.length) == Some(line)
        {
            run.length = run.length.saturating_add(1);
            return;
        }
        self.runs.insert(id, Run { line, length: 1 });
    }

    pub(super) fn line_of(&self, id: i64) -> Option<u64> {
        let (first, run) = self.runs.range(..=id).next_back()?;
        let offset = id.checked_sub(*first)?.unsigned_abs();
        (offset < run.length).then(|| run.line.saturating_add(offset))
    }
}

/// The problem of a row whose column has the value of an earlier row.
pub(super) fn twice(line: u64, column: &str, above: u64) -> Problem {
    Problem::new(line, Some(column), format!("is on line {above} already"))
}

/// The problem of a row whose `mandate_id` another mandate has.
pub(super) fn known(mandate: &Existing) -> Problem {
    let Existing {
        line,
        reference,
        other_spelling,
        other_account,
        ..
    } = mandate;
    let spelling = other_spelling
        .as_ref()
        .map_or_else(String::new, |spelling| {
            format!(" (there it is written {spelling})")
        });
    let account = other_account.as_ref().map_or_else(String::new, |account| {
        format!(
            " of account {account}: a provider gives an id once, so both rows are one mandate, and it would be debited under both; leave \
             this row out, and keep one account, {account}; mandates of a sandbox need a database of their own"
        )
    });
    let reason = format!("is registered already, as ref {reference:?}{spelling}{account}");
    // A ref of ours, however it looks.
    Problem {
        line: *line,
        column: Some("mandate_id".to_owned()),
        reason,
    }
}

/// The new rows of one batch, which the database does not know yet.
#[derive(Debug, Default)]
pub(super) struct New {
    refs: HashMap<String, u64>,
    /// By provider and its id, whatever the account and the case.
    registrations: HashMap<(&'static str, String), u64>,
}

impl New {
    /// Takes in a row, or says which one it repeats.
    pub(super) fn add(&mut self, mandate: &NewMandate) -> Option<Problem> {
        let line = mandate.line;
        let registration = (
            mandate.provider,
            mandate.provider_mandate_id.to_ascii_lowercase(),
        );
        if let Some(above) = self.refs.get(&mandate.reference) {
            return Some(twice(line, "ref", *above));
        }
        if let Some(above) = self.registrations.get(&registration) {
            return Some(twice(line, "mandate_id", *above));
        }
        self.refs.insert(mandate.reference.clone(), line);
        self.registrations.insert(registration, line);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join_and_gaps_split_them() {
        let mut seen = Seen::default();
        for (id, line) in [(10, 2), (11, 3), (12, 5), (13, 6), (20, 7), (5, 9)] {
            seen.add(id, line);
        }
        assert_eq!(seen.runs.len(), 4);
        let lines = [5, 9, 10, 11, 12, 13, 14, 20, 21].map(|id| seen.line_of(id));
        assert_eq!(
            lines,
            [
                Some(9),
                None,
                Some(2),
                Some(3),
                Some(5),
                Some(6),
                None,
                Some(7),
                None
            ]
        );
    }
}
