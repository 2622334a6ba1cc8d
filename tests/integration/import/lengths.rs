//! What a provider would refuse for its length or its characters, after the payer was notified, is refused before.

use serde_json::{Value, json};

use super::{file, row, run, with_accounts, wrong};

fn of_metadata(metadata: &Value) -> String {
    wrong(&[("metadata", &metadata.to_string())])
}

#[test]
fn what_is_too_long_for_the_provider_is_refused_with_its_limit() {
    for n in 1..=10 {
        let udf = |length| json!({ format!("udf{n}"): "é".repeat(length) });
        assert_eq!(of_metadata(&udf(255)), "");
        let why = of_metadata(&udf(300_000));
        assert!(
            why.contains(&format!(
                "metadata key \"udf{n}\" has 300000 characters, and at most 255"
            )),
            "{why}"
        );
        assert!(of_metadata(&udf(256)).contains("at most 255"));
    }
    let long = "x".repeat(256);
    for (metadata, limit) in [
        (json!({"order.description": &long}), "at most 255"),
        (json!({"customer_email": &long}), "at most 255"),
        (json!({"order.billing_address_line1": &long}), "at most 255"),
        (json!({"product_id": &long}), "at most 255"),
        (
            json!({"order.return_url": format!("https://shop.example/{}", "x".repeat(2_000))}),
            "at most 2000",
        ),
        (
            json!({"mandate.display_invoice_number": "x".repeat(26)}),
            "up to 25 letters and digits",
        ),
        (
            json!({"order.metadata": {"a": "x".repeat(10_000)}}),
            "metadata has 10022 bytes, and an order takes at most 8192",
        ),
        (
            json!({"metadata.BILLDESK:AdditionalInfo1": "x".repeat(9_000)}),
            "takes at most 8192",
        ),
    ] {
        let why = of_metadata(&metadata);
        assert!(why.contains(limit), "{why}");
    }
    let many: serde_json::Map<String, Value> = (0..40)
        .map(|n| (format!("metadata.k{n}"), json!("x".repeat(255))))
        .collect();
    assert!(of_metadata(&Value::Object(many)).contains("takes at most 8192"));
    for (column, length) in [
        ("ref", 101),
        ("mandate_id", 101),
        ("customer_id", 101),
        ("description", 51),
    ] {
        let why = wrong(&[(column, &"x".repeat(length))]);
        assert!(
            why.contains("is longer than") && why.contains(&length.to_string()),
            "{why}"
        );
        assert_eq!(wrong(&[(column, &"x".repeat(length - 1))]), "");
    }
}

#[test]
fn what_cannot_be_sent_or_shown_is_refused_by_its_name() {
    for (metadata, name) in [
        (json!({"udf1": "a\0b"}), "U+0000 NULL"),
        (json!({"udf1": "a\nb"}), "U+000A LINE FEED"),
        (
            json!({"order.metadata": {"a": ["x", {"b": "\u{1b}"}]}}),
            "U+001B ESCAPE",
        ),
        (json!({"order.metadata": {"a\0": 1}}), "U+0000 NULL"),
        (json!({"metadata.a\u{7}": "x"}), "U+0007 BELL"),
    ] {
        let why = of_metadata(&metadata);
        assert!(
            why.contains(name) && !why.contains(char::is_control),
            "{why:?}"
        );
    }
    for (description, name) in [
        ("a\u{202e}b", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("a\u{0}b", "U+0000 NULL"),
        ("a\u{85}b", "U+0085 NEXT LINE"),
        ("a\u{2066}b", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("a\u{1b}b", "U+001B ESCAPE"),
    ] {
        let why = wrong(&[("description", description)]);
        assert!(why.contains(name), "{why}");
    }
    for number in [
        "12345678901234567890123",
        "1.2345678901234567e19",
        "0.12345678901234567",
    ] {
        for metadata in [
            format!(r#"{{"udf1": {number}}}"#),
            format!(r#"{{"order.metadata": {{"a": [{number}]}}}}"#),
        ] {
            let why = wrong(&[("metadata", &metadata)]);
            assert!(why.ends_with("write it as text, in quotes"), "{why}");
        }
    }
    assert_eq!(
        wrong(&[("metadata", r#"{"udf1": 12345678901234567890, "udf2": 1.5}"#)]),
        ""
    );
    // The joiners belong to the letters of India's languages.
    assert_eq!(
        wrong(&[
            ("description", "क्\u{200d}ष मासिक"),
            ("metadata", r#"{"udf6": "क्षेत्र"}"#)
        ]),
        ""
    );
}

/// A NULL would have failed the whole import in the database.
#[tokio::test]
async fn a_character_that_the_database_cannot_keep_is_a_bad_row() {
    let database = with_accounts().await;
    let text = file(&[
        row(&[]),
        row(&[
            ("ref", "b"),
            ("mandate_id", "b"),
            ("metadata", r#"{"udf1": "a\u0000b"}"#),
        ]),
    ]);
    let options = mandated::ops::import::Options {
        skip_invalid: true,
        now: super::now(),
        horizon: std::time::Duration::from_hours(6),
        policy: &super::policy,
        check_metadata: &|_, fields| mandated::provider::juspay::check_metadata(fields),
    };
    let report = mandated::ops::import::import(&database.pool, text.as_bytes(), &options, &|_| {})
        .await
        .unwrap();
    assert_eq!(
        (report.imported, report.invalid),
        (1, 1),
        "{:?}",
        report.problems
    );
    assert!(
        run(&database.pool, file(&[row(&[])]).as_bytes(), false)
            .await
            .unwrap()
            .kept
    );
}
