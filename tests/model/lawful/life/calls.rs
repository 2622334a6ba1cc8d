//! What becomes of the calls that the machine wants made: the provider takes them or does not, and its answer comes or is lost.

use chrono::TimeDelta;
use mandated::domain::machine::{Answer, Input, Notice, Request};
use mandated::domain::outcome::{CallFailure, Counter, NotificationOutcome};
use mandated::domain::{Class, MandateStatus, Outcome, Rail, Step, Timestamp};

use super::Life;
use crate::lawful::bank::failure;

impl Life {
    /// A call waits for its turn. What has not left in time never does.
    pub(super) fn send(&mut self, request: &Request, leave_by: Timestamp) -> Result<Input, String> {
        let step = match request {
            Request::Notify { .. } => Step::Notify,
            Request::Execute { .. } => Step::Execute,
            Request::Retry(_) => Step::Retry,
        };
        self.judge_leave_by(request, leave_by)?;
        if self.bank.happens(self.bank.chances.outage / 2) {
            self.now += self.bank.minutes(2);
        }
        let not_sent = self.bank.happens(self.bank.chances.not_sent);
        if not_sent || self.now >= leave_by {
            let why = "no connection, or too late".to_owned();
            let failure = CallFailure::NotSent { why };
            return Ok(match request {
                Request::Notify { .. } => {
                    Input::NotificationAnswered(NotificationOutcome::Call(failure))
                }
                Request::Execute { .. } | Request::Retry(_) => answered(Outcome::Call(failure)),
            });
        }
        match request {
            Request::Notify { debit_at } => self.notify(*debit_at),
            Request::Execute { notice } => {
                self.judge_notice(*notice)?;
                let handed_over = match notice {
                    Notice::ExecuteAt(at) => Some(*at),
                    Notice::Reference | Notice::Exempt => None,
                };
                self.call(step, handed_over)
            }
            Request::Retry(retry) => {
                self.judge_retry(retry)?;
                self.call(step, None)
            }
        }
    }

    fn notify(&mut self, debit_at: Timestamp) -> Result<Input, String> {
        self.judge_notification(debit_at)?;
        let number = self.store.execution.progress.notification_no;
        let arrives = self.now + self.bank.minutes(30);
        let outcome = if self.notified.is_some_and(|(known, _)| known == number) {
            NotificationOutcome::AlreadyExists
        } else if self.bank.happens(self.bank.chances.lost) {
            self.notified = self.bank.happens(500).then_some((number, arrives));
            let why = "no answer".to_owned();
            NotificationOutcome::Call(CallFailure::Unknown { why })
        } else if self.bank.happens(self.bank.chances.silent / 2) {
            self.notified = None;
            NotificationOutcome::Failed(failure(Class::Notification))
        } else if self.bank.happens(500) {
            self.notified = Some((number, arrives));
            NotificationOutcome::Pending
        } else {
            self.notified = Some((number, self.now));
            NotificationOutcome::Delivered
        };
        Ok(Input::NotificationAnswered(outcome))
    }

    pub(super) fn ask_notification(&mut self) -> Input {
        let number = self.store.execution.progress.notification_no;
        let arrived = self.notified.filter(|(known, _)| *known == number);
        let outcome = match arrived {
            Some((_, at)) if at <= self.now => NotificationOutcome::Delivered,
            Some(_) => NotificationOutcome::Pending,
            None if self.bank.happens(500) => {
                NotificationOutcome::Failed(failure(Class::Notification))
            }
            None => NotificationOutcome::NotFound,
        };
        Input::NotificationAnswered(outcome)
    }

    pub(super) fn look_up_mandate(&mut self) -> Result<Input, String> {
        self.answers.ask(self.now)?;
        let said = if self.bank.happens(200) {
            None
        } else if self.bank.is_paused(self.now) {
            Some(MandateStatus::Paused)
        } else {
            Some(MandateStatus::Active)
        };
        Ok(Input::MandateAnswered(said))
    }

