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

/// Checks rows of a class and its codes, each code alone in a field of the bank's.
fn check_codes(rail: Rail, field: &str, rows: &[(Class, &str)]) {
    for (class, codes) in rows {
        for code in codes.split_whitespace() {
            let codes = [(field, code)];
            let failure = classify(&signals(ProviderKind::Juspay, rail, &codes, &[]));
            assert_eq!(failure.class, *class, "{rail} {code}: {:?}", failure.rule);
            assert!(failure.rule.is_some(), "{rail} {code} has no rule");
            assert_eq!(failure.code.as_deref(), Some(code));
        }
    }
}

/// Checks rows of a class and a message.
fn check_messages(provider: ProviderKind, rail: Rail, rows: &[(Class, &str)]) {
    for (class, message) in rows {
        let messages = [*message];
        let failure = classify(&signals(provider, rail, &[], &messages));
        assert_eq!(failure.class, *class, "{message}: {:?}", failure.rule);
        assert_eq!(failure.message.as_deref(), Some(*message));
    }
}

#[test]
fn upi_codes() {
    check_codes(
        Rail::Upi,
        "bank_error_code",
        &[
            (Class::Funds, "Z9 IE"),
            (Class::MandateDead, "VA QC VU QD VF VG VJ QU ZH"),
            (Class::MandatePaused, "VT QA"),
            (Class::AlreadyCollected, "VE QB"),
            (Class::InFlight, "VS DT DF U01 U42"),
            // Timeouts and lost answers.
            (
                Class::InFlight,
                "U67 U68 U82 U85 U87 U88 U09 U18 U20 U26 U27 U53 U70 ZL UT BT UP",
            ),
            (Class::InFlight, "U35 U36 U37 U38 NO 01 96"),
            // Reversals, and what they leave behind when no bank code comes with them.
            (Class::InFlight, "21 RB RR RP 32 U32 U33 ZQ U31 U34"),
            (
                Class::Notification,
                "NU PRE_DEBIT_NOTIFICATION_NOT_FOUND PRE_DEBIT_NOTIFICATION_NOT_SENT",
            ),
            (Class::Limit, "Z7 Z8 ZU U02 U03 FL FP VK"),
            (Class::CustomerAction, "AM ZM Z6 ZE ZG U69"),
            (Class::CustomerStop, "ZA"),
            (Class::AccountDead, "VL VM B1 B3 MR XH YE ZX XX 15"),
            (Class::Risk, "59 K1 ZI CI XV M16 U16 U66 YA VH"),
            (Class::Legal, "VO VZ VP VQ VR"),
            (Class::OurRequest, "VB VC VD QH VI IC ID B6 XD XE XF XG ZD"),
            (
                Class::OurRequest,
                "U04 U05 U06 U07 U10 U11 U12 U14 U15 U21 U74 U75 U76",
            ),
            (
                Class::OurRequest,
                "U46 U47 U48 U49 U50 U51 U52 U54 U55 U56 U57 U58",
            ),
            (Class::OurRequest, "U59 U60 U61 U62 U63 U64 U65"),
            (
                Class::PayeeSide,
                "VY QI XI YF ZY XC CA XW U77 X6 YH MQ7 U95",
            ),
            (Class::Transient, "U28 U08 U13 U92 U93 U78 U40 U41"),
            (Class::Transient, "U80 U81 U84 U86 U89 U90 U91 U94 S93 S94"),
            (Class::Transient, "XY HS IR ZK XT LD UB Y1 ZC ZJ XU X7"),
            (
                Class::Unmapped,
                "U30 U39 U43 U19 U29 YC XB YI VN M0 M1 M2 M3 M4 M5 M6 M7 M8 M9",
            ),
        ],
    );
}

#[test]
fn nach_codes() {
    check_codes(
        Rail::Enach,
        "bank_error_code",
        &[
            (Class::Funds, "04 05"),
            (Class::AccountDead, "01 02 53 54 68 71"),
            (Class::CustomerStop, "06 17 72 75"),
            (Class::Legal, "07 60 69"),
            (Class::MandateDead, "08 14 16 21 22 29 61"),
            (
                Class::OurRequest,
                "03 11 12 15 23 24 25 26 27 28 32 34 94 77 78 85",
            ),
            (Class::OurRequest, "74 81 83 84 86 87 88 89 90 91 93 97"),
            (Class::AlreadyCollected, "13"),
            (Class::InFlight, "31 33 82 98 99"),
            (Class::CustomerAction, "51 52 55 56 70"),
            (Class::Limit, "57 58"),
            (Class::Transient, "59 73 79 92"),
            (Class::Unmapped, "09 76 80 95 96"),
        ],
    );
}

