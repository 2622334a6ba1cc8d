use chrono::Days;

use super::*;

fn name(frequency: Frequency, day: &str) -> String {
    Period::of(&Schedule::Every(frequency), day.parse().unwrap())
        .unwrap()
        .to_string()
}

#[test]
fn each_frequency_names_its_periods_by_the_calendar() {
    use Frequency as F;
    let table = [
        (F::Onetime, "2026-11-22", "once"),
        (F::Daily, "2026-11-22", "2026-11-22"),
        (F::Aspresented, "2026-11-22", "2026-11-22"),
        (F::Weekly, "2026-11-22", "2026-W47"),
        (F::Weekly, "2027-01-03", "2026-W53"),
        (F::Weekly, "2027-01-04", "2027-W01"),
        (F::Fortnightly, "2026-11-15", "2026-11-H1"),
        (F::Twicemonthly, "2026-11-16", "2026-11-H2"),
        (F::Monthly, "2026-02-28", "2026-02"),
        (F::Bimonthly, "2026-02-28", "2026-01+02"),
        (F::Bimonthly, "2026-12-31", "2026-11+12"),
        (F::Quarterly, "2026-03-31", "2026-Q1"),
        (F::Quarterly, "2026-10-01", "2026-Q4"),
        (F::Halfyearly, "2026-06-30", "2026-H1"),
        (F::Halfyearly, "2026-07-01", "2026-H2"),
        (F::Yearly, "2026-12-31", "2026"),
    ];
    for (frequency, day, expected) in table {
        assert_eq!(name(frequency, day), expected, "{frequency} {day}");
        assert_eq!(expected.parse::<Period>().unwrap().to_string(), expected);
    }
}

#[test]
fn a_cycle_of_any_schedule_that_is_open_is_among_the_periods() {
    let (first, last) = ("2026-10-30".parse().unwrap(), "2026-11-02".parse().unwrap());
    let all: Vec<String> = Period::all_open_between(first, last, Days::new(2))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        all.join(" "),
        "once 2026-10-28 2026-10-29 2026-10-30 2026-10-31 2026-11-01 2026-11-02 2026-W43 2026-W44 2026-W45 \
         2026-10-H1 2026-10-H2 2026-11-H1 2026-09 2026-10 2026-11 2026-07+08 2026-09+10 2026-11+12 2026-Q3 2026-Q4 \
         2026-H1 2026-H2 2025 2026"
    );
}

#[test]
fn a_period_ends_where_the_next_one_begins() {
    for (name, days) in [
        ("2026-11-30", "2026-11-30..2026-12-01"),
        ("2026-W53", "2026-12-28..2027-01-04"),
        ("2026-11-H1", "2026-11-01..2026-11-16"),
        ("2026-12-H2", "2026-12-16..2027-01-01"),
        ("2026-02", "2026-02-01..2026-03-01"),
        ("2026-11+12", "2026-11-01..2027-01-01"),
        ("2026-Q4", "2026-10-01..2027-01-01"),
        ("2026-H1", "2026-01-01..2026-07-01"),
        ("2026", "2026-01-01..2027-01-01"),
    ] {
        let period: Period = name.parse().unwrap();
        assert_eq!(format!("{:?}", period.days().unwrap()), days, "{name}");
    }
    assert_eq!("once".parse::<Period>().unwrap().days(), None);
}

#[test]
fn a_text_that_is_no_periods_own_name_is_refused() {
    for text in [
        "",
        "2026-13",
        "2026-11-H3",
        "2026-W54",
        "2026-02+03",
        "2026-Q5",
        "2026-H0",
        "twice",
        "26-11",
        "2026-1",
    ] {
        assert_eq!(text.parse::<Period>(), Err(PeriodError), "{text}");
    }
}
