//! Bad input, a bounded number of times: real answers and files, cut, flipped and filled with what nobody expects. `make fuzz` looks
//! for longer, with the same checks.

mod bodies;
mod mutate;

#[path = "../../fuzz/checks.rs"]
mod checks;

use mandated::domain::{Outcome, ProviderKind, Step};
use mandated::provider::Read;
use proptest::prelude::*;
use serde_json::json;

use checks::{OURS, answer, configured, failures, imported, said};
use mutate::mutated;

const JUSPAY: &[&str] = &[
    include_str!("../data/juspay/order_charged.json"),
    include_str!("../data/juspay/order_not_found.json"),
    include_str!("../data/juspay/notification_success.json"),
    include_str!("../data/juspay/retry_success.json"),
    include_str!("../data/juspay/retry_failure.json"),
    include_str!("../../../lab/tests/integration/data/sandbox/execution_success.json"),
    include_str!("../../../lab/tests/integration/data/sandbox/execution_mandate_not_found.json"),
    r#"{"status":"CHARGED","order_id":"12345","amount":300.5,"txn_id":"m-12345-2"}"#,
    r#"{"status":"SUCCESS","object_reference_id":"12345"}"#,
];

const SIGNZY: &[&str] = &[
    include_str!("../data/signzy/payments.json"),
    include_str!("../data/signzy/retry_success.json"),
    include_str!("../data/signzy/charge_pending.json"),
    include_str!("../data/signzy/emandate.json"),
    include_str!("../data/signzy/error.json"),
    r#"{"result":{"payments":[{"paymentId":7,"status":"SUCCESS","amount":499.5,"subReferenceId":12345}]}}"#,
    r#"{"payment":{"paymentId":8,"status":"SUCCESS","amount":"5","subReferenceId":"12345"}}"#,
];

const IMPORT: &[&str] = &[
    "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,frequency,starts_on\n\
     a-1,main,m1,c1,upi,separate,499.00,999.50,monthly,2026-12-01\n\
     a-2,main,m2,c2,card,provider,1.5,,daily,2026-12-01\n\"a-3\",nach,3290000,,enach,none,20,,yearly,2026-12-31\n",
    "{\"ref\":\"j-1\",\"account\":\"main\",\"mandate_id\":\"m1\",\"customer_id\":\"c\",\"rail\":\"upi\",\"notify\":\"separate\",\
     \"amount\":\"499.00\",\"frequency\":\"monthly\",\"starts_on\":\"2026-12-01\"}\n\
     {\"ref\":\"j-2\",\"account\":\"nach\",\"mandate_id\":\"65668\",\"rail\":\"enach\",\"notify\":\"none\",\"max_amount\":\"70\",\
     \"cron\":\"0 6 1 * *\",\"amount\":\"7.25\",\"starts_on\":\"2026-12-01\",\"metadata\":{\"udf1\":\"x\"}}\n",
];

const FAILURES: &[&str] = &[
    "[[rule]]\nid = \"own\"\nclass = \"funds\"\nsource = \"ours\"\ncode = [\"Z9\", \"51\"]\n",
    "[[rule]]\nid = \"late\"\nclass = \"throttled\"\nsource = \"ours\"\nhttp_status = 429\nretry_after = \"2h\"\nmessage_regex = \"slow .* down\"\n",
];

const CONFIG: &[&str] = &[
    "[worker]\nlease = \"150s\"\nconcurrency = 8\n[accounts.juspay_main]\nprovider = \"juspay\"\nbase_url = \"https://api.juspay.in\"\n\
     merchant_id = \"acme\"\napi_key = \"key\"\ntps = 20\n",
    "[retry.upi]\nfunds = { strategy = \"backoff\", initial = \"1h\", max = \"8h\" }\n[log]\nformat = \"json\"\n[clock]\nmode = \"system\"\n",
    "[rails.upi]\nmax_attempts = 4\nwindows = [\"13:01-16:59\", \"21:31-09:59\"]\n[listen]\naddress = \"127.0.0.1:9180\"\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_answer_of_juspay_is_no_success_that_it_does_not_state(
        data in mutated(JUSPAY), step in 0u8..6, status in 0u8..12,
    ) {
        answer(ProviderKind::Juspay, &[&[step, status], data.as_slice()].concat());
    }

    #[test]
    fn an_answer_of_signzy_is_no_success_that_it_does_not_state(
        data in mutated(SIGNZY), step in 0u8..6, status in 0u8..12,
    ) {
        answer(ProviderKind::Signzy, &[&[step, status], data.as_slice()].concat());
    }

    #[test]
    fn every_row_of_an_import_is_taken_as_it_stands_or_named(data in mutated(IMPORT)) {
        imported(&data);
    }
}

proptest! {
    // Every one of them reads the compiled-in rules too.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_file_of_rules_is_in_force_or_refused_by_its_line(data in mutated(FAILURES)) {
        failures(&String::from_utf8_lossy(&data));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_key_of_a_configuration_is_used_or_refused(data in mutated(CONFIG)) {
        configured(&String::from_utf8_lossy(&data));
    }
}