#[test]
fn card_codes() {
    check_codes(
        Rail::Card,
        "bank_error_code",
        &[
            (Class::Funds, "51"),
            (Class::Limit, "61 65"),
            (Class::Transient, "06 96 19 90 91 92"),
            (Class::Instrument, "04 07 14 15 41 43 46 54 57 62"),
            (Class::MandateDead, "R1 R3"),
            (Class::CustomerStop, "R0"),
            (Class::CustomerAction, "01 02 38 55 75 70 78 1A"),
            (Class::Risk, "59 63 83"),
            (Class::Legal, "93"),
            (Class::PayeeSide, "03 58"),
            (Class::OurRequest, "12 13 30 82 N7 6P"),
            (Class::InFlight, "94"),
            (Class::Unmapped, "05 85"),
        ],
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
        &[
            (
                Class::PayeeSide,
                "access_denied UNAUTHORIZED UNAUTHENTICATED BAD_ORIGIN",
            ),
            (
                Class::PayeeSide,
                "GATEWAY_NOT_FOUND ACCOUNT_NOT_FOUND INVALID_ACCOUNT_DETAILS",
            ),
            (
                Class::PayeeSide,
                "LOCKER_NOT_CONFIGURED FEATURE_NOT_ENABLED CONFIG_ERROR ineligible_state_gw JP_852",
            ),
            (
                Class::InFlight,
                "DUPLICATE_ORDER_ID DUPLICATE_REQUEST ALREADY_EXISTS already_exists",
            ),
            (
                Class::InFlight,
                "INTERNAL_SERVER_ERROR NETWORK_ERROR_CODE SERVER_ERROR",
            ),
            (
                Class::OurRequest,
                "INVALID_INPUT RESOURCE_NOT_FOUND MISSING_MANDATORY_PARAMETER",
            ),
            (
                Class::OurRequest,
                "INVALID_ACTION INVALID_REQUEST INVALID_START_DATE invalid_info",
            ),
            (
                Class::OurRequest,
                "Invalid invalid_request bad_request USER_ERROR",
            ),
            (Class::Instrument, "EXPIRED"),
            (
                Class::MandateDead,
                "JPMR JPMC JPMX mandate_cancelled mandate_expired",
            ),
            (Class::MandateDead, "umn_does_not_exist_payer"),
            (
                Class::MandatePaused,
                "JPMP ineligible_state mandate_paused mandate_not_active",
            ),
            (Class::CustomerStop, "JPMD"),
            (Class::InFlight, "JPMW JPME"),
            (
                Class::AlreadyCollected,
                "JPEA mandate_current_cycle_allowed_debit_exceeds",
            ),
            (Class::Notification, "JPEN"),
            (
                Class::InFlight,
                "bank_technical_error gateway_technical_error payment_timed_out",
            ),
            (Class::InFlight, "psp_timeout credit_to_beneficiary_failed"),
            (
                Class::Funds,
                "insufficient_funds insufficient_fund adequate_funds_not_available_blocked",
            ),
        ],
    );
    check_codes(
        Rail::Enach,
        "resp_code",
        &[
            (Class::Funds, "INSUFFICIENT_BALANCE"),
            (Class::AccountDead, "ACCOUNT_CLOSED"),
            (
                Class::InFlight,
                "TXN_NOT_FOUND TRANSACTION_NOT_FOUND TXN_EXPIRED TXN_AUTO_FAILED",
            ),
            (Class::InFlight, "TECHNICAL_ERROR"),
            (Class::CustomerAction, "USER_DECLINED USER_DROPPED"),
            (
                Class::Unmapped,
                "BANK_DECLINED TXN_FAILURE FAILURE_RESPONSE UNMAPPED_ERROR",
            ),
            (
                Class::Unmapped,
                "BUSINESS_ERROR GENERIC_ERROR UNMAPPED JP706",
            ),
        ],
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
        &[
            (Class::OurRequest, "Invalid order amount"),
            (Class::OurRequest, "Mandate max amount not found."),
            (Class::OurRequest, "Amount not found in request."),
            (
                Class::OurRequest,
                "Order amount greater than mandate max amount (499.00)",
            ),
            (
                Class::OurRequest,
                "currency not valid for mandate transaction.",
            ),
            (
                Class::OurRequest,
                "currency not valid for mandate transaction",
            ),
            (
                Class::OurRequest,
                r#"{"status":422,"errorCode":"800","message":"Contract not found"}"#,
            ),
            (Class::MandateDead, "Mandate not found"),
            (Class::MandateDead, "Mandate not found for customer."),
            (
                Class::MandatePaused,
                "Mandate is in PAUSED state. Recurring cannot be executed",
            ),
            (
                Class::MandateDead,
                "Mandate is in REVOKED state. Recurring cannot be executed",
            ),
            (
                Class::MandateDead,
                "Mandate is in EXPIRED state. Recurring cannot be executed",
            ),
            (
                Class::MandateDead,
                "Mandate is in FAILURE state. Recurring cannot be executed",
            ),
            (
                Class::CustomerAction,
                "Mandate is in CREATED state. Recurring cannot be executed",
            ),
            (
                Class::PayeeSide,
                "Invalid merchant id. Cannot process your request.",
            ),
            (Class::PayeeSide, "merchant_id is invalid."),
            (
                Class::PayeeSide,
                "Please pass valid merchant_id in request.",
            ),
            (Class::NothingToRetry, "No scheduled transactions found."),
            (
                Class::NothingToRetry,
                "No scheduled recurring transactions are found.",
            ),
            (Class::AlreadyCollected, "Order is already charged"),
            (
                Class::InFlight,
                "The gateway request to submit payment information timed out",
            ),
            (
                Class::InFlight,
                "Payment processing failed due to error at bank or wallet gateway",
            ),
            (
                Class::InFlight,
                "Payment failed. Any amount deducted will be refunded in 5 days.",
            ),
            (Class::InFlight, "Transaction timed out"),
            (Class::Transient, "No active pg found"),
            (
                Class::MandateDead,
                "The card associated with subscription has expired.",
            ),
            (
                Class::MandateDead,
                "Subscription has been already cancelled.",
            ),
            (
                Class::MandateDead,
                "Token has expired and cannot be used for recurring payments",
            ),
            (
                Class::Instrument,
                "Card has been classified as lost and has been blocked.",
            ),
            (
                Class::Funds,
                "The account against which the payment was made has insufficient funds.",
            ),
            (Class::Funds, "Not sufficient funds"),
            (
                Class::Unmapped,
                "Your payment was declined by your bank. Please try again.",
            ),
            (Class::Unmapped, "Bank denied transaction on the card."),
        ],
    );
}

