//! Ids that a spreadsheet has spoilt, or that have something in them that nobody sees.

use super::{checked, json_row, wrong};

const IDS: [&str; 3] = ["ref", "mandate_id", "customer_id"];

#[test]
fn what_a_spreadsheet_has_made_of_an_id_is_refused_in_every_column_of_ids() {
    for column in IDS {
        for spoilt in [
            "1.23457E+15",
            "3293789.0",
            "1,234,567",
            "1e15",
            "98765432101234500000",
            "-12",
            "#N/A",
            "#REF!",
            "NULL",
            "null",
            "None",
            "nan",
            "-",
            "0",
            "N/A",
            "undefined",
            "'123",
            "TRUE",
            "false",
            "2026-11-30",
            "30/11/2026",
            "1-Mar",
            "06:00",
            "=A1",
            "#####",
            "\\N",
        ] {
            let why = wrong(&[(column, spoilt)]);
            assert!(
                why.starts_with(&format!("line 2, {column}: ")),
                "{spoilt}: {why}"
            );
            assert!(why.contains(&format!("{spoilt:?}")), "{why}");
            assert!(
                why.contains("spreadsheet") && why.contains("export the column as text")
                    || spoilt == "=A1",
                "{why}"
            );
        }
        for good in [
            "sub-1",
            "3293789",
            "1234567890123450",
            "#1001",
            "+919876543210",
            "2026/001",
            "nano",
            "a@b.in",
        ] {
            let why = wrong(&[(column, good)]);
            // What the provider gave is written as the provider writes it.
            let is_strange = column == "mandate_id" && good.contains(['#', '+', '/', '@']);
            assert_eq!(
                why.contains("is not how Juspay writes an id"),
                is_strange,
                "{why}"
            );
            assert_eq!(why.is_empty(), !is_strange, "{column} {good}: {why}");
        }
    }
}

/// Each of them would lead the call to another mandate, or to one that is imported under its own id already.
#[test]
fn an_id_that_its_provider_does_not_write_is_refused_with_what_to_write() {
    let of_signzy = |id: &str| {
        wrong(&[
            ("account", "nach"),
            ("rail", "enach"),
            ("notify", "none"),
            ("mandate_id", id),
        ])
    };
    assert_eq!(of_signzy("3290000"), "");
    insta::assert_snapshot!(of_signzy("03290000"), @r#"line 2, mandate_id: "03290000" is not how Signzy writes an id (a number without a nought before it): write 3290000"#);
    for id in [
        "+3290000",
        "3290000/",
        "3290000?",
        "../3290000",
        "%33290000",
    ] {
        let why = of_signzy(id);
        assert!(
            why.ends_with("without a nought before it): write 3290000"),
            "{why}"
        );
    }
    insta::assert_snapshot!(of_signzy("3290000."), @r#"line 2, mandate_id: "3290000." is no id: a spreadsheet has rounded it: export the column as text"#);
    insta::assert_snapshot!(of_signzy("6R7GmdPfhecWj24DarETJJ"), @r#"line 2, mandate_id: "6R7GmdPfhecWj24DarETJJ" is not how Signzy writes an id (a number without a nought before it): copy the subReferenceId from its dashboard"#);
    insta::assert_snapshot!(wrong(&[("mandate_id", "6R7GmdPfhecWj24DarETJJ/")]), @r#"line 2, mandate_id: "6R7GmdPfhecWj24DarETJJ/" is not how Juspay writes an id (letters, digits, - and _): write 6R7GmdPfhecWj24DarETJJ"#);
    insta::assert_snapshot!(wrong(&[("mandate_id", "a/../b")]), @r#"line 2, mandate_id: "a/../b" is not how Juspay writes an id (letters, digits, - and _): copy the mandate_id from its dashboard"#);
}

#[test]
fn what_nobody_sees_in_an_id_is_refused_by_its_name() {
    for column in IDS {
        for (id, name) in [
            ("zw1\u{200b}", "U+200B ZERO WIDTH SPACE"),
            ("\u{200b}zw1", "U+200B ZERO WIDTH SPACE"),
            ("zw\u{feff}1", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
            ("zw\u{202e}1", "U+202E RIGHT-TO-LEFT OVERRIDE"),
            ("zw\u{2067}1", "U+2067 RIGHT-TO-LEFT ISOLATE"),
            ("zw\u{a0}1", "U+00A0 NO-BREAK SPACE"),
            ("zw\u{ad}1", "U+00AD SOFT HYPHEN"),
            ("zw\u{2060}1", "U+2060 WORD JOINER"),
            ("zw\u{1b}1", "U+001B ESCAPE"),
            ("zw\u{7}1", "U+0007 BELL"),
            ("zw\t1", "U+0009 CHARACTER TABULATION"),
            ("zw\n1", "U+000A LINE FEED"),
            ("zw\u{fffd}1", "U+FFFD REPLACEMENT CHARACTER"),
        ] {
            let why = wrong(&[(column, id)]);
            assert!(why.contains(name), "{column}: {why:?}");
            assert!(
                !why.contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{200b}'),
                "{why:?}"
            );
        }
        for around in [
            "\u{a0}id-1\u{a0}",
            "\u{feff}id-1",
            " id-1\t",
            "\u{3000}id-1\r\n",
            "\u{2007}id-1\u{feff} ",
        ] {
            assert_eq!(wrong(&[(column, around)]), "", "{column} {around:?}");
        }
    }
    assert!(wrong(&[("mandate_id", "m\u{430}ndate-1")]).contains("(U+0430)"));
    assert_eq!(wrong(&[("ref", "ग्राहक-१")]), "");
}

/// What the message says to write is then accepted.
#[test]
fn an_id_that_is_a_number_in_json_is_named_as_text_while_it_is_whole() {
    for (number, hint) in [
        ("3293789", r#"such as "3293789""#),
        ("12345678901234567", r#"such as "12345678901234567""#),
        ("1.23457e15", "write the id as text"),
        ("123456789012345678901234567890", "write the id as text"),
        ("3293789.0", "write the id as text"),
        ("-5", "write the id as text"),
        ("0", "write the id as text"),
        ("true", "write the id as text"),
        ("[1]", "write the id as text"),
    ] {
        for column in IDS {
            let rows = checked(json_row(column, number)).unwrap();
            assert!(
                rows[0].starts_with(&format!("line 1, {column}: is ")),
                "{}",
                rows[0]
            );
            assert!(rows[0].contains(hint), "{}", rows[0]);
            if let Some((_, text)) = rows[0].split_once("such as ") {
                assert_eq!(checked(json_row(column, text)).unwrap(), [""], "{text}");
            }
        }
    }
}
