//! What an import shows of a cell, and that what it says to write is then accepted.

use super::{checked, json_row, wrong};

fn by_cron(cell: &str) -> String {
    wrong(&[("frequency", ""), ("cron", cell)])
}

#[test]
fn a_reader_is_shown_his_own_cell_whatever_stands_in_it() {
    for (column, cell) in [
        ("starts_on", "2026-12-31 00:00:00"),
        ("ends_on", "9876543210"),
        ("amount", "98765432101234567"),
        ("amount", "asha@okhdfc"),
        ("rail", "+91 98765 43210"),
        ("account", "asha@example.in"),
        ("currency", "123456789012"),
        ("time_zone", "asha@example.in"),
        ("debit_at", "987654321012"),
        ("category", "asha@okhdfc"),
        ("frequency", "@monthly"),
        ("metadata", "asha@example.in"),
        ("mandate_id", "9876543210.0"),
    ] {
        let why = wrong(&[(column, cell)]);
        assert!(
            why.starts_with(&format!("line 2, {column}: {cell:?} ")),
            "{why}"
        );
    }
    assert!(by_cron("@monthly").starts_with(r#"line 2, cron: "@monthly" is not"#));
    assert!(!by_cron("asha@example.in").contains("redacted"));
}

#[test]
fn a_cell_moves_no_terminal_and_is_cut_before_the_advice() {
    for column in [
        "starts_on",
        "amount",
        "rail",
        "account",
        "currency",
        "time_zone",
        "debit_at",
        "category",
        "metadata",
        "notify",
        "ref",
    ] {
        for cell in [
            "\u{1b}[2J\u{7}",
            "a\rline 1: fine",
            "a\u{202e}b",
            "a\u{9b}31m",
        ] {
            let why = wrong(&[(column, cell)]);
            let obeyed = |c: char| c.is_control() || c == '\u{202e}';
            assert!(
                !why.is_empty() && !why.contains(obeyed),
                "{column}: {why:?}"
            );
        }
        let why = wrong(&[(column, &"x".repeat(300_000))]);
        assert!(
            !why.is_empty() && why.len() < 400 && !why.ends_with('…'),
            "{column}: {why}"
        );
    }
    let key = "{\"a\u{1b}[2J\": 1}\n";
    assert!(!checked(key).unwrap()[0].contains('\u{1b}'));
}

#[test]
fn days_and_times_say_what_to_write_and_no_leap_second_is_taken() {
    for (column, cell, hint) in [
        (
            "starts_on",
            "2026-12-31 00:00:00",
            "leave the time out, and write 2026-12-31",
        ),
        (
            "ends_on",
            "2026-12-31T00:00:00",
            "leave the time out, and write 2026-12-31",
        ),
        (
            "starts_on",
            "2026-12-31T00:00:00+05:30",
            "leave the time out",
        ),
        ("starts_on", "46387", "format the column as YYYY-MM-DD"),
        ("starts_on", "2026-02-30", "is in no calendar"),
        ("starts_on", "31/12/2026", "write YYYY-MM-DD"),
        ("debit_at", "06:00:60", "write HH:MM, from 00:00 to 23:59"),
        ("debit_at", "23:59:60", "write HH:MM, from 00:00 to 23:59"),
        ("debit_at", "6:00 AM", "write HH:MM"),
        ("debit_at", "24:00", "write HH:MM, from 00:00 to 23:59"),
        ("debit_at", "0.25", "write HH:MM"),
    ] {
        assert!(wrong(&[(column, cell)]).contains(hint), "{column} {cell}");
    }
    assert_eq!(
        wrong(&[("debit_at", "23:59:59"), ("ends_on", "2026-12-31")]),
        ""
    );
}

#[test]
fn the_time_zone_that_a_hint_names_is_taken() {
    for (written, meant) in [
        ("IST", "Asia/Kolkata"),
        ("ist", "Asia/Kolkata"),
        ("+05:30", "Asia/Kolkata"),
        ("UTC+5:30", "Asia/Kolkata"),
        ("India Standard Time", "Asia/Kolkata"),
        ("Mumbai", "Asia/Kolkata"),
        ("PST", "America/Los_Angeles"),
        ("Dubai", "Asia/Dubai"),
        ("Asia/Kolkatta", "Asia/Kolkata"),
    ] {
        let why = wrong(&[("time_zone", written)]);
        assert!(why.ends_with(&format!("did you mean {meant}?")), "{why}");
        assert_eq!(wrong(&[("time_zone", meant)]), "");
    }
    assert!(wrong(&[("time_zone", "ABC")]).ends_with("write one such as Asia/Kolkata"));
}

#[test]
fn a_mandate_at_signzy_has_indias_days() {
    let why = |zone| {
        let cells = [
            ("account", "nach"),
            ("mandate_id", "3290000"),
            ("customer_id", ""),
            ("rail", "enach"),
            ("notify", "none"),
            ("time_zone", zone),
        ];
        wrong(&cells)
    };
    assert!(why("America/New_York").contains("Signzy counts days in India; write Asia/Kolkata"));
    for indian in ["Asia/Kolkata", "Asia/Calcutta", ""] {
        assert_eq!(why(indian), "", "{indian}");
    }
}

#[test]
fn the_text_that_a_number_in_json_should_be_is_taken_and_is_the_number() {
    for (number, hint) in [
        ("499.5", r#""499.50""#),
        ("499", r#""499.00""#),
        ("499.0", r#""499.00""#),
        ("1e3", r#""1000.00""#),
        ("12345678901234567890.12", r#""499.00""#),
        ("90071992547409.93", r#""499.00""#),
        ("499.001", r#""499.00""#),
        ("98765432101234567", r#""499.00""#),
        ("-5", r#""499.00""#),
        ("0", r#""499.00""#),
        ("true", r#""499.00""#),
    ] {
        let why = checked(json_row("amount", number)).unwrap().remove(0);
        let (_, said) = why.rsplit_once("such as ").unwrap();
        assert_eq!(said, hint, "{number}: {why}");
        assert_eq!(checked(json_row("amount", said)).unwrap(), [""], "{said}");
    }
    let yen = json_row("amount", "500.0").replace('}', ",\"currency\":\"JPY\"}");
    assert!(checked(yen).unwrap()[0].ends_with(r#"such as "500""#));
    for (column, value) in [
        ("starts_on", "20261231"),
        ("debit_at", "6"),
        ("ends_on", "1798675200"),
    ] {
        let why = checked(json_row(column, value)).unwrap().remove(0);
        let (_, said) = why.rsplit_once("such as ").unwrap();
        assert_eq!(checked(json_row(column, said)).unwrap(), [""], "{why}");
    }
}

#[test]
fn a_cron_says_its_limits_and_what_another_cron_meant() {
    for (written, hint) in [
        ("0 24 * * *", "hours are 0 to 23, and not 24"),
        ("0 25 1 * *", "hours are 0 to 23, and not 25"),
        ("60 6 1 * *", "minutes are 0 to 59, and not 60"),
        ("0 6 32 * *", "days of the month are 1 to 31, and not 32"),
        ("0 6 0 * *", "days of the month are 1 to 31, and not 0"),
        ("0 6 1 13 *", "months are 1 to 12, and not 13"),
        (
            "0 6 * * 1",
            "write days of the week as names (MON, MON-FRI)",
        ),
        ("@monthly", "write frequency monthly and no cron"),
        ("@annually", "write frequency yearly and no cron"),
    ] {
        let why = by_cron(written);
        assert!(why.contains(hint), "{why}");
    }
    for written in [
        "0 6 * * MON#2",
        "0 6 * * mon#1",
        "0 6 * * 1#3",
        "15 7 * 6 FRI#4",
        "0 6 * * SUN#5",
    ] {
        let why = by_cron(written);
        let (_, meant) = why.rsplit_once("such as ").unwrap();
        assert_eq!(by_cron(meant), "", "{why}");
    }
    assert!(by_cron("0 6 * * MON#2").ends_with("such as 0 6 8-14 * MON"));
}
