//! Words beside codes: which of the two decides, and the answers that were read wrongly once.

use mandated::domain::{Class, ProviderKind, Rail};

use super::{classify, signals};

/// The code says that nothing was sent, the words say that money moved: the words are the safer reading.
#[test]
fn words_that_leave_money_open_win_over_a_code_that_is_retried() {
    for (rail, code) in [
        (Rail::Upi, "U28"),
        (Rail::Upi, "XY"),
        (Rail::Card, "91"),
        (Rail::Enach, "59"),
        (Rail::Upi, "U80"),
    ] {
        for (wording, class) in [
            ("Account debited, answer lost", Class::InFlight),
            ("The request has timed out", Class::InFlight),
            ("Amount has already been debited", Class::AlreadyCollected),
        ] {
            let codes = [("bank_error_code", code)];
            let messages = [wording];
            let said = signals(ProviderKind::Juspay, rail, &codes, &messages);
            assert_eq!(classify(&said).class, class, "{code} {wording}");
        }
    }
    // What is written under every failure does not keep a plain refusal from being one.
    let codes = [("bank_error_code", "Z9")];
    let messages = ["Insufficient funds. Any amount deducted will be refunded."];
    let said = signals(ProviderKind::Juspay, Rail::Upi, &codes, &messages);
    assert_eq!(classify(&said).class, Class::Funds);
}

/// Cases C1, C2, C3 and C4, with the fields that they came with.
#[test]
fn the_answers_that_were_read_wrongly_are_read_by_their_words() {
    let class = |rail, codes: &[(&str, &str)], messages: &[&str]| {
        classify(&signals(ProviderKind::Juspay, rail, codes, messages)).class
    };
    let stopped = [("bank_error_code", "JP_852")];
    for (message, expected) in [
        ("Mandate is not in active State", Class::MandatePaused),
        ("Transaction was declined by merchant.", Class::PayeeSide),
        ("Gateway not supported.", Class::PayeeSide),
        ("Mandate has been revoked", Class::MandateDead),
        // Its status is asked for.
        ("Something else", Class::MandatePaused),
    ] {
        assert_eq!(
            class(Rail::Upi, &stopped, &[message]),
            expected,
            "{message}"
        );
    }
    assert_eq!(class(Rail::Upi, &stopped, &[]), Class::MandatePaused);
    for code in [
        "mandate_already_executed",
        "PAYMENT_ALREADY_PROCESSED",
        "debitAlreadyCollected",
        "order-already-paid",
    ] {
        let codes = [("bank_error_code", code)];
        assert_eq!(
            class(Rail::Upi, &codes, &[]),
            Class::AlreadyCollected,
            "{code}"
        );
    }
    for (code, expected) in [
        ("account_changed", Class::MandateDead),
        ("beneficiary_account_not_found", Class::PayeeSide),
        ("payee_account_blocked", Class::PayeeSide),
        ("umn_deregistered", Class::MandateDead),
        ("response_awaited", Class::InFlight),
        ("TRANSACTION_IN_PROGRESS", Class::InFlight),
    ] {
        let codes = [("bank_error_code", code)];
        assert_eq!(class(Rail::Card, &codes, &[]), expected, "{code}");
    }
    assert_eq!(
        class(Rail::Enach, &[("bank_error_code", "4")], &[]),
        Class::Funds
    );
    assert_eq!(
        class(Rail::Upi, &[("bank_error_code", "4")], &[]),
        Class::Unmapped
    );
}
