//! Percent-encoding taken off: a text as whoever reads it in an address sees it.

use std::borrow::Cow;

/// What is encoded more often than this is meant for nobody.
const ENCODED: usize = 3;

/// Takes percent-encoding off, whatever number of times it was put on.
pub fn decode(text: &str) -> Cow<'_, str> {
    let mut decoded = Cow::Borrowed(text);
    for _ in 0..ENCODED {
        match decode_once(&decoded) {
            Some(once) => decoded = Cow::Owned(once),
            None => break,
        }
    }
    decoded
}

fn decode_once(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut found = false;
    while let Some((&first, after)) = rest.split_first() {
        let encoded = match after {
            [high, low, ..] if first == b'%' => byte(*high, *low),
            _ => None,
        };
        if let Some(byte) = encoded {
            found = true;
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    found.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn byte(high: u8, low: u8) -> Option<u8> {
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let value = nibble(high)?.checked_mul(16)?.checked_add(nibble(low)?)?;
    u8::try_from(value).ok()
}
