//! What Signzy does by itself: it debits a periodic eMandate on its cycle days at 07:00 and knows on the next day.

use chrono::NaiveDate;
use judge::{Presenter, Timestamp};
use mandated::domain::{Amount, Notify, ProviderKind};

use super::super::ledger::{Debit, Ledger};
use super::super::mandate::{Mandate, Status, World};
use super::super::payment::Payment;
use super::super::{collection, india};

enum Next {
    Begin(NaiveDate),
    Present(usize),
    Resolve(usize),
}

/// Plays an eMandate up to an instant, in the order of time.
pub(in super::super) fn settle(
    mandate: &mut Mandate,
    now: Timestamp,
    world: &World,
    ledger: &mut Ledger,
) {
    while let Some((at, next)) = next(mandate).filter(|(at, _)| *at <= now) {
        mandate.wake(at);
        match next {
            Next::Begin(cycle) => begin(mandate, cycle, at, world),
            Next::Present(index) => present(mandate, index, at, world),
            Next::Resolve(index) => resolve(mandate, index, ledger),
        }
    }
}

fn next(mandate: &Mandate) -> Option<(Timestamp, Next)> {
    let begins = (mandate.terms.notify == Notify::Provider)
        .then(|| mandate.terms.cycle_days.get(mandate.cycles_begun))
        .flatten()
        .map(|cycle| {
            let on = mandate.moved.get(cycle).unwrap_or(cycle);
            (india::time(*on, 0, 0), Next::Begin(*cycle))
        });
    let payments = mandate
        .payments
        .iter()
        .enumerate()
        .filter_map(|(index, payment)| match payment.attempts.last() {
            _ if payment.cancelled => None,
            None => payment.scheduled_at.map(|at| (at, Next::Present(index))),
            Some(attempt) if !attempt.resolved => Some((attempt.resolves_at, Next::Resolve(index))),
            Some(_) => None,
        });
    begins.into_iter().chain(payments).min_by_key(|(at, _)| *at)
}

/// A cycle that begins while the eMandate is not active is not debited.
fn begin(mandate: &mut Mandate, cycle: NaiveDate, at: Timestamp, world: &World) {
    mandate.cycles_begun = mandate.cycles_begun.saturating_add(1);
    let Some(amount) = mandate
        .terms
        .amount
        .filter(|_| mandate.status == Status::Active)
    else {
        return;
    };
    let mut payment = payment(mandate, amount, cycle, at, world);
    payment.number = mandate.cycles_begun;
    payment.scheduled_at = Some(india::time(india::day(at), 7, 0));
    mandate.payments.push(payment);
}

/// A new payment, not yet presented.
pub(super) fn payment(
    mandate: &Mandate,
    amount: Amount,
    cycle: NaiveDate,
    at: Timestamp,
    world: &World,
) -> Payment {
    let number = mandate.payments.len().saturating_add(1);
    // The same in every run, and in no order: no document says that ids ascend.
    let base = u64::from(mandate.rng(world, "payment id").below(900_000_000));
    let nth = u64::try_from(number).unwrap_or(0).saturating_mul(7_919);
    let id = base
        .saturating_mul(10_000)
        .saturating_add(nth.checked_rem(10_000).unwrap_or_default());
    Payment {
        id,
        amount,
        cycle,
        number,
        added_at: at,
        scheduled_at: None,
        attempts: Vec::new(),
        retried: Vec::new(),
        cancelled: false,
    }
}

/// Presents a payment to the payer's bank.
pub(super) fn present(mandate: &mut Mandate, index: usize, at: Timestamp, world: &World) {
    let payment = mandate.payments.get(index);
    let Some(debit) = payment.map(|payment| (payment.cycle, payment.amount)) else {
        return;
    };
    let attempt = mandate.present(world, debit, Presenter::Merchant, at);
    if let Some(payment) = mandate.payments.get_mut(index) {
        payment.attempts.push(attempt);
    }
}

/// A failure puts the eMandate on hold; "on a successful retry, the eMandate gets activated".
pub(super) fn resolve(mandate: &mut Mandate, index: usize, ledger: &mut Ledger) {
    let Some(payment) = mandate.payments.get_mut(index) else {
        return;
    };
    let Some(attempt) = payment.attempts.last_mut() else {
        return;
    };
    attempt.resolved = true;
    let attempt = attempt.clone();
    if attempt.answer.is_err() {
        mandate.suffer(&attempt, attempt.resolves_at);
        if mandate.status == Status::Active {
            mandate.status = Status::OnHold;
        }
        return;
    }
    let debit = Debit {
        provider: ProviderKind::Signzy,
        mandate_id: mandate.terms.mandate_id.clone(),
        order_id: payment.id.to_string(),
        rail: mandate.terms.rail,
        amount_minor: payment.amount.minor(),
        currency: payment.amount.currency().to_string(),
        at: attempt.at,
        cycle: payment.cycle,
    };
    if mandate.status == Status::OnHold && !payment.retried.is_empty() {
        mandate.status = Status::Active;
    }
    let amount = payment.amount;
    collection::collect(mandate, amount, debit, ledger);
}
