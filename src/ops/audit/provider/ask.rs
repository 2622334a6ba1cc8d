//! One execution: may its orders be asked about, what is said of them, and does it agree?

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::Question;
use super::judge::{AskedOrder, Judged, OrderResult, judge, order_result};
use crate::domain::{
    Amount, Call, Currency, ExecutionId, Mandate, Notify, Outcome, ProviderKind, Timestamp,
};
use crate::ops::OpsError;
use crate::ops::audit::identity::{CycleName, IdOf};
use crate::ops::audit::limits::Limits;
use crate::provider::{Client, LookupRequest, OtherPayments, Provider, Reply};
use crate::store;
use crate::store::audit::orders::{self, Standing};
use crate::store::pool::DatabasePool;
use crate::store::settle::Attempt;

/// So many questions in a row without an answer, and the account is not asked any more: each would cost a look-up.
const GIVE_UP_AFTER: u16 = 3;

/// What came of the questions about an execution.
#[derive(Debug)]
pub(super) enum ComparisonResult {
    /// All of its orders were asked about.
    Compared { execution_id: i64, judged: Judged },
    /// Not everything was asked. What was, counts.
    NotAsked {
        execution_id: i64,
        why: &'static str,
        judged: Judged,
    },
    /// Not everything was answered. What was, counts.
    NotAnswered {
        execution_id: i64,
        why: &'static str,
        judged: Judged,
    },
}

pub(super) struct Asker<'a> {
    pool: &'a DatabasePool,
    question: &'a Question<'a>,
    limits: Mutex<HashMap<i64, Arc<Limits>>>,
    /// Questions in a row that an account has not answered.
    silent: Mutex<BTreeMap<i16, u16>>,
}

/// The answers about an execution's orders, and the version of its row that they are about.
struct Answers {
    version: String,
    results: Vec<(AskedOrder, OrderResult)>,
    got: LookupResult,
}

