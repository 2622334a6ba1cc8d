//! Ids that pass, and those that files spoil.

use super::*;

fn why(text: &str) -> String {
    check_mandate_id(None, text).unwrap_err().to_string()
}

#[test]
fn ids_as_merchants_and_providers_write_them_pass() {
    for id in [
        "sub-1",
        "4rKxSj3bNXs7RQcdtajAkb",
        "b70vxxxxxjGyUhVrV8",
        "3293789",
        "12345678901234567890123456",
        "1234567890123450",
        "900000000000000",
        "+919876543210",
        "a@b.in",
        "#1001",
        "2026/001",
        "INV-2026-11",
        "2026-11",
        "1.2.3",
        "12e34f",
        "4512e678",
        "may-12",
        "c",
        "7",
        "O'Brien",
        "none-1",
        "nano",
        "first.last",
        "a:b:c",
    ] {
        assert_eq!(check_mandate_id(None, id), Ok(()), "{id}");
    }
    assert_eq!(check_own("ग्राहक-१"), Ok(()));
}

#[test]
fn a_character_that_nobody_sees_is_refused_by_its_name() {
    for (text, name) in [
        ("zw1\u{200b}", "U+200B ZERO WIDTH SPACE"),
        ("zw\u{feff}1", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("a\u{202e}b", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("a\u{2066}b", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("a\u{ad}b", "U+00AD SOFT HYPHEN"),
        ("a\u{a0}b", "U+00A0 NO-BREAK SPACE"),
        ("a\u{202f}b", "U+202F NARROW NO-BREAK SPACE"),
        ("a\u{3000}b", "U+3000 IDEOGRAPHIC SPACE"),
        ("a\u{2028}b", "U+2028 LINE SEPARATOR"),
        ("a\u{0}b", "U+0000 NULL"),
        ("a\tb", "U+0009 CHARACTER TABULATION"),
        ("a\u{1b}[2Jb", "U+001B ESCAPE"),
        ("a\u{9b}b", "U+009B (a control character)"),
        ("a\u{fe0f}b", "U+FE0F VARIATION SELECTOR-16"),
        ("a\u{e0041}b", "U+E0041 (a format character)"),
        ("a\u{3164}b", "U+3164 HANGUL FILLER"),
        ("a\u{e000}b", "U+E000 (a private-use character)"),
        ("a\u{fffd}b", "U+FFFD REPLACEMENT CHARACTER"),
        ("a\u{2800}b", "U+2800 BRAILLE PATTERN BLANK"),
    ] {
        let why = why(text);
        assert!(why.contains(name), "{why}");
        assert!(why.chars().all(|c| name_of_unseen(c).is_none()), "{why}");
    }
    assert!(why("with space").contains("has a space"));
    assert!(why("m\u{430}ndate").contains("(U+0430)"));
    assert!(why(&"x".repeat(101)).contains("it has 101"));
}

fn all_are(texts: &str, why_not: &str) {
    for text in texts.split_whitespace() {
        assert!(why(text).contains(why_not), "{text}: {}", why(text));
    }
}

#[test]
fn what_a_spreadsheet_has_rounded_or_turned_is_no_id() {
    all_are(
        "1.23457E+15 1.23457e15 1E+15 1e15 1,23457E+15 -1.5E-7 12E+10 3293789.0 3293789.00 0.5 1,234,567 \
         12,34,567.00 1.234.567 1'234'567 3293789,0 -5 12% 1234567890123450000 12345678901234500000000000",
        "a spreadsheet has rounded it: export the column as text",
    );
    all_are(
        "2026-11-30 30/11/2026 11/30/26 30.11.2026 30-Nov-26 30-nov-2026 1-Mar Mar-01 Sep-2 2026-11-30T00:00:00Z \
         06:00 6:00:00 Nov/30/2026 01-MAR-2026",
        "turned it into a date or a time: export the column as text",
    );
    all_are(
        "TRUE false True WAHR (FALSE)",
        "turned it into a truth value: export the column as text",
    );
}

#[test]
fn what_stands_for_nothing_and_what_is_left_of_a_formula_is_no_id() {
    all_are(
        r"#N/A #REF! #VALUE! #DIV/0! #NAME? #NUM! #NULL! #BEZUG! #NV #SPILL! ##### #N/A! Err:502 NULL null None nan NaN nil
          N/A n.a. NA undefined <null> (null) [null] \N - -- — . ? _ 0 000 <NA> NaT -inf 1.#QNAN unknown",
        "stands where there was no value",
    );
    all_are("'123 \"123\" ’123 abc' `m1` “m1”", "left a quote on it");
    all_are(
        "=123 =A1 =\"00123\" =CONCAT(A1,B1)",
        "a spreadsheet's formula",
    );
}

#[test]
fn a_mandate_has_one_id_as_its_provider_writes_it() {
    let of =
        |provider, id: &str| check_mandate_id(Some(provider), id).map_err(|why| why.to_string());
    for id in [
        "6R7GmdPfhecWj24DarETJJ",
        "b70vxxxxxjGyUhVrV8",
        "mnd_1-a",
        "7",
    ] {
        assert_eq!(of(ProviderKind::Juspay, id), Ok(()), "{id}");
    }
    for id in ["3290000", "12345", "123456789012345678"] {
        assert_eq!(of(ProviderKind::Signzy, id), Ok(()), "{id}");
    }
    for (provider, id, instead) in [
        (ProviderKind::Signzy, "03290000", "write 3290000"),
        (ProviderKind::Signzy, "003290000", "write 3290000"),
        (ProviderKind::Signzy, "+3290000", "write 3290000"),
        (ProviderKind::Signzy, "3290000/", "write 3290000"),
        (ProviderKind::Signzy, "3290000?", "write 3290000"),
        (ProviderKind::Signzy, "3290000#", "write 3290000"),
        (ProviderKind::Signzy, "3290000;", "write 3290000"),
        (ProviderKind::Signzy, "../3290000", "write 3290000"),
        (ProviderKind::Signzy, "%33290000", "write 3290000"),
        (ProviderKind::Signzy, "%2533290000", "write 3290000"),
        (
            ProviderKind::Signzy,
            "3290000/payments",
            "copy the subReferenceId",
        ),
        (
            ProviderKind::Signzy,
            "3290000?x=1",
            "copy the subReferenceId",
        ),
        (ProviderKind::Signzy, "0x3290000", "copy the subReferenceId"),
        (
            ProviderKind::Signzy,
            "6R7GmdPfhecWj24DarETJJ",
            "copy the subReferenceId",
        ),
        (
            ProviderKind::Signzy,
            "1234567890123456789",
            "copy the subReferenceId",
        ),
        (ProviderKind::Juspay, "4rKx/", "write 4rKx"),
        (ProviderKind::Juspay, "../4rKx", "write 4rKx"),
        (ProviderKind::Juspay, "4rKx..", "write 4rKx"),
        (ProviderKind::Juspay, "4rKx.", "write 4rKx"),
        (ProviderKind::Juspay, "4rKx?", "write 4rKx"),
        (ProviderKind::Juspay, "4rKx#", "write 4rKx"),
        (ProviderKind::Juspay, "4rK%78", "write 4rKx"),
        (ProviderKind::Juspay, "4rK%2578", "write 4rKx"),
        (ProviderKind::Juspay, "4rKx\\", "write 4rKx"),
        (ProviderKind::Juspay, "4rKx&a=b", "copy the mandate_id"),
        (ProviderKind::Juspay, "a.b", "copy the mandate_id"),
        (ProviderKind::Juspay, "-4rKx", "copy the mandate_id"),
    ] {
        let why = of(provider, id).expect_err(id);
        assert!(why.contains(&format!(": {instead}")), "{why}");
        assert!(why.contains("is not how "), "{why}");
        if let Some((_, written)) = why.rsplit_once("write ") {
            assert_eq!(of(provider, written), Ok(()), "{why}");
        }
    }
    // Its digits may be lost.
    assert!(
        of(ProviderKind::Signzy, "3290000.")
            .unwrap_err()
            .contains("has rounded it")
    );
}
