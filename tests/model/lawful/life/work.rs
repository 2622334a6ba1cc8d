//! One job under one lease: carries out what the machine wants. The worker may be gone before and after any action, and its lease over
//! at each call; then nothing is left but the rows, and the rescue takes them from there.

use std::rc::Rc;

use chrono_tz::Asia::Kolkata;
use mandated::domain::machine::rescue::PROCESSED;
use mandated::domain::machine::{Abandoned, Action, Answer, Conclusion, Input, Job, Machine};
use mandated::domain::{Outcome, State};
use mandated::wording;

use super::Life;
use crate::lawful::bank::Stands;

/// More actions than any job takes.
const MOST_ACTIONS: usize = 20;

impl Life {
    pub(super) fn work(&mut self) -> Result<(), String> {
        self.claimed_at = self.now;
        self.dead.clear();
        let job = self.store.claim(self.now).ok_or("a job that is not due")?;
        if job.opened {
            self.is_taken = false;
        }
        let (step, policy) = (job.step.as_str(), Rc::clone(&self.policy));
        self.note(
            step,
            if job.opened {
                "claimed, open"
            } else {
                "claimed"
            },
        );
        let mut machine = Machine::new(job.clone(), &policy, self.now);
        let mut input = Input::Claimed;
        for _ in 0..MOST_ACTIONS {
            let action = machine.next(input, self.now);
            let (dies_before, dies_after) = (self.is_dying(), self.is_dying());
            if dies_before || dies_after {
                let when = if dies_before { "before" } else { "after" };
                self.note(step, &format!("the worker dies {when} {action:?}"));
            }
            if dies_before {
                return self.lose();
            }
            input = match action {
                Action::Settle(conclusion) => return self.settle(&job, &conclusion),
                Action::Abandon(why) => return Err(format!("abandons its job: {why:?}")),
                action => self.carry_out(&action)?,
            };
            if dies_after {
                return self.lose();
            }
            if let Some(why) = Self::end_of_lease(&input) {
                self.note(step, &format!("{input:?}"));
                return self.abandon(&mut machine, input, why);
            }
        }
        Err("a job without an end".to_owned())
    }

    fn is_dying(&mut self) -> bool {
        self.bank.happens(self.bank.chances.dies / 8)
    }

    fn carry_out(&mut self, action: &Action) -> Result<Input, String> {
        let mut troubles = || self.bank.happens(self.bank.chances.dies / 8);
        let (is_short, is_over) = (troubles(), troubles());
        let input = match action {
            Action::Send { .. } | Action::AskNotification if is_short => Input::LeaseNearlyOver,
            Action::LookUp { order_no, .. } => self.look_up(*order_no)?,
            Action::LookUpMandate => self.look_up_mandate()?,
            Action::AskNotification => self.ask_notification(),
            Action::ReadDebit => {
                let debit = self.store.debit.as_ref();
                Input::DebitRead(debit.map(|debit| debit.order_no))
            }
            Action::RecordCounter(counter) => self.record_counter(*counter, is_over),
            Action::Send { request, leave_by } => self.send(request, *leave_by)?,
            Action::Settle(_) | Action::Abandon(_) => return Err("no action to carry out".into()),
        };
        // The provider has done what it does, and nobody hears of it.
        let is_call = !matches!(input, Input::LeaseLost | Input::LeaseNearlyOver);
        self.now += self.bank.minutes(1);
        Ok(if is_over && is_call {
            Input::LeaseOver
        } else {
            input
        })
    }

    /// Written for the holder of the lease only.
    fn record_counter(&mut self, counter: i64, is_lost: bool) -> Input {
        if is_lost {
            self.store.expire(self.now, PROCESSED);
        }
        if self.store.record_counter(counter) {
            Input::CounterRecorded
        } else {
            Input::LeaseLost
        }
    }

    /// Whether an input ends the work under this lease, and what the machine must make of it.
    const fn end_of_lease(input: &Input) -> Option<Abandoned> {
        match input {
            Input::LeaseLost => Some(Abandoned::LeaseLost),
            Input::LeaseNearlyOver => Some(Abandoned::LeaseNearlyOver),
            Input::LeaseOver => Some(Abandoned::LeaseOver),
            Input::Claimed
            | Input::Answered(_)
            | Input::NotificationAnswered(_)
            | Input::MandateAnswered(_)
            | Input::CounterRecorded
            | Input::DebitRead(_) => None,
        }
    }

