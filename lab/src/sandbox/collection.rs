//! How an order is collected: what happens to it by itself as time passes, and what the bank makes of it.

use chrono::TimeDelta;
use judge::facts::{Collected, RecordedAnswer};
use judge::{Presenter, Rail, Timestamp};
use mandated::domain::Amount;

use super::attempt::Attempt;
use super::decline::Decline;
use super::ledger::{Debit, Ledger};
use super::mandate::{Mandate, Status, World};
use super::notice::{Notification, SandboxNotice};
use super::order::{NextEvent, Order, Scheduled};
use super::{facts, india};

/// Juspay: "max 25 transactions per order".
const MAX_TXNS: usize = 25;

impl Order {
    /// Whether the retry API would take it.
    pub(super) fn is_retryable(&self, mandate: &Mandate) -> bool {
        mandate.status == Status::Active
            && self.attempts.len() < MAX_TXNS
            && self.failure().is_some_and(|decline| decline.retryable)
    }

    /// Whether it may still be collected: by itself, or by a retry.
    pub(super) fn is_alive(&self, mandate: &Mandate) -> bool {
        let spent = mandate.terms.rail == Rail::Upi && self.attempts.len() >= 4;
        self.next().is_some() || (self.is_retryable(mandate) && !spent)
    }
}

/// Plays an order up to an instant.
pub(super) fn settle(
    mandate: &mut Mandate,
    order: &mut Order,
    now: Timestamp,
    world: &World,
    ledger: &mut Ledger,
) {
    while let Some((at, next)) = order.next().filter(|(at, _)| *at <= now) {
        mandate.wake(at);
        match next {
            NextEvent::Present(by) => {
                order.scheduled = None;
                present(mandate, order, (by, at), world, ledger);
            }
            NextEvent::Resolve => resolve(mandate, order, ledger),
            NextEvent::Late => turn_out(mandate, order, at, ledger),
        }
    }
}

/// Presents an order to the payer's bank, unless the rules of the rail keep the bank from paying.
pub(super) fn present(
    mandate: &mut Mandate,
    order: &mut Order,
    (by, at): (Presenter, Timestamp),
    world: &World,
    ledger: &mut Ledger,
) {
    order.scheduled = None;
    let day = india::day(at);
    let cycle = *order
        .cycle
        .get_or_insert_with(|| mandate.judge.cycle_of(day).unwrap_or(day));
    let presentation = facts::presentation(order, (by, at));
    let verdict = mandate.judge.order_presented(&presentation);
    ledger.record(verdict.violations);
    let attempt = if let Some(refusal) = verdict.refusal {
        Attempt::refused(at, at, Decline::of_bank(refusal, mandate.terms.rail))
    } else {
        let attempt = mandate.present(world, (cycle, order.amount), by, at);
        mandate.judge.order_answered(RecordedAnswer {
            order_id: &order.id,
            presented_at: at,
            known_at: attempt.resolves_at,
            declined: attempt.answer.is_err(),
        });
        attempt
    };
    order.attempts.push(attempt);
}

/// What became of an attempt whose failure proved nothing.
fn turn_out(mandate: &mut Mandate, order: &mut Order, at: Timestamp, ledger: &mut Ledger) {
    let due = order
        .attempts
        .iter_mut()
        .find(|attempt| attempt.later.as_ref().is_some_and(|later| later.at == at));
    let Some(attempt) = due else {
        return;
    };
    attempt.turn_out();
    let attempt = attempt.clone();
    if attempt.answer.is_err() {
        mandate.suffer(&attempt, at);
    } else if order.charged_at.is_none() && !order.is_pending() {
        // The attempt that is under way decides instead, and an order is charged once.
        order.scheduled = None;
        charge(mandate, order, at, ledger);
    }
}