/// How far the questions got.
enum LookupResult {
    All,
    NotAsked(&'static str),
    NotAnswered(&'static str),
}

impl<'a> Asker<'a> {
    pub(super) fn new(pool: &'a DatabasePool, question: &'a Question<'a>) -> Self {
        Self {
            pool,
            question,
            limits: Mutex::default(),
            silent: Mutex::default(),
        }
    }

    /// Asks about every order of an execution, and about those that only another database can have sent.
    pub(super) async fn ask(&self, id: i64, now: Timestamp) -> Result<ComparisonResult, OpsError> {
        let not_asked = |why| ComparisonResult::NotAsked {
            execution_id: id,
            why,
            judged: Judged::default(),
        };
        let Some(ours) = orders::standing(self.pool, id, now).await? else {
            return Ok(not_asked("it was deleted meanwhile"));
        };
        let Some(client) = self.question.clients.get(&ours.account_id) else {
            return Ok(not_asked("its account is not configured"));
        };
        if ours.held {
            return Ok(not_asked("a worker is at work on it"));
        }
        if ours.account_paused {
            return Ok(not_asked("its account is paused"));
        }
        let mut conn = store::planning::acquire(self.pool).await?;
        let Some(stored) = store::mandates::find(&mut conn, &ours.mandate_ref).await? else {
            return Ok(not_asked("its mandate was deleted meanwhile"));
        };
        drop(conn);
        let mandate = &stored.mandate;
        if is_without_a_trace(mandate, &ours) {
            return Ok(not_asked("no payment of it is known to ask about"));
        }
        let answers = self.ask_all(client, mandate, &ours, now).await?;
        // Compared is what is on record now, and only if nobody has changed it while the provider answered.
        let Some(ours) = orders::standing(self.pool, id, now).await? else {
            return Ok(not_asked("it was deleted meanwhile"));
        };
        if ours.version != answers.version || ours.held {
            return Ok(not_asked("a worker has changed it meanwhile"));
        }
        let judged = judge(&ours, &answers.results);
        let execution_id = id;
        Ok(match answers.got {
            LookupResult::All => ComparisonResult::Compared {
                execution_id,
                judged,
            },
            LookupResult::NotAsked(why) => ComparisonResult::NotAsked {
                execution_id,
                why,
                judged,
            },
            LookupResult::NotAnswered(why) => ComparisonResult::NotAnswered {
                execution_id,
                why,
                judged,
            },
        })
    }

    async fn ask_all(
        &self,
        client: &Client,
        mandate: &Mandate,
        ours: &Standing,
        now: Timestamp,
    ) -> Result<Answers, OpsError> {
        let mut lookup_times = ours.lookup_times.clone();
        let mut answers = Answers {
            version: ours.version.clone(),
            results: Vec::new(),
            got: LookupResult::All,
        };
        let Some(limits) = self.limits(ours.policy_id).await? else {
            answers.got = LookupResult::NotAsked("its policy cannot be read");
            return Ok(answers);
        };
        let name = CycleName {
            provider: mandate.provider.as_str(),
            mandate: &mandate.provider_mandate_id,
            period: &ours.period,
        };
        for asked in orders_of(client, ours, name, limits.max_orders) {
            let order = &asked.id;
            let times = if asked.is_later {
                orders::later_lookups(self.pool, ours.execution_id, order).await?
            } else {
                lookup_times.clone()
            };
            if let Some(why) = self.is_not_to_be_asked(ours, order, &times, &limits, now) {
                answers.got = why;
                break;
            }
            // A later order is none of ours: its look-up takes nothing from what the rail allows for those that are.
            if !asked.is_later {
                let reserved =
                    orders::reserve(self.pool, ours.execution_id, &answers.version, now).await?;
                let Some(version) = reserved else {
                    answers.got = LookupResult::NotAsked("a worker is at work on it");
                    break;
                };
                answers.version = version;
                lookup_times.insert(0, now);
            }
            let Some(reply) = look_up(client, mandate, ours, order, now).await else {
                answers.got = LookupResult::NotAsked("its amount cannot be read");
                break;
            };
            self.record(ours.execution_id, order, &reply, now).await?;
            let result = order_result(&reply.outcome);
            self.count_answer(ours.account_id, &result);
            if let OrderResult::NotAnswered(why) = result {
                answers.got = LookupResult::NotAnswered(why);
                break;
            }
            answers.results.push((asked, result));
        }
        Ok(answers)
    }

    /// Why an order is left alone.
    fn is_not_to_be_asked(
        &self,
        ours: &Standing,
        order: &str,
        lookup_times: &[Timestamp],
        limits: &Limits,
        now: Timestamp,
    ) -> Option<LookupResult> {
        if self.is_silent(ours.account_id) {
            return Some(LookupResult::NotAnswered(
                "the provider has stopped answering",
            ));
        }
        let sent = ours
            .sent_at
            .max(ours.opened_at)
            .filter(|_| order == ours.order_id);
        let debited = sent.map(|sent| ours.execute_at.map_or(sent, |at| at.max(sent)));
        if debited.is_some_and(|at| at > now) {
            return Some(LookupResult::NotAsked("its debit is still to come"));
        }
        let free = limits.allow_a_lookup(lookup_times, debited, now);
        (!free).then_some(LookupResult::NotAsked(
            "its budget of look-ups is spent, or it was debited too recently",
        ))
    }

    async fn limits(&self, id: i64) -> Result<Option<Arc<Limits>>, OpsError> {
        let known = self
            .limits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        if known.is_some() {
            return Ok(known);
        }
        let mut conn = store::planning::acquire(self.pool).await?;
        let body = orders::policy(&mut conn, id).await?;
        let Some(Ok(limits)) = body.map(Limits::read) else {
            return Ok(None);
        };
        let limits = Arc::new(limits);
        self.limits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Arc::clone(&limits));
        Ok(Some(limits))
    }

    fn is_silent(&self, account: i16) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent
            .get(&account)
            .is_some_and(|times| *times >= GIVE_UP_AFTER)
    }

