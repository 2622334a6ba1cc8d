//! What follows as long as an outcome is not proven: it is looked up again, and after a while a person is asked.

use super::timing::{daily, next_lookup_at, scheduled_lookup_at};
use super::{Context, Decision, NextStep, unchanged};
use crate::domain::backoff::after;
use crate::domain::machine::verdict::Verdict;
use crate::domain::reason::{Doubt, OrderCause, Then};
use crate::domain::{Notify, State, Step, Timestamp};

impl Context<'_> {
    /// The provider works on it: ask again, and after a while ask a person.
    pub(super) fn pending(self) -> Decision {
        let why = match self.execution.approval_above {
            Some(above) => OrderCause::NeedsApproval { above },
            None => OrderCause::Pending,
        };
        let mut decision = unchanged(self.execution, None, why);
        self.mark_call(&mut decision);
        decision.verdict = Verdict::Accepted;
        self.with_next_lookup(decision)
    }

    /// The answer proves nothing.
    pub(super) fn unproven(self, why: Doubt) -> Decision {
        let mut decision = unchanged(self.execution, None, OrderCause::Unproven(why));
        if self.step.moves_money() {
            self.mark_call(&mut decision);
            decision.verdict = Verdict::Unproven;
        } else if self.execution.is_watched() {
            // The payment exists: from now on it is one that stays open too long.
            if self.execution.state == State::Planned {
                decision.verdict = Verdict::Accepted;
            }
        } else if self.execution.state != State::Retrying {
            decision.verdict = Verdict::Unproven;
        }
        self.with_next_lookup(decision)
    }

    /// The provider has the order. If nothing on record says that we sent it, another database did, and nobody here knows when its payer
    /// was notified: maybe too long ago for one more try.
    pub(super) fn already_exists(self) -> Decision {
        let mut decision = self.unproven(Doubt::EarlierCallLanded);
        let known = &self.execution.progress;
        let is_forgotten = known.sent_at.is_none() && known.delivered_at.is_none();
        if self.execution.notify == Notify::Provider && is_forgotten {
            decision.progress.delivered_at = None;
            let undelivered_at = &mut decision.progress.undelivered_at;
            undelivered_at.get_or_insert(Timestamp::UNIX_EPOCH);
        }
        decision
    }

    /// Notes that a money-moving call went out: this one, or one of a worker that was lost, which a look-up has found.
    pub(super) fn mark_call(self, decision: &mut Decision) {
        let progress = &mut decision.progress;
        progress.step_attempts = 0;
        let sent = if self.step.moves_money() {
            progress.lookups = 0;
            Some(self.now)
        } else {
            // Not before its intent: earlier is the safe side for a notification that runs out.
            let opened = self.execution.intent.map(|intent| intent.opened_at);
            opened.filter(|opened| progress.sent_at.is_none_or(|sent| sent < *opened))
        };
        progress.sent_at = sent.or(progress.sent_at);
        // A provider that notifies by itself does so from the call on at the earliest.
        if self.execution.notify == Notify::Provider
            && progress.execute_at.is_some()
            && progress.delivered_at.is_none()
        {
            progress.delivered_at = progress.sent_at;
        }
    }

    /// The next look-up; a person instead when the provider has worked on it for too long.
    pub(super) fn with_next_lookup(self, mut decision: Decision) -> Decision {
        if self.step == Step::Lookup {
            decision.progress.lookups = decision.progress.lookups.saturating_add(1);
        }
        let mut seen = self.execution.clone();
        seen.progress = decision.progress;
        let since = seen
            .last_sent()
            .map(|sent| seen.progress.execute_at.map_or(sent, |at| at.max(sent)))
            .or(self.presented_at());
        if let Some(since) = since
            && self.now >= after(since, self.policy.review_after)
        {
            if self.stays_unknown(&decision) {
                return self.asked_daily(decision, since);
            }
            decision.verdict = Verdict::Review;
            decision.reason = decision.reason.then(Then::AskPerson { since });
            decision.next = Some(NextStep::at(
                Step::Recheck,
                after(self.now, self.policy.lookup_every),
            ));
            return decision;
        }
        decision.next = Some(NextStep::at(
            Step::Lookup,
            scheduled_lookup_at(&seen, self.policy, self.now),
        ));
        decision
    }

    /// Whether what follows is that nothing is proven.
    fn stays_unknown(self, decision: &Decision) -> bool {
        let is_unknown = matches!(self.execution.state, State::Unknown | State::Executing);
        decision.verdict == Verdict::Unproven || decision.verdict == Verdict::Waits && is_unknown
    }

    /// An outcome that nothing has proven for long stays unknown: only proof or a person ends it, and no day does. It is asked about
    /// once a day.
    fn asked_daily(self, mut decision: Decision, since: Timestamp) -> Decision {
        let wanted = after(self.now, daily(self.policy));
        decision.reason = decision.reason.then(Then::AskDaily { since });
        decision.verdict = Verdict::Unproven;
        decision.next = Some(NextStep::at(
            Step::Lookup,
            next_lookup_at(self.execution, self.policy, wanted),
        ));
        decision
    }

    /// When the provider presented a payment that it makes by itself, once there is one.
    fn presented_at(self) -> Option<Timestamp> {
        let presented = self.execution.is_watched() && self.execution.state != State::Planned;
        presented.then_some(self.execution.cycle.debit_at)
    }

    /// Not proven, and not before some time: asking earlier proves nothing.
    pub(super) fn not_before(self, at: Timestamp, why: Doubt) -> Decision {
        let mut decision = self.unproven(why);
        if let Some(next) = decision.next.as_mut() {
            next.span.opens = next_lookup_at(self.execution, self.policy, next.span.opens.max(at));
        }
        decision
    }
}
