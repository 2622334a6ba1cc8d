//! Every documented code and message, spelled out a second time: a changed rule fails here.

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

/// Checks lines of a class and its codes, each code alone in the given field.
fn check_codes(rail: Rail, field: &str, lines: &str) {
    for line in lines.trim().lines() {
        let (class, codes) = line.trim().split_once(": ").unwrap();
        for code in codes.split_whitespace() {
            let codes = [(field, code)];
            let failure = classify(&signals(ProviderKind::Juspay, rail, &codes, &[]));
            assert_eq!(
                failure.class.as_str(),
                class,
                "{rail} {code}: {:?}",
                failure.rule
            );
            assert!(failure.rule.is_some(), "{rail} {code} has no rule");
            assert_eq!(failure.code.as_deref(), Some(code));
        }
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
            failure.rule
        );
        assert_eq!(failure.message.as_deref(), Some(message));
    }
}

#[test]
fn upi_codes() {
    check_codes(
        Rail::Upi,
        "bank_error_code",
        "
        funds: Z9 IE
        mandate_dead: VA QC VU QD VF VG VJ QU ZH
        mandate_paused: VT QA
        already_collected: VE QB
        in_flight: VS DT DF U01 U42
        in_flight: U67 U68 U82 U85 U87 U88 U09 U18 U20 U26 U27 U53 U70 ZL UT BT UP
        in_flight: U35 U36 U37 U38 NO 01 96
        in_flight: 21 RB RR RP 32 U32 U33 ZQ U31 U34
        notification: NU PRE_DEBIT_NOTIFICATION_NOT_FOUND PRE_DEBIT_NOTIFICATION_NOT_SENT
        limit: Z7 Z8 ZU U02 U03 FL FP VK
        customer_action: AM ZM Z6 ZE ZG U69
        customer_stop: ZA
        account_dead: VL VM B1 B3 MR XH YE ZX XX 15
        risk: 59 K1 ZI CI XV M16 U16 U66 YA VH
        legal: VO VZ VP VQ VR
        our_request: VB VC VD QH VI IC ID B6 XD XE XF XG ZD
        our_request: U04 U05 U06 U07 U10 U11 U12 U14 U15 U21 U74 U75 U76
        our_request: U46 U47 U48 U49 U50 U51 U52 U54 U55 U56 U57 U58
        our_request: U59 U60 U61 U62 U63 U64 U65
        payee_side: VY QI XI YF ZY XC CA XW U77 X6 YH MQ7 U95
        transient: U28 U08 U13 U92 U93 U78 U40 U41
        transient: U80 U81 U84 U86 U89 U90 U91 U94 S93 S94
        transient: XY HS IR ZK XT LD UB Y1 ZC ZJ XU X7
        unmapped: U30 U39 U43 U19 U29 YC XB YI VN M0 M1 M2 M3 M4 M5 M6 M7 M8 M9
        ",
    );
}

#[test]
fn nach_codes() {
    check_codes(
        Rail::Enach,
        "bank_error_code",
        "
        funds: 04 05
        account_dead: 01 02 53 54 68 71
        customer_stop: 06 17 72 75
        legal: 07 60 69
        mandate_dead: 08 14 16 21 22 29 61
        our_request: 03 11 12 15 23 24 25 26 27 28 32 34 94 77 78 85
        our_request: 74 81 83 84 86 87 88 89 90 91 93 97
        already_collected: 13
        in_flight: 31 33 82 98 99
        customer_action: 51 52 55 56 70
        limit: 57 58
        transient: 59 73 79 92
        unmapped: 09 76 80 95 96
        ",
    );
}

#[test]
fn card_codes() {
    check_codes(
        Rail::Card,
        "bank_error_code",
        "
        funds: 51
        limit: 61 65
        transient: 06 96 19 90 91 92
        instrument: 04 07 14 15 41 43 46 54 57 62
        mandate_dead: R1 R3
        customer_stop: R0
        customer_action: 01 02 38 55 75 70 78 1A
        risk: 59 63 83
        legal: 93
        payee_side: 03 58
        our_request: 12 13 30 82 N7 6P
        in_flight: 94
        unmapped: 05 85
        ",
    );
}