    /// Without its lease the worker does nothing more, even if an answer comes after all.
    fn abandon(
        &mut self,
        machine: &mut Machine<'_>,
        input: Input,
        why: Abandoned,
    ) -> Result<(), String> {
        let action = machine.next(input, self.now);
        if action != Action::Abandon(why) {
            return Err(format!("goes on without its lease: {action:?}"));
        }
        let late = Answer::from(Outcome::NotFound);
        let action = machine.next(Input::Answered(late), self.now);
        if action != Action::Abandon(Abandoned::OutOfOrder) {
            return Err(format!("goes on after its lease: {action:?}"));
        }
        self.lose()
    }

    /// The machine and all that the worker has heard are gone.
    fn lose(&mut self) -> Result<(), String> {
        self.answers.end_of_step(true);
        self.now += self.bank.minutes(3);
        self.store.expire(self.now, PROCESSED);
        let job = self.store.job.filter(|job| !job.is_leased);
        let job = job.ok_or("a lost job that nobody takes back")?;
        self.note(job.step.as_str(), "is what the rescue goes on with");
        if self.is_taken && job.step.moves_money() {
            return Err("a lost call that is made again before anybody asks".to_owned());
        }
        Ok(())
    }

    fn settle(&mut self, job: &Job, conclusion: &Conclusion) -> Result<(), String> {
        let decision = &conclusion.decision;
        self.judge_proof(job, conclusion)?;
        let order_no = self.store.execution.progress.order_no;
        let state = self.store.settle(conclusion, self.now);
        let state = state.ok_or("a settlement without a lease")?;
        self.answers.end_of_step(false);
        if decision.progress.order_no > order_no {
            self.answers.new_order();
        }
        if decision.parked {
            self.resume();
        }
        let reason = wording::reason(&decision.reason, Kolkata);
        self.note(state.as_str(), &reason);
        if self.store.job.is_none() && !state.is_final() {
            return Err(format!("{state} without a job"));
        }
        self.judge_end(job, conclusion, state)
    }

    /// What is given up or found must be so at the bank.
    fn judge_proof(&mut self, job: &Job, conclusion: &Conclusion) -> Result<(), String> {
        let current = self.bank.order(job.execution.progress.order_no);
        let is_open = matches!(current.stands, Stands::Working { .. } | Stands::Charged);
        let proves =
            conclusion.transition.collected.is_some() || !conclusion.transition.closes_intent;
        if self.is_taken && is_open && !proves && !current.after_all {
            return Err("an intent is closed, and its call may collect".to_owned());
        }
        let Some(number) = conclusion.debited_order else {
            return Ok(());
        };
        if self.bank.order(number).stands != Stands::Charged {
            return Err(format!("order {number} is collected, and the bank has not"));
        }
        let of_the_order = self.bank.debit_ref(number);
        let of_another =
            conclusion.provider_ref.is_some() && conclusion.provider_ref != of_the_order;
        if of_another {
            return Err("a debit on record under another order's id".to_owned());
        }
        Ok(())
    }

    fn judge_end(
        &mut self,
        job: &Job,
        conclusion: &Conclusion,
        state: State,
    ) -> Result<(), String> {
        let intent = self.store.execution.intent;
        if state.is_final() && state != State::Review && intent.is_some() {
            return Err(format!("{state} with an open intent"));
        }
        if intent.is_none() && std::mem::take(&mut self.is_taken) && state == State::Unknown {
            return Err("unknown without its intent".to_owned());
        }
        let Some(number) = conclusion.debited_order else {
            return Ok(());
        };
        if !self.collected.contains(&number) {
            self.collected.push(number);
        } else if job.execution.state == State::Charged && self.collected.len() == 1 {
            return Err("the only debit of a cycle is found a second time".to_owned());
        }
        // A person who has it already hears of it from the settlement, which finds the debit that is on record.
        let is_told = conclusion.transition.to == State::Review
            || job.execution.state == State::Review && state == State::Review;
        if self.collected.len() > 1 && !is_told {
            return Err("a second debit of a cycle that no person is told of".to_owned());
        }
        Ok(())
    }
}
