//! G1, G3 and G6 of kept answers: what was believed is about the right debit, and what a debit says is what its answer states. What an
//! answer does not state contradicts nothing.

use super::amount::minor;
use super::identity::{CycleName, IdOf};
use super::kept::{Kept, Stated};
use crate::store::audit::Call;

pub(super) type Rule = (&'static str, &'static str);

const CALLED: Rule = (
    "G1",
    "a call is about an order or a notification of its own cycle",
);
const HIDDEN: Rule = (
    "G1",
    "what an answer calls collected is not written down as anything else",
);
const AMOUNT: Rule = (
    "G3",
    "a debit is of the amount and the payment that its answer states",
);
const PROVEN: Rule = (
    "G6",
    "what is written down as collected, its kept answer calls collected",
);
const BELIEVED: Rule = (
    "G6",
    "an answer that was believed is about its own order, customer, mandate and amount",
);
pub(super) const RULES: [Rule; 5] = [CALLED, HIDDEN, AMOUNT, PROVEN, BELIEVED];

/// What was found in an answer.
pub(super) type Found = Vec<(Rule, String)>;

/// Holds a call and its answer against the execution that it was made for.
pub(super) fn examine(call: &Call) -> Found {
    let mut found = Vec::new();
    if !is_of_its_cycle(call) {
        found.push((
            CALLED,
            format!("{} of {} at {}", call.call, call.reference, call.at),
        ));
    }
    let kept = call.body.as_deref().and_then(Kept::read);
    match (call.call.as_str(), call.provider.as_str()) {
        ("execute" | "retry" | "order_status", "signzy") => {
            payments(call, kept.as_ref(), &mut found);
        }
        ("execute" | "retry" | "order_status", _) => order(call, kept.as_ref(), &mut found),
        ("notify" | "notification_status", _) => notification(call, kept.as_ref(), &mut found),
        _ => {}
    }
    found
}

fn is_of_its_cycle(call: &Call) -> bool {
    let cycle = CycleName {
        provider: &call.provider,
        mandate: &call.provider_mandate_id,
        period: &call.period,
    };
    let (of, count) = match call.call.as_str() {
        "mandate_status" => return call.reference == call.provider_mandate_id,
        "notify" | "notification_status" => (IdOf::Notification, call.notification_no),
        _ => (IdOf::Order, call.order_no),
    };
    cycle.number_of(of, &call.reference, count).is_some()
}

/// Whether something was concluded from the answer. A contradiction, a refusal, or no answer at all concludes nothing about the debit.
fn was_believed(call: &Call) -> bool {
    matches!(
        call.outcome.as_str(),
        "charged" | "failed" | "pending" | "reversed" | "unrecognized" | "delivered"
    )
}

fn order(call: &Call, kept: Option<&Kept>, found: &mut Found) {
    let Some(kept) = kept else {
        if call.outcome == "charged" {
            found.push((PROVEN, unproven(call, "no readable answer is kept")));
        }
        return;
    };
    let stated = kept.order();
    let says_collected = stated.status.as_deref() == Some("CHARGED");
    if was_believed(call)
        && let Some(what) = another(call, &stated, &call.reference)
    {
        found.push((BELIEVED, what));
    }
    if call.outcome == "charged" && !says_collected && !(kept.is_cut && stated.status.is_none()) {
        let status = stated.status.as_deref().unwrap_or("nothing");
        found.push((
            PROVEN,
            unproven(call, &format!("the kept answer says {status}")),
        ));
    }
    // The same words in an answer that names somebody else's debit prove nothing.
    let was_processed = call
        .http_status
        .is_some_and(|status| (200..300).contains(&status));
    let concluded_otherwise = matches!(
        call.outcome.as_str(),
        "failed" | "pending" | "reversed" | "not_found" | "refused"
    );
    if says_collected && was_processed && concluded_otherwise {
        found.push((HIDDEN, hidden(call)));
    }
    debit(call, &stated, found);
}

fn notification(call: &Call, kept: Option<&Kept>, found: &mut Found) {
    let stated = kept.map(Kept::notification).unwrap_or_default();
    if was_believed(call)
        && let Some(what) = another(call, &stated, &call.reference)
    {
        found.push((BELIEVED, what));
    }
    let is_cut = kept.is_some_and(|kept| kept.is_cut);
    if call.outcome == "delivered" && stated.status.as_deref() != Some("SUCCESS") && !is_cut {
        let status = stated.status.as_deref().unwrap_or("nothing");
        let detail = format!(
            "{} of {} at {} was delivered, and its kept answer says {status}",
            call.call, call.reference, call.at
        );
        found.push((BELIEVED, detail));
    }
}

