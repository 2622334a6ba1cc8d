//! A payment of an eMandate, and what its status means.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::Exchange;
use super::answer::{Judgement, SignzyAnswer, presentable, text};
use crate::domain::outcome::Counter;
use crate::domain::{Amount, Contradiction, Currency, Outcome};
use crate::provider::{Reading, Reply};

/// What is read of a payment ("Signzy eMandates, Get Single eMandate Payments").
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: i64,
    pub(super) status: String,
    pub(super) amount: Option<Amount>,
    /// An amount is there, and cannot be one.
    has_other_amount: bool,
    /// When it is or was to be debited, else when it was made. Times carry no zone; they are Indian.
    pub(super) day: Option<NaiveDate>,
    /// When it was made.
    made_on: Option<NaiveDate>,
    pub(super) is_registration: bool,
    retry_attempts: Option<i64>,
    reason: Option<String>,
    /// The eMandate it belongs to.
    owner: Option<String>,
}

/// What a payment's status means for the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It ended without a debit.
    Failed,
    /// It is under way, or has a status that is documented nowhere: never success, never failure.
    Pending,
    Charged,
}

impl Payment {
    /// Nothing where there is no id or no status: such an answer proves nothing.
    pub(super) fn read(value: &Value, currency: Currency) -> Option<Self> {
        let map = value.as_object()?;
        Some(Self {
            id: text(map, "paymentId")?.parse().ok()?,
            status: text(map, "status")?,
            amount: amount(map, currency),
            has_other_amount: states(map, "amount") && amount(map, currency).is_none(),
            day: day(map, "scheduledOn").or_else(|| day(map, "addedOn")),
            made_on: day(map, "addedOn"),
            is_registration: text(map, "remarks")
                .is_some_and(|remarks| remarks.starts_with("auth")),
            retry_attempts: text(map, "retryAttempts").and_then(|number| number.parse().ok()),
            reason: text(map, "failureReason").map(|reason| presentable(&reason)),
            owner: states(map, "subReferenceId")
                .then(|| text(map, "subReferenceId").unwrap_or_default()),
        })
    }

    pub(super) fn standing(&self) -> Standing {
        match self.status.as_str() {
            "SUCCESS" => Standing::Charged,
            "FAILED" | "CANCELLED" => Standing::Failed,
            // PENDING, INITIALIZED and whatever comes after the documentation.
            _ => Standing::Pending,
        }
    }

    /// The same with the day on which it was made, if the answer says so: a charge is of the cycle in which it was made, whenever the
    /// provider presents it.
    pub(super) fn by_its_making(mut self) -> Self {
        self.day = self.made_on.or(self.day);
        self
    }

    pub(super) fn counter(&self) -> Counter {
        Counter {
            attempts: self.retry_attempts,
            no_retry_allowed: false,
        }
    }

    /// What is said about another eMandate proves nothing about this one. `subReferenceId` and, in the machine, `amount` are compared
    /// ("Signzy eMandates, Get Single eMandate Payments"); a payment has no customer, and its `cfOrderId` and `referenceId` are the
    /// gateway's own.
    pub(super) fn contradiction(&self, emandate: Option<&str>) -> Option<Contradiction> {
        let (ours, theirs) = emandate.zip(self.owner.as_deref())?;
        (ours != theirs).then(|| Contradiction {
            field: "subReferenceId",
            ours: ours.to_owned(),
            theirs: presentable(theirs),
        })
    }
}

/// The debit that an answer is about, and how the answer is read.
#[derive(Debug, Clone)]
pub(super) struct Debit<'a> {
    pub(super) reading: Reading<'a>,
    /// The eMandate; nothing where any will do.
    pub(super) owner: Option<&'a str>,
    pub(super) currency: Currency,
    /// What it is to take; nothing where any amount will do.
    pub(super) due: Option<Amount>,
}

