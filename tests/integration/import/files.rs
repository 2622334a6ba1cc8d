//! Files as spreadsheets and programs save them: what they are, and how to save them, is said once.

use super::{HEADER, checked, file, json_row, row};

/// Why a file is refused as a whole.
fn refused(bytes: impl AsRef<[u8]>) -> String {
    checked(bytes).unwrap_err().to_string()
}

fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn a_file_in_another_encoding_gets_one_message_and_no_row_of_it_is_taken() {
    let good = file(&[row(&[]), row(&[("ref", "sub-2"), ("description", "café")])]);
    let tabs = good.replace(',', "\t");
    let semicolons = good.replace(',', ";");
    for text in [&good, &tabs, &semicolons, &json_row("ref", "\"é\"")] {
        for marked in [format!("\u{feff}{text}"), text.clone(), format!("\n{text}")] {
            for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                let why = refused(utf_16(&marked, to_bytes));
                assert!(
                    why.starts_with("the file is UTF-16: save it as UTF-8"),
                    "{why}"
                );
                assert!(!why.contains('\n'), "{why}");
            }
        }
    }
    let latin_1 = |text: &str| -> Vec<u8> {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect()
    };
    for (text, at) in [
        (&good, "line 3, description has the byte 0xE9"),
        (&good.replace("ref,", "réf,"), "line 1 has the byte 0xE9"),
        (
            &format!("{}{}", json_row("ref", "\"a\""), json_row("ref", "\"é\"")),
            "line 2 has the byte 0xE9",
        ),
    ] {
        let why = refused(latin_1(text));
        assert!(
            why.starts_with("the file is not UTF-8: ")
                && why.contains(at)
                && why.contains("save it as UTF-8"),
            "{why}"
        );
    }
    assert!(refused(b"PK\x03\x04\x14\0\x06").starts_with("the file is a workbook"));
    assert!(refused(b"\x1f\x8b\x08\0").ends_with("unpack it first"));
    assert!(refused(b"<html><table>").contains("export the table as CSV"));
    // With a mark, as spreadsheets save UTF-8.
    assert_eq!(checked(format!("\u{feff}{good}")).unwrap(), ["", ""]);
}

#[test]
fn rows_with_nothing_in_them_are_skipped_and_counted_as_lines() {
    let commas = ",".repeat(HEADER.matches(',').count());
    let empty = [
        commas.clone(),
        ",,".to_owned(),
        commas.replace(',', " , "),
        commas.replace(',', ",\"\""),
        commas.replace(',', ",\u{a0}"),
    ];
    let bad = row(&[("ref", "")]);
    let text = format!(
        "{HEADER}\n{}\n{}\n{bad}\n{commas}\n\n{commas}\n",
        row(&[]),
        empty.join("\n")
    );
    assert_eq!(checked(text).unwrap(), ["", "line 8, ref: is missing"]);
    assert_eq!(
        checked(format!("{HEADER}\n{commas}\n{commas}\n")).unwrap(),
        [""; 0]
    );
}

#[test]
fn a_header_may_have_blanks_around_its_names_and_every_column_has_one() {
    let padded = HEADER
        .replace(',', "\u{a0},")
        .replace(",amount,", ",\u{feff}amount,")
        .replace(",rail", ",\u{2007}rail ");
    assert_eq!(
        checked(format!("{padded}\u{a0}\n{}\n", row(&[]))).unwrap(),
        [""]
    );
    for (header, why) in [
        (
            format!("{HEADER},,"),
            "line 1: columns 19, 20 have no name: name them, or remove them from every line",
        ),
        (format!("{HEADER},"), "line 1: column 19 has no name"),
        (format!(",{HEADER}"), "line 1: column 1 has no name"),
        (
            format!("{HEADER},\u{a0},\"\""),
            "line 1: columns 19, 20 have no name",
        ),
        (
            HEADER.replace("rail", "rail\u{200b}"),
            r#"line 1, "rail\u{200b}": is not a column; did you mean rail?"#,
        ),
        (
            HEADER.replace(',', ";"),
            "line 1: has its columns separated by ';': write commas",
        ),
        (
            HEADER.replace(',', "\t"),
            "line 1: has its columns separated by '\\t': write commas",
        ),
        (
            format!("sep=,\n{HEADER}"),
            "line 1: is a spreadsheet's own line about its separator: remove it",
        ),
    ] {
        let said = refused(format!("{header}\n{}\n", row(&[])));
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn json_that_is_not_one_object_a_line_is_told_so_once() {
    let pretty = "{\n  \"ref\": \"a\",\n  \"account\": \"main\"\n}\n";
    for text in [
        "[{\"ref\":\"a\"},{\"ref\":\"b\"}]",
        "[\n  {\"ref\": \"a\"}\n]\n",
        "\n  [ ]",
        "\u{feff}[{}]",
        pretty,
        "{\n}\n",
        "{\r\n\t\"ref\": \"a\"\r\n}\r\n",
        &format!("{}{pretty}", json_row("ref", "\"b\"")),
        &pretty.replace("  ", ""),
        "{ \"ref\": \"a\",\n\"account\": \"main\" }\n",
    ] {
        let why = refused(text);
        assert!(
            why.contains("write one object a line") && !why.contains('\n'),
            "{text:?}: {why}"
        );
    }
    let good = json_row("ref", "\"a\"");
    for (bad, why) in [
        (
            format!("{},\n", good.trim_end()),
            "has something behind its object: write one object a line, without commas",
        ),
        (
            format!("{}{good}", good.trim_end()),
            "has something behind its object",
        ),
        ("[1, 2]\n".to_owned(), "is a list: write one object a line"),
        (
            "{\"ref\":\"a\"\n".to_owned(),
            "is not a whole JSON object: write one object a line",
        ),
    ] {
        let rows = checked(format!("{good}{bad}{}", json_row("ref", "\"c\""))).unwrap();
        assert_eq!([&rows[0], &rows[2]], ["", ""]);
        assert!(
            rows[1].starts_with(&format!("line 2: {why}")),
            "{}",
            rows[1]
        );
    }
}
