//! What is wrong with a cron expression, in the words of its writer, and what to write instead.

const FIVE_TO_SEVEN: &str = "write 5 fields (minute, hour, day of month, month, day of week), \
    6 (second first) or 7 (year last), such as 0 6 1 * *";
const NO_LAST_DAY: &str = "there is no L; month ends are the frequencies' job: \
    use frequency monthly with starts_on on a 31st";
// Sunday is 0 in a crontab and 1 in the crate. A day's difference is a wrong debit.
const NAMES_ONLY: &str = "write days of the week as names (MON, MON-FRI): \
    what the numbers mean differs between crons";
const DAY_NUMBERS: &str =
    "write the day of the month as a number, a list (1,15), a range (1-7), a step (*/10) or *";
const NTH: &[(&str, &str)] = &[
    ("1", "1-7"),
    ("2", "8-14"),
    ("3", "15-21"),
    ("4", "22-28"),
    ("5", "29-31"),
];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The words of other crons, and the frequency that says the same.
const WORDS: &[(&str, &str)] = &[
    ("@daily", "daily"),
    ("@midnight", "daily"),
    ("@weekly", "weekly"),
    ("@monthly", "monthly"),
    ("@yearly", "yearly"),
    ("@annually", "yearly"),
];

/// What the crate would read in another way than other crons, or would not explain. The fields begin with the second's.
pub(super) fn before_parsing(expression: &str, fields: &[&str]) -> Option<String> {
    if let [word] = expression.split_whitespace().collect::<Vec<_>>().as_slice() {
        return Some(one_word(word));
    }
    let [
        second,
        minute,
        hour,
        day_of_month,
        month,
        day_of_week,
        rest @ ..,
    ] = fields
    else {
        return Some(FIVE_TO_SEVEN.to_owned());
    };
    if rest.len() > 1 {
        return Some(FIVE_TO_SEVEN.to_owned());
    }
    // No name of a day has an L.
    if [day_of_month, day_of_week]
        .iter()
        .any(|field| field.contains(['L', 'l']))
    {
        return Some(NO_LAST_DAY.to_owned());
    }
    if !day_of_month
        .chars()
        .all(|c| c.is_ascii_digit() || "*?,-/".contains(c))
    {
        return Some(DAY_NUMBERS.to_owned());
    }
    if let Some((day, nth)) = day_of_week.split_once('#') {
        let at = [*minute, *hour, *month];
        return Some(nth_day(day, nth, at));
    }
    if day_of_week.contains(|c: char| c.is_ascii_digit()) {
        return Some(NAMES_ONLY.to_owned());
    }
    [
        (*second, "seconds", 0, 59),
        (*minute, "minutes", 0, 59),
        (*hour, "hours", 0, 23),
        (*day_of_month, "days of the month", 1, 31),
        (*month, "months", 1, 12),
    ]
    .into_iter()
    .find_map(|(field, name, least, most)| out_of_range(field, name, least, most))
}

/// What the crate says, without its drawing of the expression, which would show our own seconds.
pub(super) fn after_parsing(error: &cron::error::Error) -> String {
    let text = error.to_string();
    match text.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(line) if text.lines().count() > 2 => line.trim_end_matches('.').to_owned(),
        Some(_) | None => FIVE_TO_SEVEN.to_owned(),
    }
}

fn one_word(word: &str) -> String {
    let lower = word.to_lowercase();
    match WORDS.iter().find(|(known, _)| *known == lower) {
        Some((_, frequency)) => {
            format!("there are no words for it: write frequency {frequency} and no cron")
        }
        None => FIVE_TO_SEVEN.to_owned(),
    }
}

/// "MON#2" in fields that are read: the second Monday lies on one of seven days of the month.
fn nth_day(day: &str, nth: &str, [minute, hour, month]: [&str; 3]) -> String {
    let upper = day.to_uppercase();
    // A number is a different day in different crons: none is guessed.
    let name = DAYS.iter().find(|name| upper.starts_with(**name));
    let name = name.copied().unwrap_or("MON");
    let days = NTH.iter().find(|(known, _)| *known == nth);
    let days = days.map_or("8-14", |(_, days)| days);
    format!(
        "there is no #; both days must match, so write the days of the month that it can be and its name, such as {minute} {hour} {days} {month} {name}"
    )
}

/// Numbers that a field does not have, in the field's own limits.
fn out_of_range(field: &str, name: &str, least: u32, most: u32) -> Option<String> {
    let wrong = field
        .split([',', '-'])
        .map(|part| part.split('/').next().unwrap_or_default())
        .filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        .find(|part| {
            part.parse::<u32>()
                .map_or(true, |number| !(least..=most).contains(&number))
        })?;
    Some(format!("{name} are {least} to {most}, and not {wrong}"))
}
