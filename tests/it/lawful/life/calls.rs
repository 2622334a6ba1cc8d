//! The calls, as the engine's jobs make them: what is read before, the call itself, and what its answer, or none, leads to.

use chrono::TimeDelta;
use mandated::domain::machine::decide::{Decision, decide, decide_verify};
use mandated::domain::outcome::{CallFailure, Counter};
use mandated::domain::{Class, Instant, Notify, Outcome, Rail, State, Step};

use super::Life;
use crate::lawful::bank::failure;

impl Life {
    pub(super) fn execute(&mut self) -> Result<Decision, String> {
        let number = self.execution.progress.order_no;
        if number > 1 && !self.needs_counter() {
            let (outcome, counter) = self.look_up(number - 1)?;
            match outcome {
                Outcome::Failed(failure) if !failure.class.is_unproven() => {}
                Outcome::NotFound | Outcome::Reversed(_) => {}
                Outcome::Charged { .. } => {
                    let mut decision = self.instead_of_call(Step::Execute, &outcome, counter);
                    decision.next = None;
                    return Ok(decision);
                }
                Outcome::Failed(_)
                | Outcome::Pending
                | Outcome::Refused(_)
                | Outcome::AlreadyExists
                | Outcome::Odd(_)
                | Outcome::Call(_) => return Ok(self.wait_for_the_order_before()),
            }
        }
        if self.needs_counter() {
            let (outcome, counter) = self.look_up(number)?;
            let (Outcome::NotFound, Some(attempts)) = (&outcome, counter.attempts) else {
                return Ok(self.instead_of_call(Step::Execute, &outcome, counter));
            };
            self.record_counter(attempts);
        }
        let handed_over = self.execution.notify == Notify::Provider;
        let debited = self.execution.progress.execute_at.filter(|_| handed_over);
        if debited.is_some_and(|at| at < self.now + TimeDelta::hours(24)) {
            return Err("handed over less than 24 hours ahead".to_owned());
        }
        self.call(Step::Execute, debited)
    }

    fn wait_for_the_order_before(&self) -> Decision {
        let why = "the order before it is not proven dead".to_owned();
        let not_sent = Outcome::Call(CallFailure::NotSent { why });
        let mut decision = self.decide(Step::Execute, &not_sent, Counter::default());
        if let Some(next) = decision.next.as_mut() {
            let wait = TimeDelta::from_std(self.policy.lookup_every).unwrap();
            next.span.opens = next.span.opens.max(self.now + wait);
            next.span.closes = None;
        }
        decision
    }

    pub(super) fn retry(&mut self) -> Result<Decision, String> {
        let number = self.execution.progress.order_no;
        let (outcome, counter) = self.look_up(number)?;
        let allowed = matches!(outcome, Outcome::Failed(_))
            && !counter.no_retry_allowed
            && self.execution.attempts(counter) < self.policy.max_attempts;
        if !allowed {
            return Ok(self.instead_of_call(Step::Retry, &outcome, counter));
        }
        self.record_counter(counter.attempts.unwrap_or_default());
        self.call(Step::Retry, None)
    }

    /// The call itself, judged before it is made; it may not leave, and its answer may be lost.
    fn call(&mut self, step: Step, debited: Option<Instant>) -> Result<Decision, String> {
        let number = self.execution.progress.order_no;
        if self.bank.draws.happens(self.bank.chances.not_sent) {
            let why = "no connection".to_owned();
            let outcome = Outcome::Call(CallFailure::NotSent { why });
            return Ok(self.decide(step, &outcome, Counter::default()));
        }
        self.judge(step, debited)?;
        let lost = self.bank.draws.happens(self.bank.chances.lost);
        let why = "no answer".to_owned();
        let no_answer = Outcome::Call(CallFailure::Unknown { why });
        if lost && self.bank.draws.happens(300) {
            // It never arrived.
            return Ok(self.decide(step, &no_answer, Counter::default()));
        }
        if self.bank.draws.happens(self.bank.chances.refuses) {
            let refused = if self.bank.is_paused(self.now) {
                failure(Class::MandatePaused)
            } else {
                self.bank.refusal(self.now)
            };
            // "An earlier call is under way": only after one.
            let under_way = self.bank.order(number).attempts > 0;
            if refused.class != Class::InFlight || under_way {
                self.heard.listen(&refused);
                return Ok(self.decide(step, &Outcome::Refused(refused), Counter::default()));
            }
        }
        self.heard.calls.push(debited.unwrap_or(self.now));
        self.note(step.as_str(), "the provider takes the call");
        self.called_at = Some(debited.unwrap_or(self.now));
        if step == Step::Retry {
            self.retried_at = Some(self.now);
        }
        self.bank.attempt(number, debited.unwrap_or(self.now));
        if debited.is_some() {
            self.told = Some(self.now);
        }
        if lost {
            return Ok(self.decide(step, &no_answer, Counter::default()));
        }
        if !self.bank.draws.happens(self.bank.chances.pending) && debited.is_none() {
            // In real time, as cards are.
            self.bank.at_once(number, self.now);
        }
        let (outcome, counter) = self.bank.look(number);
        self.hear(&outcome, step);
        Ok(self.decide(step, &outcome, counter))
    }