#[test]
fn mastercard_advice_has_its_own_field_and_its_own_wait() {
    let hours = |code: &str| {
        let codes = [("merchant_advice_code", code), ("bank_error_code", "51")];
        let failure = classify(&signals(ProviderKind::Juspay, Rail::Card, &codes, &[]));
        (
            failure.class,
            failure.retry_after.map(|wait| wait.as_secs() / 3600),
        )
    };
    for (code, wait) in [
        ("02", 72),
        ("24", 1),
        ("25", 24),
        ("26", 48),
        ("27", 96),
        ("28", 144),
        ("29", 192),
        ("30", 240),
    ] {
        assert_eq!(hours(code), (Class::Transient, Some(wait)), "{code}");
    }
    for code in ["01", "03", "04", "40", "41", "42"] {
        assert_eq!(hours(code), (Class::Instrument, None), "{code}");
    }
    assert_eq!(hours("21"), (Class::MandateDead, None));
    assert_eq!(hours("22"), (Class::PayeeSide, None));
}

#[test]
fn juspay_codes() {
    check_codes(
        Rail::Upi,
        "error_info.code",
        "
        payee_side: access_denied UNAUTHORIZED UNAUTHENTICATED BAD_ORIGIN
        payee_side: GATEWAY_NOT_FOUND ACCOUNT_NOT_FOUND INVALID_ACCOUNT_DETAILS
        payee_side: LOCKER_NOT_CONFIGURED FEATURE_NOT_ENABLED CONFIG_ERROR ineligible_state_gw JP_852
        in_flight: DUPLICATE_ORDER_ID DUPLICATE_REQUEST ALREADY_EXISTS already_exists
        in_flight: INTERNAL_SERVER_ERROR NETWORK_ERROR_CODE SERVER_ERROR
        our_request: INVALID_INPUT RESOURCE_NOT_FOUND MISSING_MANDATORY_PARAMETER
        our_request: INVALID_ACTION INVALID_REQUEST INVALID_START_DATE invalid_info
        our_request: Invalid invalid_request bad_request USER_ERROR
        our_request: EXPIRED
        mandate_dead: JPMR JPMC JPMX mandate_cancelled mandate_expired
        mandate_dead: umn_does_not_exist_payer
        mandate_paused: JPMP ineligible_state mandate_paused mandate_not_active
        customer_stop: JPMD
        in_flight: JPMW JPME
        already_collected: JPEA mandate_current_cycle_allowed_debit_exceeds
        notification: JPEN JP_851
        in_flight: bank_technical_error gateway_technical_error payment_timed_out
        in_flight: psp_timeout credit_to_beneficiary_failed
        funds: insufficient_funds insufficient_fund adequate_funds_not_available_blocked
        ",
    );
    check_codes(
        Rail::Enach,
        "resp_code",
        "
        funds: INSUFFICIENT_BALANCE
        account_dead: ACCOUNT_CLOSED
        in_flight: TXN_NOT_FOUND TRANSACTION_NOT_FOUND TXN_EXPIRED TXN_AUTO_FAILED
        in_flight: TECHNICAL_ERROR
        customer_action: USER_DECLINED USER_DROPPED
        unmapped: BANK_DECLINED TXN_FAILURE FAILURE_RESPONSE UNMAPPED_ERROR
        unmapped: BUSINESS_ERROR GENERIC_ERROR UNMAPPED JP706
        ",
    );
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
        limit: Amount exceeds limit
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
        in_flight: Duplicate: already debited under ACH
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
fn the_same_code_means_something_else_on_another_rail() {
    let class = |rail, code| {
        classify(&signals(
            ProviderKind::Juspay,
            rail,
            &[("bank_error_code", code)],
            &[],
        ))
        .class
    };
    assert_eq!(class(Rail::Enach, "04"), Class::Funds);
    assert_eq!(class(Rail::Card, "04"), Class::Instrument);
    assert_eq!(class(Rail::Upi, "04"), Class::Unmapped);
    assert_eq!(class(Rail::Enach, "59"), Class::Transient);
    assert_eq!(class(Rail::Card, "59"), Class::Risk);
    assert_eq!(class(Rail::Card, "Z9"), Class::Unmapped);
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