#[test]
fn enach_reasons_in_words() {
    check_messages(
        ProviderKind::Signzy,
        Rail::Enach,
        &[
            (Class::Funds, "Balance Insufficient"),
            (Class::Funds, "Insufficient Balance"),
            (Class::Funds, "Not Arranged For"),
            (Class::Funds, "Exceeds arrangement"),
            (Class::Transient, "Network Failure (CBS)"),
            (Class::CustomerAction, "Customer to refer to the branch"),
            (Class::CustomerStop, "Payment Stopped by Drawer"),
            (Class::Legal, "Payment Stopped under Court Order"),
            (Class::Legal, "Account under litigation"),
            (Class::CustomerStop, "Returned as per customer request"),
            (Class::CustomerStop, "Item cancelled"),
            (Class::CustomerAction, "KYC Documents Pending"),
            (
                Class::CustomerAction,
                "Documents pending for account holder turning major",
            ),
            (Class::Limit, "Account reached max debit limit"),
            (Class::Limit, "Amount exceeds limit"),
            (Class::AccountDead, "A/c Blocked or Frozen"),
            (Class::CustomerAction, "Aadhaar not mapped"),
            (Class::AccountDead, "Account Closed"),
            (Class::AccountDead, "No Such Account"),
            (Class::MandateDead, "Invalid UMRN or inactive mandate"),
            (Class::MandateDead, "Mandate Cancelled"),
            (Class::MandateDead, "Customer name mismatch"),
            (Class::AccountDead, "Account Inoperative"),
            (Class::AccountDead, "Dormant"),
            (Class::Legal, "Customer Insolvent/Insane"),
            (Class::Legal, "Account Holder Expired"),
            (Class::AlreadyCollected, "Item already debited"),
            (Class::InFlight, "Duplicate: already debited under ACH"),
            (Class::InFlight, "Bank extension case"),
            (Class::InFlight, "Transaction timed out"),
            (Class::Unmapped, "Something else"),
        ],
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
