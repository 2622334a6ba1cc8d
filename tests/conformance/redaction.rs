//! The redaction against a detector that shares no code with it: whatever is put together from people and punctuation, the one leaves
//! nothing that the other sees.

use mandated::ops::audit::detector::{in_answer, in_text};
use mandated::provider::{hide_in_text, redact};
use proptest::prelude::*;

/// People, in the ways in which they have been written.
const PEOPLE: &[&str] = &[
    "acct_50100012345678",
    "UPI50100012345678",
    "98.765.432.10",
    "(98765) 43210",
    "98765 43210",
    "+91-98765-43210",
    "98765\u{a0}43210",
    "98765\u{200b}43210",
    "९८७६५४३२१०",
    "ABCDE1234F",
    "pan:abcde1234f",
    "asha@okhdfc",
    "asha%40okhdfc",
    "asha%2540okhdfc",
    "%2B919876543210",
    "4111111111111111",
    "9876543210",
];

/// What nobody minds.
const NOBODY: &[&str] = &[
    "the bank said no",
    "U30",
    "100.00",
    "12,34,567.00",
    "2026-01-31",
    "10:00:05",
    "2026-01-31T10:00:05+05:30",
    "RRN412345678901",
    "qwertyuiopasdfghjklz",
    "é%zz",
    "\u{1b}[2J",
];

const BETWEEN: &[&str] = &[" ", ": ", "\n", ", ", " - ", "_", "/", "=", ""];

fn sentence() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        prop::sample::select(PEOPLE),
        prop::sample::select(NOBODY),
        prop::sample::select(NOBODY),
    ];
    let between = prop::sample::select(BETWEEN);
    prop::collection::vec((words, between), 1..8).prop_map(|parts| {
        let parts = parts
            .into_iter()
            .map(|(word, between)| format!("{word}{between}"));
        parts.collect()
    })
}

proptest! {
    #[test]
    fn nobody_is_left_in_a_sentence(text in sentence()) {
        let clean = hide_in_text(&text).unwrap_or_else(|| text.clone());
        prop_assert_eq!(in_text(&clean), None, "{} from {}", clean, text);
    }

    #[test]
    fn nobody_is_left_in_an_answer(
        name in sentence(), text in sentence(), packed in sentence(), filler in 0usize..2100
    ) {
        let inner = serde_json::json!({ name.clone(): packed, "email": "x" }).to_string();
        let body = serde_json::json!({
            "order_id": "1738237998",
            "filler": "x".repeat(filler),
            name: text,
            "list": [inner, 9_876_543_210u64],
            "amount": 123_456_789,
        });
        let clean = redact(&body.to_string());
        prop_assert_eq!(in_answer(&clean), None, "{}", clean);
    }
}

#[test]
fn each_way_of_writing_a_person_is_hidden_and_nothing_else_is() {
    for text in PEOPLE {
        assert!(in_text(text).is_some(), "the detector misses {text}");
        assert!(hide_in_text(text).is_some(), "the redaction misses {text}");
    }
    for text in NOBODY {
        assert_eq!(in_text(text), None, "{text}");
        assert_eq!(hide_in_text(text), None, "{text}");
    }
}
