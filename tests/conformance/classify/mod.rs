//! Every documented code and message, spelled out a second time: a changed rule fails here.

mod codes;
mod command;
mod meanings;
mod same;
mod unmapped;
mod words;

use std::sync::LazyLock;

use mandated::domain::classify::{Classifier, Signals};
use mandated::domain::{Class, Failure, ProviderKind, Rail};

static BUILTIN: LazyLock<Classifier> = LazyLock::new(|| Classifier::builtin().unwrap());

fn classify(signals: &Signals<'_>) -> Failure {
    BUILTIN.classify(signals)
}

fn signals<'a>(
    provider: ProviderKind,
    rail: Rail,
    codes: &'a [(&'a str, &'a str)],
    messages: &'a [&'a str],
) -> Signals<'a> {
    Signals {
        account: "main",
        provider,
        rail,
        http_status: 200,
        status: None,
        codes,
        messages,
    }
}

/// Checks lines of a class and a message.
fn check_messages(provider: ProviderKind, rail: Rail, lines: &str) {
    for line in lines.trim().lines() {
        let (class, message) = line.trim().split_once(": ").unwrap();
        let messages = [message];
        let failure = classify(&signals(provider, rail, &[], &messages));
        assert_eq!(
            failure.class.as_str(),
            class,
            "{message}: {:?}",
            failure.rule_id()
        );
        assert_eq!(failure.message.as_deref(), Some(message));
    }
}

#[test]
fn codes_with_spaces_in_them() {
    for (class, code) in [
        (Class::NothingToRetry, "No scheduled transactions found."),
        (Class::MandateDead, "Mandate not found"),
        (Class::OurRequest, "Bad request."),
        (Class::OurRequest, "Invalid invoice_display_number"),
        (Class::OurRequest, "Invalid txn_date"),
        (Class::InFlight, "TRANSACTION NOT FOUND"),
    ] {
        // What stands in the seed beside the first of them must not win.
        let codes = [
            ("error_code", code),
            ("error_info.code", "INTERNAL_SERVER_ERROR"),
        ];
        let failure = classify(&signals(ProviderKind::Juspay, Rail::Upi, &codes, &[]));
        assert_eq!(
            (failure.class, failure.code.as_deref()),
            (class, Some(code))
        );
    }
}

#[test]
fn juspay_messages() {
    check_messages(
        ProviderKind::Juspay,
        Rail::Card,
        r#"
        our_request: Invalid order amount
        our_request: Mandate max amount not found.
        our_request: Amount not found in request.
        our_request: Order amount greater than mandate max amount (499.00)
        our_request: Order amount not equal to mandate max amount.
        our_request: mandate.notification_id is mandatory.
        notification: Notification record not found for mab121n1
        our_request: currency not valid for mandate transaction.
        our_request: currency not valid for mandate transaction
        our_request: {"status":422,"errorCode":"800","message":"Contract not found"}
        mandate_dead: Mandate not found
        mandate_dead: Mandate not found for customer.
        mandate_paused: Mandate is in PAUSED state. Recurring cannot be executed
        mandate_dead: Mandate is in REVOKED state. Recurring cannot be executed
        mandate_dead: Mandate is in EXPIRED state. Recurring cannot be executed
        mandate_dead: Mandate is in FAILURE state. Recurring cannot be executed
        customer_action: Mandate is in CREATED state. Recurring cannot be executed
        payee_side: Invalid merchant id. Cannot process your request.
        payee_side: merchant_id is invalid.
        payee_side: Please pass valid merchant_id in request.
        nothing_to_retry: No scheduled transactions found.
        nothing_to_retry: No scheduled recurring transactions are found.
        already_collected: Order is already charged
        in_flight: The gateway request to submit payment information timed out
        in_flight: Payment processing failed due to error at bank or wallet gateway
        in_flight: Payment failed. Any amount deducted will be refunded in 5 days.
        in_flight: Transaction timed out
        transient: No active pg found
        mandate_dead: The card associated with subscription has expired.
        mandate_dead: Subscription has been already cancelled.
        mandate_dead: Token has expired and cannot be used for recurring payments
        instrument: Card has been classified as lost and has been blocked.
        funds: The account against which the payment was made has insufficient funds.
        funds: Not sufficient funds
        unmapped: Your payment was declined by your bank. Please try again.
        unmapped: Bank denied transaction on the card.
        "#,
    );
}

#[test]
fn enach_reasons_in_words() {
    check_messages(
        ProviderKind::Signzy,
        Rail::Enach,
        "
        funds: Balance Insufficient
        funds: Insufficient Balance
        funds: Not Arranged For
        funds: Exceeds arrangement
        transient: Network Failure (CBS)
        customer_action: Customer to refer to the branch
        customer_stop: Payment Stopped by Drawer
        legal: Payment Stopped under Court Order
        legal: Account under litigation
        customer_stop: Returned as per customer request
        customer_stop: Item cancelled
        customer_action: KYC Documents Pending
        customer_action: Documents pending for account holder turning major
        limit: Account reached max debit limit
        customer_action: Amount exceeds limit
        account_dead: A/c Blocked or Frozen
        customer_action: Aadhaar not mapped
        account_dead: Account Closed
        account_dead: No Such Account
        mandate_dead: Invalid UMRN or inactive mandate
        mandate_dead: Mandate Cancelled
        mandate_dead: Customer name mismatch
        account_dead: Account Inoperative
        account_dead: Dormant
        legal: Customer Insolvent/Insane
        legal: Account Holder Expired
        already_collected: Item already debited
        already_collected: Duplicate: already debited under ACH
        in_flight: Bank extension case
        in_flight: Transaction timed out
        unmapped: Something else
        ",
    );
}

