//! What follows from what a provider says of the orders that a restored database may have forgotten.
//!
//! A recovery asks about the current order of an execution and about every one that could follow it: their ids follow from the period.
//! What was collected is recorded. Whatever else is found leaves an open outcome: it is looked up like any other, before anything is
//! called. What the provider does not have changes nothing.

use super::action::Conclusion;
use super::decide::{Decision, NextStep, decide, scheduled_lookup_at, unchanged};
use super::input::Answer;
use super::transition::transition;
use super::verdict::Verdict;
use crate::domain::arrows::apply;
use crate::domain::execution::Progress;
use crate::domain::policy::Policy;
use crate::domain::reason::RecoveryCause;
use crate::domain::{
    Event, Execution, IllegalTransition, Notify, Outcome, ProviderKind, State, Step, Timestamp,
};

/// What the provider says of one of an execution's orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAnswer {
    /// Which order.
    pub order_no: u16,
    /// What it says.
    pub answer: Answer,
}

/// What a recovery makes of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// The provider has none of its orders, and it goes on as it is.
    NotFound,
    /// The provider says nothing that this database does not know: the execution goes on as it is.
    Known,
    /// An order was collected.
    Collected(Box<Conclusion>),
    /// An order was found, or more attempts on it than this database knew. Its outcome is open.
    NotCollected(Box<Conclusion>),
    /// An answer contradicts what this database has: a person must look.
    Review(Box<Conclusion>),
}

/// What follows from the answers about an execution's orders, the current one first. Each is an answer about the order: a look-up that
/// was not answered must not get here.
pub fn recover(
    execution: &Execution,
    answers: &[OrderAnswer],
    policy: &Policy,
    now: Timestamp,
) -> Result<Recovered, IllegalTransition> {
    let mut found = answers
        .iter()
        .filter(|order| order.answer.outcome != Outcome::NotFound);
    let Some(last) = found.clone().next_back() else {
        return Ok(Recovered::NotFound);
    };
    let is_collected =
        |order: &&OrderAnswer| matches!(order.answer.outcome, Outcome::Charged { .. });
    let is_contradicted =
        |order: &&OrderAnswer| matches!(order.answer.outcome, Outcome::Contradicted(_));
    if let Some(collected) = found.clone().find(is_collected) {
        return judged(execution, answers, (last, collected), policy, now);
    }
    if let Some(contradicted) = found.find(is_contradicted) {
        return judged(
            execution,
            answers,
            (contradicted, contradicted),
            policy,
            now,
        );
    }
    if is_known(execution, last) {
        return Ok(Recovered::Known);
    }
    open(execution, answers, last, policy, now)
}

/// What an answer says that proves a collection, or contradicts what we have: as any look-up of the order would.
fn judged(
    execution: &Execution,
    answers: &[OrderAnswer],
    (last, order): (&OrderAnswer, &OrderAnswer),
    policy: &Policy,
    now: Timestamp,
) -> Result<Recovered, IllegalTransition> {
    let mut seen = found(execution, answers, last, now)?;
    if order.order_no != execution.progress.order_no {
        // The intent is of an order that is not spoken of.
        seen.intent = None;
    }
    let (outcome, counter) = (&order.answer.outcome, order.answer.counter);
    let mut decision = decide(&seen, Step::Lookup, outcome, counter, policy, now);
    let collected = decision.verdict.collected().is_some();
    if collected {
        decision.declined = forgotten(execution, &seen, answers);
        // When it was sent is forgotten, and nothing follows that must wait for it.
        decision.progress.sent_at = execution.progress.sent_at;
        decision.reason = RecoveryCause::Collected {
            order_no: order.order_no,
        }
        .into();
    } else {
        // It proves nothing about any order: the execution keeps its own.
        decision.progress = execution.progress;
    }
    let conclusion = concluded(&seen, decision, order)?;
    Ok(if collected {
        Recovered::Collected(conclusion)
    } else {
        Recovered::Review(conclusion)
    })
}

/// The provider has an order that was not collected, or not yet. What it is worth is for the next look-up to say, under the same rules
/// as ever.
fn open(
    execution: &Execution,
    answers: &[OrderAnswer],
    last: &OrderAnswer,
    policy: &Policy,
    now: Timestamp,
) -> Result<Recovered, IllegalTransition> {
    if execution.state == State::Review {
        // A person decides, and has all answers.
        return Ok(Recovered::Known);
    }
    let seen = found(execution, answers, last, now)?;
    let order = RecoveryCause::Order {
        order_no: last.order_no,
        attempts: attempts(execution, last),
    };
    let at = scheduled_lookup_at(&seen, policy, now);
    let next = NextStep::at(Step::Lookup, at);
    let mut decision = unchanged(&seen, Some(next), order);
    decision.verdict = Verdict::Unproven;
    decision.declined = forgotten(execution, &seen, answers);
    Ok(Recovered::NotCollected(concluded(&seen, decision, last)?))
}

fn concluded(
    seen: &Execution,
    decision: Decision,
    order: &OrderAnswer,
) -> Result<Box<Conclusion>, IllegalTransition> {
    let transition = transition(seen, &decision)?;
    Ok(Box::new(Conclusion {
        provider_ref: order.answer.provider_ref.clone(),
        debited_order: transition.collected.map(|_| order.order_no),
        notification: None,
        transition,
        decision,
    }))
}

