//! How a refusal by the payer's bank is written on the wire: the codes are those of [`super::codes`], the wrapping is
//! Juspay's ("Juspay Order Status API", sample responses). It has no field for Mastercard's advice codes.

use std::borrow::Cow;

use judge::{BankRefusal, Rail};
use serde::{Deserialize, Serialize};

use super::codes;
use super::payer::Reason;
use crate::seeded_rng::SeededRng;

type Text = Cow<'static, str>;

/// A failed debit in Juspay's fields. Signzy shows `bank_error_message` as `failureReason`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// `AUTHORIZATION_FAILED`, `AUTHENTICATION_FAILED` or `JUSPAY_DECLINED`.
    pub status: Text,
    #[serde(default)]
    pub resp_code: Option<Text>,
    #[serde(default)]
    pub resp_category: Option<Text>,
    #[serde(default)]
    pub resp_message: Option<Text>,
    #[serde(default)]
    pub bank_error_code: Text,
    #[serde(default)]
    pub bank_error_message: Text,
    /// Whether the provider's retry API takes it.
    #[serde(default)]
    pub retryable: bool,
}

impl Decline {
    const fn new(resp: [&'static str; 3], bank: [&'static str; 2], retryable: bool) -> Self {
        let [resp_code, resp_category, resp_message] = resp;
        let [bank_error_code, bank_error_message] = bank;
        Self {
            status: Cow::Borrowed("AUTHORIZATION_FAILED"),
            resp_code: Some(Cow::Borrowed(resp_code)),
            resp_category: Some(Cow::Borrowed(resp_category)),
            resp_message: Some(Cow::Borrowed(resp_message)),
            bank_error_code: Cow::Borrowed(bank_error_code),
            bank_error_message: Cow::Borrowed(bank_error_message),
            retryable,
        }
    }

    /// The bank's answer for a reason on a rail; `rng` picks among the codes that mean the same.
    pub(super) fn of(reason: Reason, rail: Rail, mut rng: SeededRng) -> Self {
        let codes = codes::of(reason, rail);
        let mut lot = rng.below(codes.iter().map(|(weight, ..)| weight).sum());
        let code = codes.iter().find(|(weight, ..)| {
            let hit = lot < *weight;
            lot = lot.saturating_sub(*weight);
            hit
        });
        Self::with(reason, code.unwrap_or(&codes::NO_TABLE))
    }

    /// Every answer that a bank has for a reason on a rail.
    pub fn documented(reason: Reason, rail: Rail) -> impl Iterator<Item = Self> {
        let codes = codes::of(reason, rail).iter();
        codes.map(move |code| Self::with(reason, code))
    }

    const fn with(reason: Reason, (_, code, message): &codes::Code) -> Self {
        let retryable = matches!(
            reason,
            Reason::LowBalance | Reason::Technical | Reason::Limit
        );
        Self::new(resp(reason), [code, message], retryable)
    }

    /// What the payer's bank says when it refuses a debit unseen.
    pub(super) const fn of_bank(refusal: BankRefusal, rail: Rail) -> Self {
        match refusal {
            BankRefusal::NotNotified => Self::not_notified(),
            BankRefusal::OtherAmount => Self::other_amount(),
            BankRefusal::AttemptsExceeded => Self::attempts_exceeded(),
            BankRefusal::PeriodUsed => Self::period_used(rail),
        }
    }

    /// The payer was not notified in time, or not at all. NPCI code NU.
    pub(super) const fn not_notified() -> Self {
        const RESP: [&str; 3] = ["TXN_FAILURE", "BUSINESS_ERROR", "Transaction failed"];
        Self::new(RESP, ["NU", "Unable to notify the customer"], true)
    }

    /// The amount is not the one that the payer was told. NPCI code VD.
    const fn other_amount() -> Self {
        const BANK: [&str; 2] = ["VD", "Amount rule mismatch"];
        Self::new(
            [
                "BANK_DECLINED",
                "BUSINESS_ERROR",
                "Transaction failed at issuer Bank's end",
            ],
            BANK,
            false,
        )
    }

    /// More executions than the rail allows for one notification. Juspay's PSP code JPEN.
    const fn attempts_exceeded() -> Self {
        const BANK: [&str; 2] = [
            "JPEN",
            "Execution notification not found or attempts exceeded",
        ];
        Self::new(
            ["TXN_FAILURE", "BUSINESS_ERROR", "Transaction failed"],
            BANK,
            false,
        )
    }

    /// The rail takes one debit in a period. NPCI code VE; NACH return 12.
    const fn period_used(rail: Rail) -> Self {
        const RESP: [&str; 3] = ["TXN_FAILURE", "BUSINESS_ERROR", "Transaction failed"];
        let bank = match rail {
            Rail::Upi => ["VE", "MANDATE IS ALREADY HONOURED"],
            Rail::Enach => ["12", "Mismatch in mandate frequency"],
            Rail::Card => ["", "card_mandate_current_cycle_allowed_debit_exceeds"],
        };
        Self::new(RESP, bank, false)
    }

    /// Stopped by `cancel_recurring_transaction`.
    pub(super) fn cancelled() -> Self {
        Self {
            status: Cow::Borrowed("JUSPAY_DECLINED"),
            resp_code: None,
            resp_category: None,
            resp_message: None,
            bank_error_code: Cow::Borrowed("JP_852"),
            bank_error_message: Cow::Borrowed("Transaction was declined by merchant."),
            retryable: false,
        }
    }

    /// Documented for a wrong `order.customer_id`.
    pub(super) fn invalid_customer(resp_message: &'static str) -> Self {
        Self {
            status: Cow::Borrowed("AUTHENTICATION_FAILED"),
            resp_code: Some(Cow::Borrowed("FAILURE_RESPONSE")),
            resp_category: None,
            resp_message: Some(Cow::Borrowed(resp_message)),
            bank_error_code: Cow::Borrowed(""),
            bank_error_message: Cow::Borrowed(""),
            retryable: false,
        }
    }
}

/// `resp_code`, `resp_category` and `resp_message`.
const fn resp(reason: Reason) -> [&'static str; 3] {
    const BANK: &str = "Transaction failed at issuer Bank's end";
    match reason {
        Reason::LowBalance => [
            "INSUFFICIENT_BALANCE",
            "BUSINESS_ERROR",
            "User doesn't have sufficient balance in the account",
        ],
        // A bank that is down has said so; only one whose answer is lost has timed out.
        Reason::Technical => ["BANK_DECLINED", "BUSINESS_ERROR", BANK],
        Reason::InFlight => [
            "TECHNICAL_ERROR",
            "TECHNICAL_ERROR",
            "Transaction timed out",
        ],
        Reason::CustomerStop | Reason::NotApproved => [
            "USER_DECLINED",
            "USER_DROPPED",
            "User did not complete authentication",
        ],
        Reason::AccountClosed => [
            "ACCOUNT_CLOSED",
            "BUSINESS_ERROR",
            "Account is Dormant or closed",
        ],
        Reason::Unmapped => ["UNMAPPED_ERROR", "UNMAPPED", "Transaction failed"],
        Reason::Limit | Reason::Revoked | Reason::Paused | Reason::Risk => {
            ["BANK_DECLINED", "BUSINESS_ERROR", BANK]
        }
    }
}
