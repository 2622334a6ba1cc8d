//! What the provider's answers have said so far, and what no later call may do after them.

use chrono::TimeDelta;
use mandated::domain::{Class, Failure, Timestamp};

#[derive(Debug, Default)]
pub(super) struct Answers {
    /// What the worker has heard and not yet written down, and after how many calls.
    words: Vec<(u32, Failure)>,
    /// A class that is never retried, once it was heard.
    never: Option<Class>,
    /// Before this no other try, by the answer that was heard last.
    not_before: Option<Timestamp>,
    /// The calls after which an answer was heard that nobody has classified.
    unmapped: Vec<u32>,
    /// Our calls that the provider took, or refused.
    pub(super) calls: Vec<Timestamp>,
    /// When the provider was asked about the mandate, and when the worker did so that may yet be lost.
    asked: Option<Timestamp>,
    asking: Option<Timestamp>,
}

impl Answers {
    /// An answer that came. A worker that dies takes it with it.
    pub(super) fn listen(&mut self, failure: &Failure) {
        let calls = u32::try_from(self.calls.len()).unwrap();
        self.words.push((calls, failure.clone()));
    }

    /// What the worker had heard is lost, or written down.
    pub(super) fn end_of_step(&mut self, is_lost: bool) {
        self.asked = self.asking.take().filter(|_| !is_lost).or(self.asked);
        for (calls, failure) in std::mem::take(&mut self.words) {
            if !is_lost {
                self.hear(calls, &failure);
            }
        }
    }

    fn hear(&mut self, calls: u32, failure: &Failure) {
        match failure.class {
            Class::Risk | Class::Legal | Class::CustomerStop => self.never = Some(failure.class),
            Class::Unmapped => {
                if self.unmapped.last() != Some(&calls) {
                    self.unmapped.push(calls);
                }
            }
            Class::Funds
            | Class::Transient
            | Class::Limit
            | Class::Throttled
            | Class::CustomerAction
            | Class::MandatePaused
            | Class::MandateDead
            | Class::AccountDead
            | Class::Instrument
            | Class::OurRequest
            | Class::PayeeSide
            | Class::Notification
            | Class::InFlight
            | Class::OutsideMandate
            | Class::AlreadyCollected
            | Class::PeriodUsed
            // Only the last class is remembered: what comes after another one has its own probe.
            | Class::NothingToRetry => self.unmapped.clear(),
        }
        if !failure.class.is_unproven() {
            self.not_before = failure.not_before;
        }
    }

    /// What no rule knows may be probed once for an order.
    pub(super) fn new_order(&mut self) {
        self.unmapped.clear();
    }

    /// Whether a debit at some time keeps to what was heard.
    pub(super) fn judge(&self, debit_at: Timestamp, most: Option<u16>) -> Result<(), String> {
        if let Some(class) = self.never {
            return Err(format!("a call after {class}, which is never retried"));
        }
        if let Some(wait) = self.not_before.filter(|wait| debit_at < *wait) {
            return Err(format!("a debit before {wait}, which the answer asked for"));
        }
        if self.unmapped.len() > 1 {
            return Err("a second probe of what no rule knows".to_owned());
        }
        let recent = |at: &&Timestamp| **at > debit_at - TimeDelta::days(30);
        let tried = self.calls.iter().filter(recent).count();
        if most.is_some_and(|most| tried >= usize::from(most)) {
            return Err(format!("{tried} attempts in 30 days, and one more"));
        }
        Ok(())
    }

    /// A provider is asked about a mandate once a day.
    pub(super) fn ask(&mut self, now: Timestamp) -> Result<(), String> {
        self.asking = Some(now);
        if self
            .asked
            .is_some_and(|last| now < last + TimeDelta::hours(23))
        {
            return Err("asked about the mandate twice in a day".to_owned());
        }
        Ok(())
    }
}
