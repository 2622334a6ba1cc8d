//! What banks answer, per rail and reason: codes and words of "UPI Error and Response Codes" v2.9 (NPCI), "NACH ACH
//! Debit return codes" (NPCI circular 274) and ISO 8583. Where several mean the same, the weights say how often each
//! is seen; no statistic of them is published, so they are an estimate.

use judge::Rail;

use super::payer::Reason;

/// One answer: how often it is given among those that mean the same, its code, its words.
pub(super) type Code = (u32, &'static str, &'static str);

/// A code that is in no table.
pub(super) const NO_TABLE: Code = (50, "QX77", "Declined for reasons known to the issuer");

/// The answers that a bank has for a reason on a rail; never none.
pub(super) const fn of(reason: Reason, rail: Rail) -> &'static [Code] {
    match rail {
        Rail::Upi => upi(reason),
        Rail::Card => card(reason),
        Rail::Enach => nach(reason),
    }
}

const fn upi(reason: Reason) -> &'static [Code] {
    match reason {
        Reason::LowBalance => &[
            (95, "Z9", "Insufficient funds in customer account"),
            (5, "IE", "Adequate funds not available, blocked for mandate"),
        ],
        Reason::Technical => &[
            (50, "U28", "Remitter bank not available"),
            (25, "XY", "Remitter CBS offline"),
            (10, "U80", "Remitter bank throttling decline"),
            (10, "HS", "Bank HSM is down (remitter)"),
            (5, "XT", "Cut-off is in process (remitter)"),
        ],
        Reason::InFlight => &[
            (50, "U67", "Debit timeout"),
            (25, "UT", "Remitter unavailable (timeout)"),
            (15, "BT", "Acquirer unavailable (timeout)"),
            (10, "RB", "Credit reversal timeout"),
        ],
        Reason::Limit => &[
            (45, "Z7", "Transaction frequency limit exceeded"),
            (30, "ZU", "Limit exceeded for remitting bank"),
            (25, "U03", "Net debit cap exceeded"),
        ],
        Reason::NotApproved => &[(80, "U69", "Collect expired"), (20, "ZM", "Invalid MPIN")],
        Reason::CustomerStop => &[(1, "ZA", "Transaction declined by customer")],
        Reason::Revoked => &[
            (80, "VA", "Mandate has been revoked"),
            (20, "QC", "Mandate has been revoked"),
        ],
        Reason::Paused => &[
            (80, "VT", "Mandate is paused"),
            (20, "QA", "Mandate is paused"),
        ],
        Reason::AccountClosed => &[
            (50, "XH", "Account does not exist"),
            (30, "ZX", "Inactive or dormant account"),
            (20, "YE", "Account blocked or frozen"),
        ],
        Reason::Risk => &[
            (60, "K1", "Suspected fraud"),
            (25, "59", "Suspected fraud, decline"),
            (15, "CI", "Compliance error code for issuer"),
        ],
        Reason::Unmapped => &[
            NO_TABLE,
            (25, "YC", "Do not honour (remitter)"),
            (25, "U30", "Debit has been failed"),
        ],
    }
}

const fn card(reason: Reason) -> &'static [Code] {
    match reason {
        Reason::LowBalance => &[(1, "51", "Insufficient funds")],
        // An answer that is lost has no code of its own here.
        Reason::Technical | Reason::InFlight => &[
            (65, "91", "Issuer or switch is inoperative"),
            (25, "96", "System malfunction"),
            (10, "06", "Error"),
        ],
        // 61 is about one amount: no later day mends it.
        Reason::Limit => &[(1, "65", "Exceeds withdrawal frequency limit")],
        Reason::NotApproved => &[(1, "1A", "Additional customer authentication required")],
        Reason::CustomerStop => &[(1, "R0", "Stop this payment")],
        Reason::Revoked => &[
            (70, "R1", "Revocation of authorisation order"),
            (30, "R3", "Revocation of all authorisations order"),
        ],
        Reason::Paused => &[(1, "R0", "Mandate is paused by the cardholder")],
        Reason::AccountClosed => &[(50, "46", "Closed account"), (50, "54", "Expired card")],
        Reason::Risk => &[
            (80, "59", "Suspected fraud"),
            (20, "63", "Security violation"),
        ],
        Reason::Unmapped => &[NO_TABLE, (50, "05", "Do not honour")],
    }
}

/// Signzy shows the words only, so they are those of "Cashfree Subscriptions FAQ", eNACH failure reasons.
const fn nach(reason: Reason) -> &'static [Code] {
    match reason {
        Reason::LowBalance => &[
            (90, "04", "Balance Insufficient"),
            (10, "05", "Not Arranged For"),
        ],
        Reason::Technical => &[(1, "59", "Network Failure (CBS)")],
        Reason::InFlight => &[(1, "98", "Bank extension case")],
        Reason::Limit => &[(1, "58", "A/c reached maximum Debit limit set on account")],
        // No amount needs an approval here: what a customer has to do is of another kind.
        Reason::NotApproved => &[(1, "51", "KYC Documents Pending")],
        Reason::CustomerStop => &[(1, "06", "Payment Stopped by Drawer")],
        Reason::Revoked => &[
            (75, "61", "Mandate Cancelled"),
            (25, "21", "Invalid UMRN or inactive mandate"),
        ],
        Reason::Paused => &[(1, "17", "Returned as per customer request")],
        Reason::AccountClosed => &[
            (60, "01", "Account Closed"),
            (20, "53", "Account Inoperative"),
            (20, "54", "Account Dormant"),
        ],
        Reason::Risk => &[(1, "68", "A/c Blocked or Frozen")],
        Reason::Unmapped => &[NO_TABLE],
    }
}