    fn count_answer(&self, account: i16, result: &OrderResult) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let times = silent.entry(account).or_default();
        *times = match result {
            OrderResult::NotAnswered(_) => times.saturating_add(1),
            OrderResult::Collected(_)
            | OrderResult::NotCollected(_)
            | OrderResult::NotKnown
            | OrderResult::Unproven(_) => 0,
        };
    }

    async fn record(
        &self,
        execution_id: i64,
        order: &str,
        reply: &Reply<Outcome>,
        now: Timestamp,
    ) -> Result<(), OpsError> {
        let failure = reply.outcome.failure();
        let attempt = Attempt {
            execution_id: ExecutionId(execution_id),
            at: now,
            call: Call::OrderStatus,
            reference: order.to_owned(),
            http_status: reply.wire.http_status,
            latency_ms: i32::try_from(reply.wire.latency.as_millis()).unwrap_or(i32::MAX),
            outcome: reply.outcome.recorded(),
            class: failure.map(|failure| failure.class),
            code: reply.wire.code.clone(),
            message: reply.wire.message.clone(),
            rule: reply.wire.rule.clone(),
            body: reply.wire.body.clone(),
        };
        Ok(orders::record(
            self.pool,
            &attempt,
            orders::ASKED,
            now,
            self.question.worker,
        )
        .await?)
    }
}

/// A charge on demand at Signzy has no id of ours: without the payment's, or the newest one before it, nothing can be asked about it.
fn is_without_a_trace(mandate: &Mandate, ours: &Standing) -> bool {
    mandate.provider == ProviderKind::Signzy
        && mandate.notify == Notify::None
        && ours.provider_ref.is_none()
        && ours.debit_txn.is_none()
        && ours.payments_before.is_none()
}

async fn look_up(
    client: &Client,
    mandate: &Mandate,
    ours: &Standing,
    order: &str,
    now: Timestamp,
) -> Option<Reply<Outcome>> {
    let amount = Amount::new(ours.amount_minor, Currency::parse(&ours.currency).ok()?)?;
    let is_current = order == ours.order_id;
    let of_debit = ours.debit_order_id.as_deref() == Some(order);
    let provider_ref = if of_debit {
        ours.debit_txn.as_deref().or(ours.provider_ref.as_deref())
    } else {
        ours.provider_ref.as_deref().filter(|_| is_current)
    };
    let zone = mandate.terms.time_zone;
    let request = LookupRequest {
        at: now,
        mandate,
        order_id: order,
        amount,
        provider_ref,
        payments: match &ours.payments_before {
            Some(before) if is_current => OtherPayments::Before(before),
            Some(_) | None => OtherPayments::Known(&[]),
        },
        cycle_on: ours.cycle_on,
        cycle_closes_on: ours.closes_at.with_timezone(&zone).date_naive(),
        period_from: ours.cycle_on,
    };
    Some(client.look_up(&request).await)
}

/// The orders of an execution, and those that could follow: whoever has forgotten one has forgotten that it was sent. Where the provider
/// has no order ids of ours, only the current one can be asked about.
fn orders_of(
    client: &Client,
    ours: &Standing,
    name: CycleName<'_>,
    max_orders: u32,
) -> Vec<AskedOrder> {
    let named = |number, is_later| AskedOrder {
        id: name.id(IdOf::Order, number),
        is_later,
    };
    let current = AskedOrder {
        id: ours.order_id.clone(),
        is_later: false,
    };
    if client.execute_needs_counter() {
        return vec![current];
    }
    let number = u32::try_from(ours.order_no).unwrap_or(1);
    let was_sent = ours.sent_at.is_some()
        || ours.opened_at.is_some()
        || ours.debit_order_id.as_ref() == Some(&ours.order_id);
    // Of what is over, somebody may have forgotten that it was sent.
    let is_over = ["failed", "skipped", "expired"].contains(&ours.state.as_str());
    let before = (1..number).map(|number| named(number, false));
    // A new order that waits for its debit is not known there yet.
    let current = (was_sent || is_over || number == 1).then_some(current);
    let later = number.saturating_add(1)..=max_orders;
    before
        .chain(current)
        .chain(later.map(|number| named(number, true)))
        .collect()
}