fn payments(call: &Call, kept: Option<&Kept>, found: &mut Found) {
    let Some(kept) = kept else {
        if call.outcome == "charged" {
            found.push((PROVEN, unproven(call, "no readable answer is kept")));
        }
        return;
    };
    let single = kept.payment();
    let is_single = single.is_some();
    let listed = single
        .map(|payment| vec![payment])
        .or_else(|| kept.payments());
    let listed = listed.unwrap_or_default();
    if was_believed(call) {
        let others = listed
            .iter()
            .filter_map(|payment| payment.mandate.as_ref())
            .find(|owner| **owner != call.provider_mandate_id);
        if let Some(owner) = others {
            found.push((
                BELIEVED,
                about(call, "eMandate", &call.provider_mandate_id, owner),
            ));
        }
    }
    let collected: Vec<&Stated> = listed
        .iter()
        .filter(|payment| payment.status.as_deref() == Some("SUCCESS"))
        .collect();
    if is_single && !collected.is_empty() && matches!(call.outcome.as_str(), "failed" | "pending") {
        found.push((HIDDEN, hidden(call)));
    }
    if call.outcome != "charged" {
        return;
    }
    // Of a list its last page is kept: a payment that is not on it may be on another.
    if collected.is_empty() && is_single {
        found.push((PROVEN, unproven(call, "the kept payment was not collected")));
    }
    let debited = call.debit_txn.as_deref().filter(|_| call.has_debit);
    let is_ours = |payment: &&&Stated| match debited {
        Some(id) => payment.transaction.as_deref() == Some(id),
        None => is_single,
    };
    match collected.iter().find(is_ours) {
        Some(payment) => {
            if let Some(what) = another_amount(call, payment) {
                found.push((BELIEVED, what));
            }
            debit(call, payment, found);
        }
        None if is_single => {
            if let Some(payment) = collected.first() {
                debit(call, payment, found);
            }
        }
        None => {}
    }
}

/// The first field that is somebody else's.
fn another(call: &Call, stated: &Stated, name: &str) -> Option<String> {
    let fields = [
        ("name", name, &stated.name),
        ("customer", &call.customer_id, &stated.customer),
        ("mandate", &call.provider_mandate_id, &stated.mandate),
    ];
    let other = fields.into_iter().find_map(|(field, ours, theirs)| {
        let theirs = theirs.as_deref().filter(|theirs| *theirs != ours)?;
        Some(about(call, field, ours, theirs))
    });
    other.or_else(|| another_amount(call, stated))
}

fn another_amount(call: &Call, stated: &Stated) -> Option<String> {
    let written = stated.amount.as_deref()?;
    let currency = stated.currency.as_deref().unwrap_or(&call.currency);
    let is_ours = minor(written, currency) == Some(call.amount_minor) && currency == call.currency;
    let ours = format!(
        "{} {} in the smallest unit",
        call.amount_minor, call.currency
    );
    (!is_ours).then(|| about(call, "amount", &ours, &format!("{written} {currency}")))
}

/// What the debit of this order says, against what its answer states.
fn debit(call: &Call, stated: &Stated, found: &mut Found) {
    if call.outcome != "charged" || !call.has_debit {
        return;
    }
    let ours = call.debit_currency.as_deref().unwrap_or(&call.currency);
    let currency = stated.currency.as_deref().unwrap_or(ours);
    if let (Some(written), Some(debited)) = (&stated.amount, call.debit_minor)
        && (minor(written, currency) != Some(debited) || currency != ours)
    {
        let detail = format!(
            "order {}: the debit says {debited} {ours}, and its answer at {} says {written} {currency}",
            call.reference, call.at
        );
        found.push((AMOUNT, detail));
    }
    if let (Some(theirs), Some(ours)) = (&stated.transaction, &call.debit_txn)
        && theirs != ours
    {
        let detail = format!(
            "order {}: the debit says payment {ours}, and its answer at {} says {theirs}",
            call.reference, call.at
        );
        found.push((AMOUNT, detail));
    }
}

fn about(call: &Call, field: &str, ours: &str, theirs: &str) -> String {
    format!(
        "{} of {} at {} came to {}: its {field} is {theirs}, and ours {ours}",
        call.call, call.reference, call.at, call.outcome
    )
}

fn unproven(call: &Call, why: &str) -> String {
    format!("{} of {} at {}: {why}", call.call, call.reference, call.at)
}

fn hidden(call: &Call) -> String {
    format!(
        "{} of {} at {} is written down as {}, and its answer says that it was collected",
        call.call, call.reference, call.at, call.outcome
    )
}
