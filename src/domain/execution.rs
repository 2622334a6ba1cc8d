//! One collection, as the pure core sees it.

use chrono::NaiveDate;

use super::cycle::{Cycle, CycleCloses};
use super::outcome::{Counter, Outcome};
use super::policy::Policy;
use super::{Amount, Class, ExecutionId, MandateStatus, Notify, ProviderKind, State, Timestamp};

/// More attempts than anybody makes, and what the database can count to.
const MOST: i64 = 0x7FFF;

/// Everything about an execution that a decision depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Which.
    pub id: ExecutionId,
    /// Whose API.
    pub provider: ProviderKind,
    /// Who notifies.
    pub notify: Notify,
    /// Where the mandate stands, read with the execution.
    pub mandate_status: MandateStatus,
    /// When the provider last said that the mandate is paused; nothing while that is an operator's word alone.
    pub paused_at: Option<Timestamp>,
    /// Whether a person has paused the rail.
    pub rail_paused: bool,
    /// When the attempts of the last 30 days leave room for another one; nothing if they do.
    pub budget_from: Option<Timestamp>,
    /// The day of a debit of another cycle of the mandate that lies in this cycle's period.
    pub period_debit_on: Option<NaiveDate>,
    /// Before this the mandate's last debit is less than seven days old, where its rail wants so many between two (NACH, weekly).
    pub spaced_from: Option<Timestamp>,
    /// Whether an answer that the provider does not know the mandate is doubted; nothing once it has taken calls of the account.
    pub not_found: Option<NotFoundAnswers>,
    /// Whether a database before this one may have notified of it, and nobody knows of which numbers: see `recover`.
    pub is_forgotten: bool,
    /// Where the execution stands; with an open intent it is `executing`.
    pub state: State,
    /// The period it collects for.
    pub cycle: Cycle,
    /// What it collects, copied when it was planned.
    pub amount: Amount,
    /// The ceiling that the amount is above, where the payer must approve the debit.
    pub approval_above: Option<Amount>,
    /// How far it has come.
    pub progress: Progress,
    /// Why it failed last.
    pub class: Option<Class>,
    /// The open money-moving call, if any.
    pub intent: Option<Intent>,
}

impl Execution {
    /// Reads an answer with the record: "collected before" means this cycle only if no other cycle was debited in the period. NPCI VE and
    /// QB, and Juspay `mandate_current_cycle_allowed_debit_exceeds`, say it of both.
    pub fn by_record(&self, mut outcome: Outcome, policy: &Policy) -> Outcome {
        if let Outcome::Failed(failure) | Outcome::Refused(failure) = &mut outcome
            && failure.class == Class::AlreadyCollected
            && self.period_debit_on.is_some()
            && policy.cycle_closes == CycleCloses::Period
        {
            failure.class = Class::PeriodUsed;
        }
        outcome
    }

    /// What is known of the delivery of a notification that nobody has sent yet: nothing. Where it may have been sent before all that this
    /// database knows, it may have been delivered then.
    pub fn undelivered_before_call(&self) -> Option<Timestamp> {
        self.is_forgotten.then_some(Timestamp::UNIX_EPOCH)
    }
}

/// The counters and marks that a decision moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The current order, counted from 1.
    pub order_no: u16,
    /// The current notification, counted from 1; 0 where none is ours to send.
    pub notification_no: u16,
    /// When the current notification was delivered; where the provider notifies by itself, the earliest that it can have been.
    pub delivered_at: Option<Timestamp>,
    /// The last instant at which the current notification is known not to have been delivered: its call, or an answer that it is
    /// under way. The delivery may be as old as that, so its validity counts from here, and the 25 hours from `delivered_at`.
    pub undelivered_at: Option<Timestamp>,
    /// When the current order is to be debited, where that is not the cycle's own time: the date handed, or to be handed, to a
    /// provider that notifies and debits by itself; the payday that a later order waits for.
    pub execute_at: Option<Timestamp>,
    /// Attempts spent on the current order under the current notification, the provider's own included.
    pub debit_attempts: u16,
    /// Attempts spent on the cycle's earlier orders.
    pub earlier_attempts: u16,
    /// Look-ups since the last money-moving call.
    pub lookups: u16,
    /// Consecutive attempts of the current step that came to nothing.
    pub step_attempts: u16,
    /// When the last money-moving call was sent.
    pub sent_at: Option<Timestamp>,
    /// When the terminal failure of the current order's last attempt was first seen.
    pub failed_at: Option<Timestamp>,
    /// Before this nothing is tried again: an answer, or the rule that knows it, asked for it.
    pub not_before: Option<Timestamp>,
    /// The last three look-ups, the latest first; those of the order before count, for a new one begins with a look-up of it.
    pub lookup_times: [Option<Timestamp>; 3],
}

impl Progress {
    /// The oldest that the current notification can be.
    pub fn notified_at(&self) -> Option<Timestamp> {
        self.undelivered_at.or(self.delivered_at)
    }

    /// The attempts of the cycle, over all of its orders.
    pub const fn attempts_in_period(&self) -> u16 {
        self.earlier_attempts.saturating_add(self.debit_attempts)
    }

