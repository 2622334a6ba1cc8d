//! What banks and gateways mean, in words that no rule spells out: every meaning in many wordings, and what only looks alike.

use mandated::domain::{Class, ProviderKind, Rail};

use super::{classify, signals};

/// Every rail that a provider debits.
const WAYS: [(ProviderKind, Rail); 4] = [
    (ProviderKind::Juspay, Rail::Upi),
    (ProviderKind::Juspay, Rail::Card),
    (ProviderKind::Juspay, Rail::Enach),
    (ProviderKind::Signzy, Rail::Enach),
];

/// Codes that name no cause, as they come with such words.
const BESIDE: [&[(&str, &str)]; 3] = [
    &[],
    &[("resp_code", "TXN_FAILURE")],
    &[
        ("bank_error_code", "FAILED"),
        ("error_code", "GENERIC_ERROR"),
    ],
];

/// Every wording is of one of the classes, whatever the rail, the provider, the case and the punctuation.
fn all_mean(classes: &[Class], wordings: &[&str]) {
    assert!(wordings.len() >= 10);
    let mut wrong = Vec::new();
    for wording in wordings {
        for shape in [
            (*wording).to_owned(),
            wording.to_uppercase(),
            format!("Sorry! {} Ref 4711.", wording.replace(' ', "  ")),
        ] {
            for ((provider, rail), codes) in WAYS.iter().flat_map(|way| BESIDE.map(|c| (way, c))) {
                let failure = classify(&signals(*provider, *rail, codes, &[&shape]));
                if !classes.contains(&failure.class) {
                    let rule = failure.rule_id().unwrap_or_default();
                    wrong.push(format!("{shape} on {rail}: {} by {rule:?}", failure.class));
                }
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// No wording is of one of the classes.
fn none_means(classes: &[Class], wordings: &[&str]) {
    assert!(wordings.len() >= 10);
    let mut wrong = Vec::new();
    for wording in wordings {
        for (provider, rail) in WAYS {
            let failure = classify(&signals(provider, rail, &[], &[wording]));
            if classes.contains(&failure.class) {
                let rule = failure.rule_id().unwrap_or_default();
                wrong.push(format!(
                    "{wording} on {rail}: {} by {rule:?}",
                    failure.class
                ));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn already_paid_is_already_collected_in_any_words_on_any_rail() {
    all_mean(
        &[Class::AlreadyCollected],
        &[
            "This payment has already been processed for the current cycle. No further executions are permitted.",
            "Amount has already been debited",
            "Txn already processed for this cycle",
            "Duplicate debit",
            "Mandate is already honoured",
            "Transaction cannot be processed as the mandate was already executed this month",
            "EMI already paid by the customer",
            "Instalment was collected earlier",
            "The instruction has been previously honored",
            "Order is already in CHARGED state",
            "A successful payment already exists for this cycle",
            "Payment for the current month is received",
            "Debit for this cycle has been completed",
            "Customer has paid the due amount already",
            "This cycle is already settled",
            "Collection attempted twice for the same due date",
            "Multiple debits not allowed in a cycle",
            "Payment already successful",
            "Duplicate: already debited under ACH",
            "The account was already charged for this period",
        ],
    );
}

#[test]
fn being_processed_leads_to_a_look_up_in_any_words_on_any_rail() {
    all_mean(
        &[Class::InFlight],
        &[
            "Another request for this order is in progress",
            "Your payment is being processed",
            "Debit request already initiated for this mandate",
            "The transaction is under process at the bank",
            "Execution already in progress",
            "Txn is pending at the remitter bank",
            "Payment status is pending",
            "Request failed as another transaction is currently processing",
            "Order is still being worked on by the switch",
            "Awaiting confirmation from NPCI",
            "Response awaited from beneficiary bank",
            "Request already accepted, please check status",
            "Collection is in process",
            "The debit was already submitted",
            "Final outcome awaited",
        ],
    );
}

#[test]
fn taking_too_long_leads_to_a_look_up_in_any_words_on_any_rail() {
    all_mean(
        &[Class::InFlight],
        &[
            "Bank is taking too long to respond.",
            "You may have cancelled the payment or there was a delay in response from the UPI app.",
            "Request timed out",
            "Time-out at the issuer",
            "Read timeout while calling the remitter",
            "No response from the payer's bank",
            "We didn't receive any response from the bank",
            "The bank did not answer in time",
            "Could not be completed in time",
            "Acknowledgement not received from the switch",
            "Transaction status could not be determined",
            "Unable to confirm the payment",
            "Connection was reset by the gateway",
            "The issuer's reply was delayed",
            "Outcome of the transaction is unknown",
            "Partner bank isn't responding",
            "Response time exceeded",
            "Your bank took longer than expected",
            "Late response from PSP",
            "Payment unconfirmed",
        ],
    );
}

#[test]
fn may_have_been_debited_leads_to_a_look_up_in_any_words_on_any_rail() {
    all_mean(
        &[Class::InFlight],
        &[
            "Your account has been debited but merchant not confirmed",
            "Amount may have been deducted from your account",
            "Money might have left the account",
            "If money was debited, it will be returned within 5 days",
            "Payment failed. Any amount deducted will be refunded in 5 days.",
            "Debit successful, credit failed",
            "Customer account debited; beneficiary not credited",
            "The payment could possibly have gone through",
            "Amount debited and reversal initiated",
            "The transaction was reversed",
            "Rs. 499.00 deducted from the wallet",
            "Card has been charged, order not updated",
            "Credit leg declined by beneficiary bank",
            "Transaction deemed approved",
            "In case your account is debited the money will be returned to you",
            "Funds debited at remitter, response lost",
            "Duplicate transaction",
            "Order already exists with the given id",
        ],
    );
}

#[test]
fn a_mandate_that_is_over_ends_in_any_words_on_any_rail() {
    all_mean(
        &[Class::MandateDead],
        &[
            "UMN deregistered",
            "Mandate cancelled by the customer",
            "The payer has revoked the mandate",
            "Subscription was terminated",
            "E-mandate is no longer active",
            "UMRN does not exist",
            "Mandate validity has expired",
            "Standing instruction has been withdrawn",
            "AutoPay was discontinued by the user",
            "Your account has changed, please set up the mandate again",
            "No such mandate",
            "Customer revoked UPI mandate",
            "Invalid UMN",
            "Fresh mandate required",
            "Please re-register the mandate",
            "The mandate has lapsed",
            "Mandate has been de-registered at the bank",
            "NACH mandate has been deleted",
        ],
    );
}

#[test]
fn a_mandate_that_is_not_active_is_asked_about_in_any_words() {
    all_mean(
        &[Class::MandatePaused],
        &[
            "Mandate is not in active State",
            "Mandate is not active",
            "The mandate is suspended",
            "Mandate is currently paused",
            "Subscription paused by the customer",
            "UMN is blocked",
            "AutoPay is on hold",
            "Mandate status is not live",
            "No active mandate found",
            "Customer has a paused mandate",
            "Standing instruction is frozen",
        ],
    );
}

#[test]
fn what_is_the_payees_side_is_so_in_any_words_on_any_rail() {
    all_mean(
        &[Class::PayeeSide],
        &[
            "Transaction was declined by merchant.",
            "Gateway not supported.",
            "Beneficiary account not found",
            "Merchant is blocked",
            "The payee's account is frozen",
            "Merchant not onboarded for recurring payments",
            "Beneficiary VPA invalid",
            "Payee address is incorrect",
            "Invalid merchant",
            "Creditor account closed",
            "Sponsor bank is not enabled",
            "Merchant has been suspended",
            "Rejected by the acquirer",
            "Beneficiary account is dormant",
        ],
    );
}

/// Words that are near "already paid", "in progress", "may have been debited", and say that nothing happened.
#[test]
fn what_says_that_nothing_moved_is_not_taken_for_a_debit() {
    none_means(
        &[Class::InFlight, Class::AlreadyCollected],
        &[
            "Amount has NOT been debited",
            "Your account was not debited",
            "No money has been debited",
            "Transaction not processed",
            "Payment hasn't been charged",
            "Nothing was deducted",
            "The mandate is not yet active",
            "Amount to be debited exceeds the limit",
            "The card cannot be charged",
            "Account could not be debited",
            "Mandate already cancelled",
            "Subscription has been already cancelled.",
            "Payment was already retried today",
            "Payment declined without being debited",
            "Insufficient balance in the account",
            "KYC documents pending",
            "Mandate approval pending with the customer",
        ],
    );
}

/// A mandate is ended for good by these words, so they must mean it.
#[test]
fn what_does_not_say_that_the_mandate_is_over_ends_none() {
    none_means(
        &[Class::MandateDead],
        &[
            "Mandate not yet active",
            "Mandate registration is pending",
            "Mandate is not revoked",
            "The mandate has not been cancelled",
            "Mandate completed for this cycle",
            "Mandate max amount not found.",
            "Invalid mandate amount",
            "Check whether the mandate was revoked",
            "Mandate notification expired",
            "Mandate execution cancelled",
            "Transaction cancelled",
            "Mandate may be cancelled after three failures",
            "Payment link expired",
            "Mandate status could not be determined",
            "Mandate limit expired for the day",
            "Order of the subscription was cancelled",
        ],
    );
}

#[test]
fn what_is_the_payers_side_is_not_the_payees() {
    none_means(
        &[Class::PayeeSide],
        &[
            "Customer account not found",
            "Remitter account is frozen",
            "Payer declined the transaction",
            "Transaction declined by the customer",
            "Account closed",
            "Invalid payer address",
            "Payer VPA does not exist",
            "Beneficiary bank is not responding",
            "Response awaited from beneficiary bank",
            "Merchant is not blocked",
            "Insufficient funds in the account",
        ],
    );
}
