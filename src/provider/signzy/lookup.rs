//! Which payment is ours, and what became of it.
//!
//! A look-up that is refused says nothing about a debit, so only a list that was read whole proves that there is none.

use std::time::Duration;

use chrono::{Days, NaiveDate};
use reqwest::Method;

use super::answer::Judgement;
use super::cycle_payments::{
    days_of_charged, days_of_watched, is_another, is_presented, last_day_of_watched, lies_in,
    of_any_cycle,
};
use super::mandate::ON_HOLD;
use super::payment::{Debit, Payment, Standing};
use super::{Exchange, Signzy};
use crate::domain::outcome::{CallFailure, Counter};
use crate::domain::{Contradiction, Notify, Outcome};
use crate::provider::{LookupRequest, OtherPayments, Reply};

/// Payments a page.
const PAGE: usize = 20;
/// More payments than any eMandate has: three years of daily ones.
const MAX_PAYMENTS: usize = 1200;

/// A list of payments, and the last page of it.
pub(super) struct Listing {
    pub(super) payments: Vec<Payment>,
    pub(super) exchange: Exchange,
}

impl Signzy {
    pub(super) async fn find_payment(&self, request: &LookupRequest<'_>) -> Reply<Outcome> {
        if let OtherPayments::Forgotten(known) = request.payments {
            return self.forgotten_payment(request, known).await;
        }
        match (request.provider_ref, request.mandate.notify) {
            (Some(id), _) => self.known_payment(request, id).await,
            (None, Notify::Provider) => self.watched_payment(request).await,
            (None, Notify::Separate | Notify::None) => self.new_payment(request).await,
        }
    }

    /// `GET /eMandates/{id}/payments/{paymentId}`.
    async fn known_payment(&self, request: &LookupRequest<'_>, id: &str) -> Reply<Outcome> {
        let url = self.url(request.mandate, &["payments", id]);
        let call = self.request(Method::GET, url);
        let exchange = self.call(call, request.at).await;
        let payment = match &exchange.judgement {
            Judgement::Call(failure) => return exchange.reply(Outcome::Call(failure.clone())),
            // It was there before. What cannot be found any more is not proven to have never been.
            Judgement::Missing | Judgement::Refused => None,
            Judgement::Processed => self.about(request).payment(&exchange.answer),
        };
        let Some(payment) = payment.filter(|payment| payment.id.to_string() == id) else {
            return exchange.reply(Outcome::Call(exchange.answer.unproven()));
        };
        let before = match request.payments {
            OtherPayments::Before(before) => Some(before),
            OtherPayments::Known(_) | OtherPayments::Forgotten(_) => None,
        };
        if payment.standing() != Standing::Failed && before.is_none() {
            return self.judge_payment(request, exchange, &payment, &[]).await;
        }
        // A retry debits the last failed payment, whichever that is.
        let is_there = |page: &[Payment]| page.iter().any(|listed| listed.id == payment.id);
        let Listing { payments, .. } = match self.list(request, is_there).await {
            Ok(listing) => listing,
            Err(reply) => return *reply,
        };
        // Another installation has charged the same cycle since we looked.
        let beside = payments.iter().find(|other| {
            other.id != payment.id
                && before.is_some_and(|before| !before.contains(&other.id))
                && is_another(other, &[])
                && lies_in(other, &days_of_charged(request))
                && took_or_may(other)
        });
        match beside {
            Some(other) => exchange.reply(Outcome::Contradicted(not_one(&[&payment, other]))),
            None => {
                self.judge_payment(request, exchange, &payment, &payments)
                    .await
            }
        }
    }

    /// The payment that was not there before, or that this database does not know: the charge whose answer was lost, or, before any
    /// charge, one that was made elsewhere. Where there is none, all ids are told, to be recorded before the charge.
    async fn new_payment(&self, request: &LookupRequest<'_>) -> Reply<Outcome> {
        // All of them, for nobody says in which order they come.
        let Listing { payments, exchange } = match self.list(request, |_page| false).await {
            Ok(listing) => listing,
            Err(reply) => return *reply,
        };
        let new: Vec<&Payment> = payments
            .iter()
            .filter(|payment| is_new(payment, request))
            .collect();
        if new.iter().any(|payment| payment.amount.is_none()) {
            return exchange.reply(Outcome::Call(unreadable("a payment without an amount")));
        }
        // What was paid in the period before the cycle says nothing of the cycle that it was for. Nor does any payment where cycles are
        // presented: they are open at the same time.
        let is_before = |payment: &&Payment| payment.day.is_some_and(|day| day < request.cycle_on);
        let is_known = matches!(request.payments, OtherPayments::Known(_));
        if is_known && (is_presented(request) && !new.is_empty() || new.iter().any(is_before)) {
            return exchange.reply(Outcome::Contradicted(not_one(&new)));
        }
        let of_amount = |payment: &&&Payment| payment.amount == Some(request.amount);
        let mut ours = new.iter().filter(of_amount);
        match (ours.next(), ours.next(), request.payments) {
            (Some(payment), None, _) => {
                self.judge_payment(request, exchange, payment, &payments)
                    .await
            }
            (None, None, OtherPayments::Before(_)) => none_of_ours(&exchange, &payments),
            (None, None, OtherPayments::Known(_)) if new.is_empty() => {
                none_of_ours(&exchange, &payments)
            }
            (
                _,
                _,
                OtherPayments::Before(_) | OtherPayments::Known(_) | OtherPayments::Forgotten(_),
            ) => exchange.reply(Outcome::Contradicted(not_one(&new))),
        }
    }