#[test]
fn signzy_refusals() {
    let class = |http_status, codes: &[(&str, &str)], messages: &[&str]| {
        let signals = Signals {
            http_status,
            ..signals(ProviderKind::Signzy, Rail::Enach, codes, messages)
        };
        classify(&signals).class
    };
    assert_eq!(
        class(
            400,
            &[("reason", "INVALID_PARAM")],
            &["wrong element in type"]
        ),
        Class::OurRequest
    );
    for code in [
        "subscription_id_missing",
        "payment_id_missing",
        "invalid_payment_type",
    ] {
        assert_eq!(class(400, &[("type", code)], &[]), Class::OurRequest);
    }
    assert_eq!(
        class(400, &[("type", "subscription_does_not_exist")], &[]),
        Class::MandateDead
    );
    assert_eq!(
        class(404, &[], &["Subscription not found"]),
        Class::MandateDead
    );
    for status in [400, 404, 422] {
        assert_eq!(class(status, &[], &["no words we know"]), Class::OurRequest);
    }
    assert_eq!(class(401, &[], &["Unauthorized"]), Class::PayeeSide);
    assert_eq!(class(403, &[], &["Forbidden"]), Class::PayeeSide);
    assert_eq!(
        class(400, &[], &["Subscription is not in ON_HOLD state"]),
        Class::NothingToRetry
    );
    assert_eq!(
        class(400, &[], &["Maximum number of retries reached"]),
        Class::NothingToRetry
    );
    assert_eq!(
        class(400, &[], &["Payment was already retried today"]),
        Class::Limit
    );
    assert_eq!(
        class(200, &[("payment.status", "CANCELLED")], &[]),
        Class::CustomerStop
    );
    for (word, expected) in [
        ("CANCELLED", Class::MandateDead),
        ("CUSTOMER_CANCELLED", Class::MandateDead),
        ("COMPLETED", Class::MandateDead),
        ("EXPIRED", Class::MandateDead),
        ("LINK_EXPIRED", Class::MandateDead),
        ("CARD_EXPIRED", Class::Instrument),
        ("PAUSED", Class::MandatePaused),
        ("CUSTOMER_PAUSED", Class::MandatePaused),
        ("INITIALIZED", Class::CustomerAction),
        ("BANK_APPROVAL_PENDING", Class::CustomerAction),
    ] {
        // Why the payment failed is told by where the eMandate stands, not by the bank's words.
        let codes = [("emandate.status", word)];
        assert_eq!(
            class(200, &codes, &["Balance Insufficient"]),
            expected,
            "{word}"
        );
    }
    assert_eq!(
        class(
            200,
            &[("emandate.status", "ON_HOLD")],
            &["Balance Insufficient"]
        ),
        Class::Funds
    );
}

#[test]
fn seed_rows_with_all_their_fields() {
    let class = |http_status, status, codes: &[(&str, &str)], messages: &[&str]| {
        let signals = Signals {
            http_status,
            status: Some(status),
            ..signals(ProviderKind::Juspay, Rail::Upi, codes, messages)
        };
        classify(&signals).class
    };
    assert_eq!(
        class(401, "error", &[("error_code", "access_denied")], &[]),
        Class::PayeeSide
    );
    assert_eq!(
        class(
            400,
            "DUPLICATE_ORDER_ID",
            &[],
            &["Order already exists with the given order_id"]
        ),
        Class::InFlight
    );
    assert_eq!(
        class(
            400,
            "Invalid Request",
            &[("error_info.code", "RESOURCE_NOT_FOUND")],
            &[
                "Invalid Request",
                "Please pass valid merchant_id in request.",
                "merchant_id is invalid."
            ],
        ),
        Class::PayeeSide
    );
    assert_eq!(
        class(
            400,
            "ERROR",
            &[
                ("error_code", "Bad request."),
                ("error_info.code", "MISSING_MANDATORY_PARAMETER")
            ],
            &["Bad request.", "Failed while parsing your request."],
        ),
        Class::OurRequest
    );
    assert_eq!(
        class(
            400,
            "invalid_request_error",
            &[("error_code", "invalid_request")],
            &["Mandate is in PAUSED state. Recurring cannot be executed"],
        ),
        Class::MandatePaused
    );
    assert_eq!(class(404, "", &[], &[]), Class::OurRequest);
    assert_eq!(
        class(
            200,
            "AUTHENTICATION_FAILED",
            &[("resp_code", "FAILURE_RESPONSE")],
            &["Contract not found"]
        ),
        Class::OurRequest
    );
    // A gateway's own number that says what it means.
    let codes = [("error_code", "03")];
    let messages = ["Not sufficient funds"];
    let failure = classify(&signals(
        ProviderKind::Juspay,
        Rail::Card,
        &codes,
        &messages,
    ));
    assert_eq!(failure.class, Class::Funds);
}