fn resolve(mandate: &mut Mandate, order: &mut Order, ledger: &mut Ledger) {
    let Some(attempt) = order.attempts.last_mut() else {
        return;
    };
    attempt.resolved = true;
    let attempt = attempt.clone();
    let Err(decline) = &attempt.answer else {
        charge(mandate, order, attempt.at, ledger);
        return;
    };
    mandate.suffer(&attempt, attempt.resolves_at);
    if decline.retryable {
        schedule_silent_retry(mandate, order, attempt.resolves_at);
    }
}

/// "Notification/Execution Silent Retry": 1 h after a failure, then every 3 h, 4 attempts, all within 10 h. The rails
/// without a notification have none.
fn schedule_silent_retry(mandate: &Mandate, order: &mut Order, failed_at: Timestamp) {
    let made = order.attempts.len();
    let silent = order.attempts.iter().any(|attempt| attempt.silent);
    if !silent || made >= 4 || mandate.status != Status::Active {
        return;
    }
    let at = india::after(failed_at, TimeDelta::hours(if made == 1 { 1 } else { 3 }));
    let at = match mandate.terms.rail {
        Rail::Upi => india::off_peak(at),
        Rail::Card => at,
        Rail::Enach => return,
    };
    let first = order
        .attempts
        .first()
        .map_or(failed_at, |attempt| attempt.resolves_at);
    if at <= india::after(first, TimeDelta::hours(10)) {
        order.scheduled = Some(Scheduled {
            at,
            by: Presenter::Provider,
        });
    }
}

fn charge(mandate: &mut Mandate, order: &mut Order, at: Timestamp, ledger: &mut Ledger) {
    order.charged_at = Some(at);
    let debit = Debit {
        provider: mandate.terms.provider,
        mandate_id: mandate.terms.mandate_id.clone(),
        order_id: order.id.clone(),
        rail: mandate.terms.rail,
        amount_minor: order.amount.minor(),
        currency: order.amount.currency().to_string(),
        at,
        cycle: order.cycle.unwrap_or_else(|| india::day(at)),
    };
    collect(mandate, order.amount, debit, ledger);
}

/// Writes a debit down.
pub(super) fn collect(mandate: &mut Mandate, amount: Amount, debit: Debit, ledger: &mut Ledger) {
    ledger.record(mandate.judge.debit_collected(&Collected {
        order_id: &debit.order_id,
        amount: facts::amount(amount),
        at: debit.at,
        cycle: debit.cycle,
    }));
    ledger.debits.push(debit);
}

/// Has Juspay notify the payer of an order and debit it at `debit_at`, or in the 25th hour.
pub(super) fn notify_and_schedule(
    mandate: &mut Mandate,
    order: &mut Order,
    debit_at: Option<Timestamp>,
    now: Timestamp,
    (world, ledger): (&World, &mut Ledger),
) {
    let intended = debit_at.unwrap_or_else(|| india::after(now, TimeDelta::hours(25)));
    let (settles_at, delivered) = mandate.notify(world, intended, now);
    let earliest = india::after(settles_at, TimeDelta::hours(24));
    let twenty_fifth = india::after(settles_at, TimeDelta::hours(25));
    let twenty_fifth = if mandate.terms.rail == Rail::Upi {
        india::off_peak(twenty_fifth)
    } else {
        twenty_fifth
    };
    let at = debit_at.map_or(twenty_fifth, |at| at.max(earliest));
    let notification = Notification {
        reference: format!("{}-notice-{}", order.id, order.attempts.len()),
        amount: order.amount,
        amount_text: order.amount.decimal(),
        debit_at: intended,
        description: String::new(),
        created_at: now,
        settles_at,
        delivered,
    };
    let requested = facts::notification(&notification);
    ledger.record(mandate.judge.notification_requested(requested));
    order.notice = SandboxNotice::Provider(Box::new(notification));
    if delivered {
        order.schedule(at);
    } else {
        let decline = Decline::not_notified();
        order
            .attempts
            .push(Attempt::refused(now, settles_at, decline));
    }
}
