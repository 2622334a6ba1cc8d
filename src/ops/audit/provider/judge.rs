//! What we have on record, held against what the provider says. Pure: nothing is read here and nothing asked.

use crate::domain::outcome::CallFailure;
use crate::domain::{Amount, Currency, Outcome, Timestamp};
use crate::store::audit::orders::Standing;

/// An order that the provider was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AskedOrder {
    pub(super) id: String,
    /// Whether it comes after the current one: then this database has not sent it.
    pub(super) is_later: bool,
}

/// What a provider says of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OrderResult {
    Collected(Option<Amount>),
    /// Proven, in a word.
    NotCollected(&'static str),
    /// The provider has no such order.
    NotKnown,
    /// Nothing is proven there either, in a word.
    Unproven(&'static str),
    /// No answer, with the reason.
    NotAnswered(&'static str),
}

/// What an answer to a look-up says.
pub(super) fn order_result(outcome: &Outcome) -> OrderResult {
    match outcome {
        Outcome::Charged { amount, .. } => OrderResult::Collected(*amount),
        Outcome::Failed(failure) if failure.class.is_unproven() => {
            OrderResult::Unproven("not proven")
        }
        Outcome::Failed(_) => OrderResult::NotCollected("failed"),
        Outcome::Reversed(_) => OrderResult::NotCollected("collected and given back"),
        Outcome::NotFound => OrderResult::NotKnown,
        Outcome::Pending => OrderResult::Unproven("under way"),
        Outcome::Unrecognized(_) => OrderResult::Unproven("nothing that is known to us"),
        Outcome::Contradicted(_) => OrderResult::Unproven("about somebody else's debit"),
        Outcome::Refused(_) | Outcome::AlreadyExists => {
            OrderResult::NotAnswered("the question was refused")
        }
        Outcome::Call(CallFailure::NotSent { .. }) => {
            OrderResult::NotAnswered("the provider was not reached")
        }
        Outcome::Call(CallFailure::Unknown { .. }) => {
            OrderResult::NotAnswered("no answer came, or none that can be read")
        }
        Outcome::Call(CallFailure::AccountRefused { .. }) => {
            OrderResult::NotAnswered("the account's credentials are refused")
        }
        Outcome::Call(CallFailure::Throttled { .. }) => {
            OrderResult::NotAnswered("the provider throttles us")
        }
    }
}

/// What follows from the answers about an execution's orders.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// Guarantee and counter-example.
    pub(super) findings: Vec<(&'static str, String)>,
    /// What is open here and decided there: the next look-up settles it.
    pub(super) open: Vec<String>,
}

/// Compares.
pub(super) fn judge(ours: &Standing, answers: &[(AskedOrder, OrderResult)]) -> Judged {
    let mut judged = Judged::default();
    let collected: Vec<&str> = answers
        .iter()
        .filter(|(_, result)| matches!(result, OrderResult::Collected(_)))
        .map(|(order, _)| order.id.as_str())
        .collect();
    if collected.len() > 1 && !ours.refunded {
        let detail = format!(
            "the orders {} are collected there: refund due",
            collected.join(", ")
        );
        judged.findings.push(("G1", detail));
    }
    for (order, result) in answers {
        if order.is_later {
            judged.later(order, result);
            continue;
        }
        let order = &order.id;
        match result {
            OrderResult::Collected(amount) => {
                judged.collected(ours, order, *amount, collected.len());
            }
            OrderResult::NotCollected(word) | OrderResult::Unproven(word) => {
                judged.not_collected(ours, order, result, word);
            }
            OrderResult::NotKnown => judged.not_collected(ours, order, result, "not known"),
            OrderResult::NotAnswered(_) => {}
        }
    }
    judged
}

impl Judged {
    /// An order that another database has sent: no worker of this one looks it up.
    fn later(&mut self, order: &AskedOrder, result: &OrderResult) {
        let word = match result {
            OrderResult::Collected(_) => "collected",
            OrderResult::NotCollected(word) | OrderResult::Unproven(word) => word,
            OrderResult::NotKnown | OrderResult::NotAnswered(_) => return,
        };
        let detail = format!(
            "order {} is {word} there, and this database has not sent it",
            order.id
        );
        self.findings.push(("G1", detail));
    }

    fn collected(
        &mut self,
        ours: &Standing,
        order: &str,
        amount: Option<Amount>,
        collected: usize,
    ) {
        match &ours.debit_order_id {
            None => match will_look_up(ours) {
                Some(at) => self.open.push(format!(
                    "order {order} is collected there and {} here; it is looked up at {at}",
                    ours.state
                )),
                None => self.findings.push((
                    "G1",
                    format!(
                        "order {order} is collected there and has no debit here; the execution is {}",
                        ours.state
                    ),
                )),
            },
            Some(debit) if debit == order => {
                let Some(theirs) = amount else { return };
                let debited = ours.debit_minor.zip(ours.debit_currency.as_deref());
                let debited = debited.and_then(|(minor, currency)| {
                    Amount::new(minor, Currency::parse(currency).ok()?)
                });
                // A debit whose answer stated no amount has none here.
                if let Some(debited) = debited.filter(|debited| *debited != theirs) {
                    let detail = format!("order {order} took {theirs} there and {debited} here");
                    self.findings.push(("G3", detail));
                }
            }
            // The first finding has said it already.
            Some(_) if collected > 1 => {}
            Some(debit) => self.findings.push((
                "G1",
                format!("order {order} is collected there, and the debit here is of order {debit}"),
            )),
        }
    }

    fn not_collected(&mut self, ours: &Standing, order: &str, result: &OrderResult, word: &str) {
        if ours.debit_order_id.as_deref() == Some(order) {
            if !ours.refunded {
                let detail = format!("order {order} has its debit here, and there it is {word}");
                self.findings.push(("G6", detail));
            }
        } else if ours.opened_at.is_some()
            && order == ours.order_id
            && matches!(result, OrderResult::NotCollected(_) | OrderResult::NotKnown)
        {
            let detail = format!(
                "order {order} is {word} there, and here its intent is open: the execution is {}",
                ours.state
            );
            self.open.push(detail);
        }
    }
}

/// When a worker finds out by itself what became of an order, if one does.
fn will_look_up(ours: &Standing) -> Option<Timestamp> {
    let looks_up = match ours.next_step.as_deref() {
        Some("lookup" | "recheck" | "retry") => true,
        // A new order begins with a look-up of the one before it.
        Some("notify" | "notify_status" | "execute") => ours.order_no > 1,
        Some(_) | None => false,
    };
    ours.next_at.filter(|_| looks_up)
}