    pub(super) fn look_up(&mut self, number: u16) -> Result<(Outcome, Counter), String> {
        self.looks.push((number, self.now));
        let mine: Vec<Instant> = self
            .looks
            .iter()
            .filter(|(order, _)| *order == number)
            .map(|(_, at)| *at)
            .collect();
        let too_soon = self
            .called_at
            .is_some_and(|at| self.now >= at && self.now < at + TimeDelta::seconds(90));
        let many = mine
            .iter()
            .rev()
            .nth(3)
            .is_some_and(|fourth| self.now < *fourth + TimeDelta::hours(2));
        if self.rail == Rail::Upi && many {
            return Err("more than three look-ups in two hours".to_owned());
        }
        if self.rail == Rail::Upi && too_soon {
            return Err("a look-up within 90 seconds".to_owned());
        }
        self.execution.progress = self.execution.progress.looked_at(self.now);
        let (outcome, counter) = self.bank.look(number);
        self.hear(&outcome, Step::Lookup);
        Ok((outcome, counter))
    }

    pub(super) fn hear(&mut self, outcome: &Outcome, step: Step) {
        // What nobody has classified counts when the order itself says it.
        if let Outcome::Failed(failure) = outcome
            && (failure.class != Class::Unmapped || !step.moves_money())
        {
            self.heard.listen(failure);
        }
    }

    pub(super) fn verify(&mut self) -> Result<Decision, String> {
        let orders = self.execution.progress.order_no;
        let mut last: Option<Decision> = None;
        for number in 1..=orders {
            if number == orders && self.execution.state == State::Charged {
                continue;
            }
            let (outcome, counter) = self.look_up(number)?;
            let (execution, policy) = (&self.execution, &self.policy);
            let mut decision =
                decide_verify(execution, number, &outcome, counter, policy, self.now);
            decision.next = decision.next.or(last.and_then(|earlier| earlier.next));
            let collected = decision.verdict.collected().is_some();
            last = Some(decision);
            if collected {
                break;
            }
        }
        last.ok_or_else(|| "a second look at nothing".to_owned())
    }

    fn record_counter(&mut self, counter: i64) {
        if let Some(intent) = self.execution.intent.as_mut() {
            intent.counter_before = Some(counter);
        }
    }

    pub(super) fn decide(&self, step: Step, outcome: &Outcome, counter: Counter) -> Decision {
        let (execution, policy) = (&self.execution, &self.policy);
        decide(execution, step, outcome, counter, policy, self.now)
    }

    /// As the engine does when what it reads before a call forbids it.
    fn instead_of_call(&self, step: Step, outcome: &Outcome, counter: Counter) -> Decision {
        if let Outcome::Call(_) = outcome {
            let why = "the provider could not be read before the call".to_owned();
            let failure = Outcome::Call(CallFailure::NotSent { why });
            return self.decide(step, &failure, counter);
        }
        let mut without = self.execution.clone();
        without.intent = None;
        without.state = State::Retrying;
        let mut decision = decide(
            &without,
            Step::Lookup,
            outcome,
            counter,
            &self.policy,
            self.now,
        );
        decision.not_processed = true;
        decision
    }
}