    /// The payment that the provider made for a cycle by itself: the one whose day is in it. It may be a day early,
    /// except in a cycle of one day, where that day is the cycle before.
    async fn watched_payment(&self, request: &LookupRequest<'_>) -> Reply<Outcome> {
        let day_before = request
            .cycle_on
            .checked_sub_days(Days::new(1))
            .unwrap_or(NaiveDate::MIN);
        let cycle = days_of_watched(request);
        let has_older = |page: &[Payment]| {
            page.iter()
                .any(|payment| payment.day.is_some_and(|day| day < day_before))
        };
        let Listing { payments, exchange } = match self.list(request, has_older).await {
            Ok(listing) => listing,
            Err(reply) => return *reply,
        };
        // Its early day is the cycle's before, which may have been collected on its last one.
        let others: &[String] = match request.payments {
            OtherPayments::Known(known) => known,
            OtherPayments::Before(_) | OtherPayments::Forgotten(_) => &[],
        };
        let mut unclaimed = payments
            .iter()
            .filter(|payment| is_another(payment, others));
        let ours = unclaimed
            .clone()
            .filter(|payment| payment.day.is_some_and(|day| cycle.contains(&day)))
            // A payment that collected, or may yet, comes before one that failed; then the amount, then the newest.
            .max_by_key(|payment| {
                (
                    payment.standing(),
                    payment.amount == Some(request.amount),
                    payment.id,
                )
            });
        if let Some(payment) = ours {
            return self
                .judge_payment(request, exchange, payment, &payments)
                .await;
        }
        let last_day = last_day_of_watched(request);
        match unclaimed.find(|payment| took_or_may(payment) && payment.day == last_day) {
            Some(payment) if last_day.is_some() => {
                exchange.reply(Outcome::Contradicted(of_any_cycle(payment)))
            }
            Some(_) | None => exchange.reply(Outcome::NotFound),
        }
    }

    /// What became of a payment that is ours. After a failure the eMandate is read as well: it says whether a retry is
    /// allowed, and whether it can be debited at all. There is no retry for a payment that another one has followed in the list.
    pub(super) async fn judge_payment(
        &self,
        request: &LookupRequest<'_>,
        exchange: Exchange,
        payment: &Payment,
        listed: &[Payment],
    ) -> Reply<Outcome> {
        let mut counter = payment.counter();
        let mut emandate = None;
        let mut latency = exchange.latency;
        if payment.standing() == Standing::Failed {
            let (read, took) = self.emandate_word(request.mandate, request.at).await;
            latency = latency.saturating_add(took);
            match read {
                Ok(word) => emandate = Some(word),
                Err(failure) => return exchange.reply(Outcome::Call(failure)),
            }
            // A retry debits what the last payment says, not what we ask for.
            let same_amount = payment.amount.is_none_or(|amount| amount == request.amount);
            let is_last = listed
                .iter()
                .all(|other| other.id <= payment.id && other.day <= payment.day);
            counter.no_retry_allowed =
                emandate.as_deref() != Some(ON_HOLD) || !same_amount || !is_last;
        }
        let answer = &exchange.answer;
        let outcome = self
            .about(request)
            .outcome(answer, payment, emandate.as_deref());
        let mut reply = exchange.reply(outcome);
        reply.counter = counter;
        reply.provider_ref = Some(payment.id.to_string());
        reply.wire.latency = latency;
        reply
    }