    /// How many attempts the current order may have: as many as its rail allows an order, and as are left of the period's. Each order
    /// that may still follow keeps one, for its payday, as long as this one has any.
    pub fn max_attempts(&self, policy: &Policy) -> u16 {
        let Some(most) = policy.max_attempts_in_period else {
            return policy.max_attempts;
        };
        let left = most.saturating_sub(self.earlier_attempts);
        let later_orders = policy.max_orders.saturating_sub(self.order_no);
        let of_this_order = left.saturating_sub(later_orders).max(left.min(1));
        policy.max_attempts.min(of_this_order)
    }

    /// Whether the period has an attempt left for another order.
    pub fn has_attempt_for_another_order(&self, policy: &Policy) -> bool {
        let most = policy.max_attempts_in_period;
        most.is_none_or(|most| self.attempts_in_period() < most)
    }

    /// The same after a look-up.
    #[must_use]
    pub const fn with_lookup(mut self, at: Timestamp) -> Self {
        let [last, before, _] = self.lookup_times;
        self.lookup_times = [Some(at), last, before];
        self
    }
}

/// On how many days the provider has said that it does not know a mandate of an account whose calls it has never taken. That may only
/// mean that the account is not the one that the mandate was registered with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotFoundAnswers {
    /// Different days, in UTC.
    pub days: u16,
    /// The last of them.
    pub last_on: Option<NaiveDate>,
}

/// On so many different days a provider must say so.
const DAYS_NOT_FOUND: u16 = 3;

impl NotFoundAnswers {
    /// The same with an answer at `now`.
    #[must_use]
    pub fn with_answer(self, now: Timestamp) -> Self {
        let today = Some(now.date_naive());
        let is_another_day = self.last_on < today;
        Self {
            days: self.days.saturating_add(u16::from(is_another_day)),
            last_on: self.last_on.max(today),
        }
    }

    const fn prove_it(self) -> bool {
        self.days >= DAYS_NOT_FOUND
    }
}

/// An open money-moving call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// A retry of an order, rather than its first execution.
    pub is_retry: bool,
    /// When the intent was opened.
    pub opened_at: Timestamp,
    /// The provider's attempt counter, read before the call; nothing if the call was not made yet or has a key.
    pub counter_before: Option<i64>,
}

impl Execution {
    /// Whether the provider debits by its own schedule and we only watch and recover (Signzy periodic).
    pub const fn is_watched(&self) -> bool {
        matches!(
            (self.provider, self.notify),
            (ProviderKind::Signzy, Notify::Provider)
        )
    }

    /// The latest that an open call can have been sent, as far as it is known: its intent may be a good deal older, for what had to
    /// be read before it.
    pub fn sent_by(&self, intent: Intent) -> Timestamp {
        let sent = self.progress.sent_at;
        sent.map_or(intent.opened_at, |sent| sent.max(intent.opened_at))
    }

    /// Whether the mandate is over, now that the provider does not know it.
    pub fn is_over_by_not_found(&self, now: Timestamp) -> bool {
        self.not_found
            .is_none_or(|answers| answers.with_answer(now).prove_it())
    }

    /// When the last call that moves money was sent, at the latest: that of an open intent, whose worker may have been lost before
    /// it could say so, or the one before it.
    pub fn last_sent(&self) -> Option<Timestamp> {
        let open = self.intent.map(|intent| self.sent_by(intent));
        open.or(self.progress.sent_at)
    }

    /// The cycle as the current order sees it: to be debited when that order is.
    pub fn order_cycle(&self) -> Cycle {
        match self.progress.execute_at {
            Some(at) => self.cycle.put_off(at),
            None => self.cycle,
        }
    }

    /// The attempts that the provider counts on the current order, where it counts them in the answer about an order.
    pub fn counted_attempts(&self, counter: Counter) -> Option<u16> {
        let attempts = match self.provider {
            // `txn_id` ends in the number of the attempt.
            ProviderKind::Juspay => counter.attempts?,
            // `retryAttempts` counts the retries after the first.
            ProviderKind::Signzy => counter.attempts?.saturating_add(1),
        };
        Some(u16::try_from(attempts.clamp(0, MOST)).unwrap_or(0))
    }

    /// What the provider's counter shows when it counts our attempts on the current order, and no other.
    pub fn counter_of_ours(&self) -> i64 {
        let ours = i64::from(self.progress.debit_attempts);
        match self.provider {
            ProviderKind::Juspay => ours,
            ProviderKind::Signzy => ours.saturating_sub(1).max(0),
        }
    }

    /// The attempts on the current order, ours or, where the provider counts more, theirs.
    pub fn attempts(&self, counter: Counter) -> u16 {
        let theirs = match self.provider {
            // `txn_id` ends in the number of the attempt, silent retries included.
            // A number that cannot be one is as good as a spent budget: too few attempts are no harm.
            ProviderKind::Juspay => self.counted_attempts(counter).unwrap_or(0),
            // The counter of a charge is a payment's id.
            ProviderKind::Signzy => 0,
        };
        self.progress.debit_attempts.max(theirs)
    }
}
