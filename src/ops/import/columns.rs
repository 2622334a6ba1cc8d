//! The columns of an import: one table that the reader checks against and the documentation is printed from.

use super::report::Problem;
use crate::domain::nearest::nearest;

/// A column of a CSV file, or a key of a JSON line.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is empty: its default, or that it is required.
    pub when_empty: &'static str,
    /// What goes into it.
    pub about: &'static str,
}

const REQUIRED: &str = "required";

const fn column(name: &'static str, when_empty: &'static str, about: &'static str) -> Column {
    Column {
        name,
        when_empty,
        about,
    }
}

/// Every column there is, in the order in which the documentation shows them.
pub const COLUMNS: [Column; 18] = [
    column(
        "ref",
        REQUIRED,
        "your own reference for the mandate, unique, at most 100 characters",
    ),
    column(
        "account",
        REQUIRED,
        "the name of a configured account ([accounts.NAME])",
    ),
    column(
        "mandate_id",
        REQUIRED,
        "the provider's id: Juspay mandate_id, Signzy subReferenceId",
    ),
    column("customer_id", "required for Juspay", "Juspay's customer_id"),
    column("rail", REQUIRED, "upi, card or enach"),
    column(
        "notify",
        "none for enach at Juspay, else required",
        "who notifies the payer: separate, provider or none",
    ),
    column(
        "amount",
        "required unless frequency is aspresented",
        "what a cycle costs, decimal text such as 499.00",
    ),
    column(
        "max_amount",
        "the amount",
        "the most that one debit may take",
    ),
    column(
        "currency",
        "INR",
        "three-letter ISO code of both amounts; INR, except for cards at Juspay",
    ),
    column(
        "frequency",
        "cron is required",
        "onetime, daily, weekly, fortnightly, monthly, bimonthly, quarterly, halfyearly, yearly or aspresented",
    ),
    column(
        "cron",
        "frequency is required",
        "a cron expression that fires at most once a day, in time_zone",
    ),
    column(
        "time_zone",
        "Asia/Kolkata",
        "IANA name; days and times of the mandate are counted in it",
    ),
    column(
        "starts_on",
        REQUIRED,
        "the first day, YYYY-MM-DD, which frequencies are anchored to; cycles whose debit time has passed at the import are left alone",
    ),
    column(
        "ends_on",
        "no end",
        "the last day, itself included, YYYY-MM-DD",
    ),
    column(
        "debit_at",
        "06:00",
        "local time of day to debit at, HH:MM; a cron expression has its own",
    ),
    column(
        "category",
        "none",
        "a word such as fastag, ncmc or insurance: limits and exemptions hang on it",
    ),
    column(
        "description",
        "none",
        "shown to the payer, at most 50 characters",
    ),
    column(
        "metadata",
        "{}",
        "a JSON object of order.* and udf fields to send",
    ),
];

/// The column of a name, as the table spells it.
pub(super) fn find(name: &str) -> Option<&'static str> {
    COLUMNS
        .iter()
        .map(|column| column.name)
        .find(|known| *known == name)
}

/// What is wrong with a name that is no column: the one that was probably meant, or all of them.
pub(super) fn unknown(line: u64, name: &str) -> Problem {
    let names = COLUMNS.map(|column| column.name);
    let reason = match nearest(name, names.iter().copied()) {
        Some(near) => format!("is not a column; did you mean {near}?"),
        None => format!("is not a column; the columns are {}", names.join(" ")),
    };
    Problem::new(line, Some(name), reason)
}

/// The columns that have no name, counted from 1: what spreadsheets write for columns that once held something.
fn nameless(line: u64, names: &[String]) -> Option<Problem> {
    let numbers: Vec<String> = (1_u64..)
        .zip(names)
        .filter(|(_, name)| name.is_empty())
        .map(|(number, _)| number.to_string())
        .collect();
    let reason = match numbers.as_slice() {
        [] => return None,
        [number] => format!("column {number} has no name: name it, or remove it from every line"),
        many => format!(
            "columns {} have no name: name them, or remove them from every line",
            many.join(", ")
        ),
    };
    Some(Problem::new(line, None, reason))
}

/// The columns of a CSV header, or everything that is wrong with it.
pub(super) fn check_header(line: u64, names: &[String]) -> Result<Vec<&'static str>, Vec<Problem>> {
    if let [only] = names
        && let Some(separator) = only.chars().find(|c| [';', '\t', '|'].contains(c))
    {
        let reason = format!("has its columns separated by {separator:?}: write commas");
        return Err(vec![Problem::new(line, None, reason)]);
    }
    if names.first().is_some_and(|name| name.starts_with("sep=")) {
        let reason = "is a spreadsheet's own line about its separator: remove it";
        return Err(vec![Problem::new(line, None, reason.to_owned())]);
    }
    let mut problems: Vec<Problem> = nameless(line, names).into_iter().collect();
    let mut columns: Vec<&'static str> = Vec::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        match find(name) {
            None => problems.push(unknown(line, name)),
            Some(known) if columns.contains(&known) => {
                problems.push(Problem::new(line, Some(known), "is there twice".to_owned()));
            }
            Some(known) => columns.push(known),
        }
    }
    let required = COLUMNS
        .iter()
        .filter(|column| column.when_empty == REQUIRED);
    for column in required.filter(|column| !columns.contains(&column.name)) {
        problems.push(Problem::new(
            line,
            Some(column.name),
            format!("is missing: {}", column.about),
        ));
    }
    for [one, other] in [["frequency", "cron"], ["amount", "max_amount"]] {
        if !columns.contains(&one) && !columns.contains(&other) {
            problems.push(Problem::new(
                line,
                Some(one),
                format!("is missing, and so is {other}"),
            ));
        }
    }
    if problems.is_empty() {
        Ok(columns)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &str) -> String {
        let names: Vec<String> = names.split(',').map(str::to_owned).collect();
        match check_header(1, &names) {
            Ok(columns) => columns.join(" "),
            Err(problems) => problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    #[test]
    fn a_header_names_everything_that_is_wrong_with_it() {
        insta::assert_snapshot!(header("ref,acount,mandate_id,rail,rail,colour,Starts_On"), @r"
        line 1, acount: is not a column; did you mean account?
        line 1, rail: is there twice
        line 1, colour: is not a column; the columns are ref account mandate_id customer_id rail notify amount max_amount currency frequency cron time_zone starts_on ends_on debit_at category description metadata
        line 1, Starts_On: is not a column; did you mean starts_on?
        line 1, account: is missing: the name of a configured account ([accounts.NAME])
        line 1, starts_on: is missing: the first day, YYYY-MM-DD, which frequencies are anchored to; cycles whose debit time has passed at the import are left alone
        line 1, frequency: is missing, and so is cron
        line 1, amount: is missing, and so is max_amount
        ");
        insta::assert_snapshot!(header("ref,account,mandate_id,rail,starts_on,cron,max_amount"), @"ref account mandate_id rail starts_on cron max_amount");
    }
}
