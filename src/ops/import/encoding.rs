//! Files that are no UTF-8 text: each is told what it is and how to save it, once for the whole file.

/// The beginnings of files that are something else.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\xff\xfe\0\0", UTF_32),
    (b"\0\0\xfe\xff", UTF_32),
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
    (b"PK\x03\x04", WORKBOOK),
    (b"\xd0\xcf\x11\xe0", WORKBOOK),
    (b"\x1f\x8b", PACKED),
    (b"\x28\xb5\x2f\xfd", PACKED),
    (b"BZh", PACKED),
    (b"\xfd7zXZ", PACKED),
    (
        b"%PDF",
        "the file is a PDF: export the table as CSV in UTF-8",
    ),
    (
        b"<",
        "the file is HTML or XML: export the table as CSV in UTF-8",
    ),
];

const UTF_16: &str = "the file is UTF-16: save it as UTF-8 (spreadsheets call it CSV UTF-8), with commas between the columns";
const UTF_32: &str = "the file is UTF-32: save it as UTF-8 (spreadsheets call it CSV UTF-8), with commas between the columns";
const WORKBOOK: &str = "the file is a workbook or an archive: export the sheet as CSV in UTF-8 (spreadsheets call it CSV UTF-8)";
const PACKED: &str = "the file is compressed: unpack it first";
const BINARY: &str = "the file is no text, it has zero bytes: export it as CSV in UTF-8";

/// What the file of a first line is, if it is no UTF-8 text.
pub(super) fn not_text(first_line: &[u8]) -> Option<&'static str> {
    let start = first_line.trim_ascii_start();
    let signature = SIGNATURES
        .iter()
        .find(|(bytes, _)| start.starts_with(bytes));
    if let Some((_, what)) = signature {
        return Some(what);
    }
    // Without a mark: the columns have ASCII names, of which every other byte is zero.
    let zeros = first_line.split(|byte| *byte == 0).skip(1).count();
    let length = first_line.len();
    match zeros {
        0 => None,
        _ if zeros.saturating_mul(5) >= length.saturating_mul(3) => Some(UTF_32),
        _ if zeros.saturating_mul(3) >= length => Some(UTF_16),
        _ => Some(BINARY),
    }
}

/// The first byte that is no part of UTF-8 text.
pub(super) fn first_wrong_byte(bytes: &[u8]) -> Option<u8> {
    let error = std::str::from_utf8(bytes).err()?;
    bytes.get(error.valid_up_to()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn a_file_that_is_no_text_is_told_what_it_is() {
        let header = "ref,account,mandate_id\n";
        let utf_32: Vec<u8> = header
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        let marked = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
        for (bytes, what) in [
            (
                marked(b"\xff\xfe", utf_16(header, u16::to_le_bytes)),
                UTF_16,
            ),
            (
                marked(b"\xfe\xff", utf_16(header, u16::to_be_bytes)),
                UTF_16,
            ),
            (utf_16(header, u16::to_le_bytes), UTF_16),
            (utf_16(header, u16::to_be_bytes), UTF_16),
            (utf_16("ref\taccount\r\n", u16::to_le_bytes), UTF_16),
            (utf_16("{\"ref\":\"a\"}\n", u16::to_be_bytes), UTF_16),
            (utf_32.clone(), UTF_32),
            (marked(b"\xff\xfe\0\0", utf_32), UTF_32),
            (b"PK\x03\x04\x14\0".to_vec(), WORKBOOK),
            (b"\x1f\x8b\x08\0".to_vec(), PACKED),
            (b"ref,account\0,mandate_id,customer_id\n".to_vec(), BINARY),
        ] {
            assert_eq!(not_text(&bytes), Some(what), "{bytes:?}");
        }
        for text in [
            header,
            "\u{feff}ref,account\n",
            "{\"ref\":\"a\"}\n",
            "",
            "\n",
        ] {
            assert_eq!(not_text(text.as_bytes()), None, "{text}");
        }
        assert_eq!(first_wrong_byte(b"caf\xe9"), Some(0xe9));
        assert_eq!(first_wrong_byte("café".as_bytes()), None);
    }
}