    /// The call itself, judged before it is made; its answer may be lost.
    fn call(&mut self, step: Step, handed_over: Option<Timestamp>) -> Result<Input, String> {
        let number = self.store.execution.progress.order_no;
        self.judge(step, handed_over)?;
        let lost = self.bank.happens(self.bank.chances.lost);
        let why = "no answer".to_owned();
        let no_answer = Outcome::Call(CallFailure::Unknown { why });
        if lost && self.bank.happens(300) {
            // It never arrived.
            return Ok(answered(no_answer));
        }
        if self.bank.happens(self.bank.chances.refuses) {
            let refused = if self.bank.is_paused(self.now) {
                failure(Class::MandatePaused)
            } else {
                self.bank.refusal(self.now)
            };
            if refused.class == Class::InFlight {
                // "Under way already": this call was heard twice.
                self.take(step, handed_over);
            }
            if refused.class == Class::NothingToRetry && step == Step::Retry {
                self.bank.never_retries(number);
            }
            self.answers.listen(&refused);
            return Ok(answered(Outcome::Refused(refused)));
        }
        self.take(step, handed_over);
        if lost {
            return Ok(answered(no_answer));
        }
        if !self.bank.happens(self.bank.chances.pending) && handed_over.is_none() {
            // In real time, as cards are.
            self.bank.at_once(number, self.now);
        }
        let (outcome, counter) = self.bank.look(number);
        self.hear(&outcome, step);
        Ok(self.answered_about(number, outcome, counter))
    }

    /// The provider takes a call, whatever becomes of its answer.
    fn take(&mut self, step: Step, handed_over: Option<Timestamp>) {
        let debit_at = handed_over.unwrap_or(self.now);
        self.note(step.as_str(), "the provider takes the call");
        self.answers.calls.push(debit_at);
        self.called_at = Some(debit_at);
        self.is_taken = true;
        if step == Step::Retry {
            self.retried_at = Some(self.now);
        }
        self.bank
            .attempt(self.store.execution.progress.order_no, debit_at);
    }

    pub(super) fn look_up(&mut self, number: u16) -> Result<Input, String> {
        if self.bank.happens(self.bank.chances.not_sent / 4) {
            let why = "no connection".to_owned();
            self.dead.clear();
            return Ok(answered(Outcome::Call(CallFailure::NotSent { why })));
        }
        self.looks.push((number, self.now));
        let too_soon = self
            .called_at
            .is_some_and(|at| self.now >= at && self.now < at + TimeDelta::seconds(90));
        let mut mine = self.looks.iter().filter(|(order, _)| *order == number);
        let fourth = mine.nth_back(3);
        let many = fourth.is_some_and(|(_, at)| self.now < *at + TimeDelta::hours(2));
        if self.rail == Rail::Upi && many {
            return Err("more than three look-ups in two hours".to_owned());
        }
        if too_soon {
            return Err("a look-up within 90 seconds".to_owned());
        }
        let (outcome, counter) = self.bank.look(number);
        let is_dead = match &outcome {
            Outcome::Failed(failure) => !failure.class.is_unproven(),
            Outcome::NotFound => true,
            Outcome::Charged { .. }
            | Outcome::Pending
            | Outcome::Refused(_)
            | Outcome::AlreadyExists
            | Outcome::Reversed(_)
            | Outcome::Unrecognized(_)
            | Outcome::Contradicted(_)
            | Outcome::Call(_) => false,
        };
        if is_dead {
            self.dead.insert(number);
        } else {
            self.dead.remove(&number);
        }
        self.hear(&outcome, Step::Lookup);
        Ok(self.answered_about(number, outcome, counter))
    }

    fn hear(&mut self, outcome: &Outcome, step: Step) {
        // What nobody has classified counts when the order itself says it.
        if let Outcome::Failed(failure) = outcome
            && (failure.class != Class::Unmapped || !step.moves_money())
        {
            self.answers.listen(failure);
        }
    }

    fn answered_about(&self, number: u16, outcome: Outcome, counter: Counter) -> Input {
        let is_answer = !matches!(outcome, Outcome::Call(_));
        Input::Answered(Answer {
            outcome,
            counter,
            provider_ref: self.bank.debit_ref(number).filter(|_| is_answer),
        })
    }
}

fn answered(outcome: Outcome) -> Input {
    Input::Answered(Answer::from(outcome))
}