/// The execution with an order that was found: its outcome is open.
fn found(
    execution: &Execution,
    answers: &[OrderAnswer],
    last: &OrderAnswer,
    now: Timestamp,
) -> Result<Execution, IllegalTransition> {
    let mut seen = execution.clone();
    seen.state = apply(execution.state, Event::OrderFound)?;
    let progress = &mut seen.progress;
    let known = (last.order_no == progress.order_no).then_some(progress.sent_at);
    if last.order_no != progress.order_no {
        // Nothing of the order before is of this one, but that it was tried.
        let earlier_attempts = earlier_attempts(execution, answers, last);
        *progress = Progress {
            earlier_attempts,
            order_no: last.order_no,
            delivered_at: None,
            undelivered_at: None,
            execute_at: None,
            debit_attempts: 0,
            failed_at: None,
            not_before: None,
            ..*progress
        };
        seen.intent = None;
        if execution.notify == Notify::Separate {
            // Each order has a notification of its own, and one that was delivered for an earlier order is not this one's.
            let delivered = u16::from(execution.progress.delivered_at.is_some());
            let after = progress.notification_no.saturating_add(delivered);
            progress.notification_no = after.max(last.order_no);
        }
    }
    if execution.notify != Notify::None && progress.delivered_at.is_none() {
        // A provider that notifies told the payer when the order was sent; when another notification was delivered is forgotten. Either may
        // be too long ago for one more try.
        let told = known
            .flatten()
            .filter(|_| execution.notify == Notify::Provider);
        let told = told.unwrap_or(Timestamp::UNIX_EPOCH);
        progress.undelivered_at.get_or_insert(told);
    }
    // The last of them is open, and counts when its outcome is known.
    let before = attempts(execution, last).saturating_sub(1);
    progress.debit_attempts = progress.debit_attempts.max(before);
    progress.lookups = 0;
    progress.step_attempts = 0;
    // When it was sent is forgotten. No later than now: whatever must pass after a call passes from now on.
    progress.sent_at = Some(now);
    Ok(seen)
}

/// The declined attempts that this database had forgotten, of all orders that were found. The last one's open attempt counts when its
/// outcome is known.
fn forgotten(execution: &Execution, seen: &Execution, answers: &[OrderAnswer]) -> u16 {
    let last = seen.progress.order_no;
    let known = execution.progress.debit_attempts;
    let found = answers
        .iter()
        .filter(|order| order.answer.outcome != Outcome::NotFound);
    found.fold(0, |sum: u16, order| {
        let is_collected = matches!(order.answer.outcome, Outcome::Charged { .. });
        let declined = if order.order_no == last {
            seen.progress.debit_attempts
        } else {
            attempts(execution, order).saturating_sub(u16::from(is_collected))
        };
        let is_known = order.order_no == execution.progress.order_no;
        sum.saturating_add(declined.saturating_sub(if is_known { known } else { 0 }))
    })
}

/// The attempts of the orders before the last: as the provider counts them, at least one each, and as many as are on record.
fn earlier_attempts(execution: &Execution, answers: &[OrderAnswer], last: &OrderAnswer) -> u16 {
    let progress = &execution.progress;
    let before = progress.order_no..last.order_no;
    before.fold(progress.earlier_attempts, |sum, order_no| {
        let answer = answers.iter().find(|answer| {
            answer.order_no == order_no && answer.answer.outcome != Outcome::NotFound
        });
        let counted = answer.map_or(1, |answer| attempts(execution, answer));
        let known = if order_no == progress.order_no {
            progress.debit_attempts
        } else {
            0
        };
        sum.saturating_add(counted.max(known))
    })
}

/// Whether this database knows as much of an order as the provider says: nothing is forgotten.
fn is_known(execution: &Execution, last: &OrderAnswer) -> bool {
    let progress = &execution.progress;
    if last.order_no != progress.order_no {
        return false;
    }
    let was_sent = progress.sent_at.is_some() || execution.intent.is_some();
    // The provider makes the first debit of a watched mandate by itself, and so it does not count as ours.
    let open = execution.intent.is_some() || execution.is_watched();
    let ours = progress.debit_attempts.saturating_add(u16::from(open));
    let counted = attempts(execution, last) <= ours;
    let is_failed =
        matches!(&last.answer.outcome, Outcome::Failed(failure) if !failure.class.is_unproven());
    match execution.state {
        // Whoever watches looks it up.
        State::Planned => execution.is_watched() && counted,
        State::Executing | State::Pending | State::Unknown => {
            (was_sent || execution.is_watched()) && (counted || !is_failed)
        }
        State::Retrying => was_sent && counted,
        // Over as far as we know; what may move again is open.
        State::Failed | State::Skipped | State::Expired => {
            is_failed && counted && (was_sent || execution.is_watched())
        }
        State::Notifying | State::Notified | State::Charged | State::Review => false,
    }
}

/// How often an order that exists was tried, as its provider counts: at least once.
fn attempts(execution: &Execution, order: &OrderAnswer) -> u16 {
    let counted = order.answer.counter.attempts.unwrap_or(0);
    let counted = match execution.provider {
        ProviderKind::Juspay => counted,
        // It counts the retries after the first.
        ProviderKind::Signzy => counted.saturating_add(1),
    };
    // More than anybody makes are as good as a spent budget.
    u16::try_from(counted.clamp(1, 1000)).unwrap_or(1)
}