impl Debit<'_> {
    fn read(&self, value: &Value) -> Option<Payment> {
        Payment::read(value, self.currency)
    }

    /// The payment that the answer is about.
    pub(super) fn payment(&self, answer: &SignzyAnswer) -> Option<Payment> {
        self.read(answer.get("payment")?)
    }

    /// All payments of a page, or nothing if one of them cannot be read.
    pub(super) fn payments(&self, answer: &SignzyAnswer) -> Option<Vec<Payment>> {
        let page = answer.get("payments")?.as_array()?;
        page.iter().map(|value| self.read(value)).collect()
    }

    /// What a payment came to. `emandate` is the status of its eMandate, where that was read.
    pub(super) fn outcome(
        &self,
        answer: &SignzyAnswer,
        payment: &Payment,
        emandate: Option<&str>,
    ) -> Outcome {
        if let Some(contradiction) = payment.contradiction(self.owner) {
            return Outcome::Contradicted(contradiction);
        }
        match payment.standing() {
            Standing::Charged if payment.has_other_amount => Outcome::Call(answer.unproven()),
            Standing::Charged => match self
                .due
                .and_then(|due| Contradiction::of_amounts(payment.amount, due))
            {
                Some(contradiction) => Outcome::Contradicted(contradiction),
                None => Outcome::Charged {
                    amount: payment.amount,
                    txn: Some(payment.id.to_string()),
                },
            },
            Standing::Pending => Outcome::Pending,
            Standing::Failed => {
                let mut codes = vec![("payment.status", payment.status.as_str())];
                if let Some(word) = emandate {
                    // Where the eMandate stands says more than why one payment failed.
                    codes.insert(0, ("emandate.status", word));
                }
                let messages: Vec<&str> = payment.reason.as_deref().into_iter().collect();
                Outcome::Failed(answer.failure(self.reading, &codes, &messages))
            }
        }
    }

    /// The reply of a charge or a retry.
    pub(super) fn reply(&self, exchange: &Exchange) -> Reply<Outcome> {
        let answer = &exchange.answer;
        match &exchange.judgement {
            Judgement::Call(failure) => exchange.reply(Outcome::Call(failure.clone())),
            Judgement::Missing | Judgement::Refused => {
                exchange.reply(Outcome::Refused(answer.refusal(self.reading)))
            }
            Judgement::Processed => match self.payment(answer) {
                Some(payment) => self.reply_about(exchange, &payment),
                None => exchange.reply(Outcome::Call(answer.unproven())),
            },
        }
    }

    /// The reply of a look-up whose answer is all that there is: a payment, or the newest of a list.
    pub(super) fn found(&self, exchange: &Exchange) -> Reply<Outcome> {
        let answer = &exchange.answer;
        match &exchange.judgement {
            Judgement::Call(failure) => return exchange.reply(Outcome::Call(failure.clone())),
            // As where the look-up is made: what was refused states nothing, whatever its body shows.
            Judgement::Missing | Judgement::Refused => {
                return exchange.reply(Outcome::Call(answer.unproven()));
            }
            Judgement::Processed => {}
        }
        let mut listed = self.payments(answer);
        let newest = listed
            .as_mut()
            .and_then(|page| page.drain(..).max_by_key(|payment| payment.id));
        match (self.payment(answer).or(newest), listed) {
            (Some(payment), _) => self.reply_about(exchange, &payment),
            (None, Some(_)) => exchange.reply(Outcome::NotFound),
            (None, None) => exchange.reply(Outcome::Call(answer.unproven())),
        }
    }

    fn reply_about(&self, exchange: &Exchange, payment: &Payment) -> Reply<Outcome> {
        let outcome = self.outcome(&exchange.answer, payment, None);
        Reply {
            counter: payment.counter(),
            provider_ref: Some(payment.id.to_string()),
            ..exchange.reply(outcome)
        }
    }
}

/// Rupees as a number or text, exactly as its digits stand there. JSON numbers can carry a decimal that says nothing:
/// 499.0 is 499.
fn amount(map: &Map<String, Value>, currency: Currency) -> Option<Amount> {
    let currency = match text(map, "currency") {
        Some(code) => Currency::parse(&code).ok()?,
        None => currency,
    };
    let written = text(map, "amount")?;
    let plain = written.strip_suffix(".0").unwrap_or(&written);
    Amount::parse(plain, currency).ok()
}

/// Whether there is something at a key, be it unreadable.
fn states(map: &Map<String, Value>, key: &str) -> bool {
    map.get(key)
        .is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
}

/// The day of `yyyy-MM-dd` or `yyyy-MM-dd HH:mm:ss`.
fn day(map: &Map<String, Value>, key: &str) -> Option<NaiveDate> {
    let written = text(map, key)?;
    NaiveDate::parse_from_str(written.get(..10)?, "%Y-%m-%d").ok()
}