/// Else the properties would hold because nothing is ever accepted.
#[test]
fn what_the_mutations_start_from_is_accepted() {
    let charged = |provider, seeds: &[&str]| {
        let read = |seed: &&str| is_charged(&said(provider, Step::Lookup, 200, seed));
        seeds.iter().copied().filter(|seed| read(seed)).count()
    };
    assert_eq!(charged(ProviderKind::Juspay, JUSPAY), 2);
    assert_eq!(charged(ProviderKind::Signzy, SIGNZY), 3);
    assert_eq!(
        IMPORT
            .iter()
            .map(|seed| imported(seed.as_bytes()))
            .sum::<usize>(),
        5
    );
    assert!(FAILURES.iter().all(|seed| failures(seed)));
    assert!(CONFIG.iter().all(|seed| configured(seed)));
}

fn is_charged(read: &Read) -> bool {
    matches!(read, Read::Debit(reply) if matches!(reply.outcome, Outcome::Charged { .. }))
}

#[test]
fn an_answer_about_something_else_or_with_an_amount_that_is_none_is_no_success() {
    let order = |changes: serde_json::Value| {
        let mut order = json!({"status": "CHARGED", "order_id": OURS, "amount": 300});
        order
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        is_charged(&said(
            ProviderKind::Juspay,
            Step::Lookup,
            200,
            &order.to_string(),
        ))
    };
    assert!(order(json!({})) && order(json!({"order_id": null, "amount": ""})));
    for id in [
        json!("12346"),
        json!(12346),
        json!(["12345"]),
        json!(true),
        json!({}),
    ] {
        assert!(!order(json!({"order_id": id})), "{id}");
    }
    for amount in [
        json!("-300"),
        json!(-300),
        json!("NaN"),
        json!(0),
        json!(1e300),
        json!("3e2"),
        json!([300]),
        json!(300.001),
    ] {
        assert!(!order(json!({"amount": amount})), "{amount}");
    }
    assert!(!order(json!({"status": "charged"})) && !order(json!({"status": ["CHARGED"]})));
    assert!(!order(json!({"status": null, "mandate_status": "CHARGED"})));

    let payment = |changes: serde_json::Value| {
        let mut payment =
            json!({"paymentId": 7, "status": "SUCCESS", "amount": 5, "subReferenceId": OURS});
        payment
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let body = json!({"payment": payment}).to_string();
        is_charged(&said(ProviderKind::Signzy, Step::Retry, 200, &body))
    };
    assert!(payment(json!({})) && payment(json!({"amount": null})));
    for changes in [
        json!({"subReferenceId": "54321"}),
        json!({"subReferenceId": ["12345"]}),
        json!({"amount": "-5"}),
        json!({"amount": {}}),
        json!({"status": "success"}),
    ] {
        assert!(!payment(changes.clone()), "{changes}");
    }
}

#[test]
fn a_body_of_success_with_a_status_of_refusal_is_no_success() {
    let juspay = r#"{"status":"CHARGED","order_id":"12345","amount":300}"#;
    let signzy = r#"{"payment":{"paymentId":7,"status":"SUCCESS","amount":5}}"#;
    for &step in Step::ALL {
        for status in [302, 400, 401, 403, 404, 408, 409, 429, 500, 503] {
            for (provider, body) in [
                (ProviderKind::Juspay, juspay),
                (ProviderKind::Signzy, signzy),
            ] {
                let read = said(provider, step, status, body);
                assert!(!is_charged(&read), "{step:?} {status} {body}");
            }
        }
    }
}

#[test]
fn an_answer_that_contradicts_itself_is_no_success() {
    let twice = r#"{"status":"PENDING_VBV","order_id":"12345","status":"CHARGED"}"#;
    assert!(!is_charged(&said(
        ProviderKind::Juspay,
        Step::Lookup,
        200,
        twice
    )));
    let twice = r#"{"payment":{"paymentId":7,"status":"FAILED","status":"SUCCESS"}}"#;
    assert!(!is_charged(&said(
        ProviderKind::Signzy,
        Step::Retry,
        200,
        twice
    )));
}

#[test]
fn nesting_overflows_nothing_and_what_is_long_is_told_in_short() {
    for open in ["[", "{\"a\":", "{\"result\":", "a = [", "[[rule]]\na.b"] {
        let deep = open.repeat(checks::LONGEST / open.len());
        for provider in [ProviderKind::Juspay, ProviderKind::Signzy] {
            assert!(!is_charged(&said(provider, Step::Execute, 200, &deep)));
        }
        // Not a whole mebibyte: that is refused as a row that does not end.
        let deep = &deep[..1_000_000];
        assert_eq!(imported(deep.as_bytes()), 0);
        let deep = open.repeat(10_000);
        assert!(!failures(&deep));
        assert!(!configured(&deep));
    }
    // A cell that is as long as a row can be, where one of 600 time zones is looked for.
    let (header, row) = IMPORT[0].split_at(IMPORT[0].find('\n').unwrap());
    let row = row.lines().nth(1).unwrap();
    let long = format!("{header},time_zone\n{row},{}\n", "x".repeat(1_000_000));
    assert_eq!(imported(long.as_bytes()), 0);
    let packed = format!(
        r#"{{"status":"ERROR","resp_message":"{}"}}"#,
        "[".repeat(100_000)
    );
    said(ProviderKind::Juspay, Step::Execute, 400, &packed);
}