    /// `GET /eMandates/{id}/payments?lastId=&count=`, page after page until `has_enough` or the end. The newest come
    /// first, and `lastId` leads to older ones ("Get All eMandate Payments", notes); if their days say otherwise, all pages
    /// are read.
    pub(super) async fn list(
        &self,
        request: &LookupRequest<'_>,
        has_enough: impl Fn(&[Payment]) -> bool + Send,
    ) -> Result<Listing, Box<Reply<Outcome>>> {
        let mut payments = Vec::new();
        let mut last_id = None;
        let mut latency = Duration::ZERO;
        loop {
            let mut exchange = self.page(request, last_id.as_deref()).await;
            latency = latency.saturating_add(exchange.latency);
            exchange.latency = latency;
            let (page, next) = match read_page(&exchange, &self.about(request)) {
                Ok(read) => read,
                Err(outcome) => return Err(Box::new(exchange.reply(*outcome))),
            };
            let is_short = page.len() < PAGE;
            let newest_first =
                page.first().map(|first| first.day) >= page.last().map(|last| last.day);
            let is_last = is_short || newest_first && has_enough(&page);
            payments.extend(match request.mandate.notify {
                Notify::Provider => page,
                Notify::Separate | Notify::None => {
                    page.into_iter().map(Payment::by_its_making).collect()
                }
            });
            if is_last {
                return Ok(Listing { payments, exchange });
            }
            if next.is_none() || next == last_id || payments.len() >= MAX_PAYMENTS {
                let failure = unreadable("a list of payments that does not end");
                return Err(Box::new(exchange.reply(Outcome::Call(failure))));
            }
            last_id = next;
        }
    }

    fn about<'a>(&'a self, request: &LookupRequest<'a>) -> Debit<'a> {
        self.debit(request.mandate, request.amount)
    }

    async fn page(&self, request: &LookupRequest<'_>, last_id: Option<&str>) -> Exchange {
        let mut url = self.url(request.mandate, &["payments"]);
        if let Some(last_id) = last_id {
            url.query_pairs_mut().append_pair("lastId", last_id);
        }
        url.query_pairs_mut()
            .append_pair("count", &PAGE.to_string());
        self.call(self.request(Method::GET, url), request.at).await
    }
}

/// The payments of a page, and the `lastId` of the next.
fn read_page(
    exchange: &Exchange,
    debit: &Debit<'_>,
) -> Result<(Vec<Payment>, Option<String>), Box<Outcome>> {
    let answer = &exchange.answer;
    let payments = match &exchange.judgement {
        Judgement::Call(failure) => return Err(Box::new(Outcome::Call(failure.clone()))),
        Judgement::Missing | Judgement::Refused => None,
        Judgement::Processed => debit.payments(answer),
    };
    let Some(payments) = payments else {
        return Err(Box::new(Outcome::Call(answer.unproven())));
    };
    let others = payments
        .iter()
        .find_map(|payment| payment.contradiction(debit.owner));
    match others {
        Some(contradiction) => Err(Box::new(Outcome::Contradicted(contradiction))),
        None => Ok((payments, answer.text("lastId"))),
    }
}

/// Whether a payment can be the one in question. Before a charge, what failed took nothing, and what was for another period or for the
/// registration is no collection of this one. A payment of the period that lies before the cycle is one of a schedule that this database
/// has forgotten.
fn is_new(payment: &Payment, request: &LookupRequest<'_>) -> bool {
    match request.payments {
        OtherPayments::Before(before) => !before.contains(&payment.id),
        OtherPayments::Known(known) | OtherPayments::Forgotten(known) => {
            is_another(payment, known)
                && lies_in(payment, &days_of_charged(request))
                && took_or_may(payment)
        }
    }
}

/// Whether it took money, or may yet.
fn took_or_may(payment: &Payment) -> bool {
    payment.standing() != Standing::Failed
}

/// More than one payment can be the one in question, or one of another amount: a person must say whose they are.
pub(super) fn not_one(new: &[&Payment]) -> Contradiction {
    let ids: Vec<String> = new.iter().map(|payment| payment.id.to_string()).collect();
    Contradiction {
        field: "payments",
        ours: "one of this cycle at most".to_owned(),
        theirs: ids.join(", "),
    }
}

/// No payment is ours; which ones there are.
pub(super) fn none_of_ours(exchange: &Exchange, payments: &[Payment]) -> Reply<Outcome> {
    let ids: Vec<i64> = payments.iter().map(|payment| payment.id).collect();
    Reply {
        counter: Counter {
            attempts: i64::try_from(ids.len()).ok(),
            no_retry_allowed: false,
        },
        payments: ids,
        ..exchange.reply(Outcome::NotFound)
    }
}

fn unreadable(what: &str) -> CallFailure {
    CallFailure::Unknown {
        why: format!("the provider answered with {what}"),
    }
}
