//! Our database: claim and settlement, as `src/store/claim.sql` and `settle.sql` have them, and the rescue of `src/store/rescue.rs`.

use std::time::Duration;

use mandated::domain::machine::rescue::{LostJob, RescuedJob, rescue};
use mandated::domain::{State, Step};

use super::protocol::{Broken, Protocol, Style, holds};
use super::times::{LEASE_OVER, PROCESSING};
use super::world::{Due, Heard, Intent, Phase, Row, Settlement, Task, World};

impl Protocol {
    /// One statement: the lease, and the intent of a step that moves money.
    pub(crate) fn claim(&self, world: &mut World, cycle: usize) -> Task {
        let token = world.next_token();
        let is_taken = |row: &Row| row.intent.is_some();
        let blocked = if self.is(Broken::TwoIntents) {
            is_taken(&world.rows[cycle])
        } else {
            world.rows.iter().any(is_taken)
        };
        let row = &mut world.rows[cycle];
        let step = row.columns.step.unwrap();
        let begins = matches!(
            row.columns.state,
            State::Planned | State::Notified | State::Retrying
        );
        let has_budget = row.columns.tried < self.max_attempts;
        let is_free = !row.over && row.debit.is_none() && !blocked;
        let opened = step.moves_money() && begins && has_budget && is_free;
        let intent = Intent {
            is_retry: step == Step::Retry,
            opened_by: token,
            counter: None,
            processed: false,
        };
        row.lease = Some(token);
        if row.columns.due == Due::DaysLater {
            row.columns.due = Due::Soon;
            let orders = world.payments.iter_mut();
            orders
                .filter(|order| order.cycle == cycle)
                .for_each(|order| order.closed = true);
        }
        if opened && !self.is(Broken::NoIntent) {
            row.intent = Some(intent);
        }
        let intent = row.intent.or(opened.then_some(intent));
        let mut columns = row.columns.clone();
        if intent.is_some() && begins {
            columns.state = State::Executing;
        }
        let mut task = Task {
            cycle,
            token,
            columns,
            intent,
            over: row.over,
            heard: Vec::new(),
            phase: Phase::Gone,
        };
        task.phase = self.phase(&task);
        task
    }

    pub(crate) fn settle(&self, world: &mut World, worker: usize, heard: bool) {
        let task = world.workers[worker].clone().unwrap();
        if heard {
            world.workers[worker] = None;
        }
        let Phase::Decided(said) = task.phase.clone() else {
            return;
        };
        if !holds(world, &task) {
            if !self.is(Broken::NoFence) {
                return;
            }
            world.trespassed = true;
        }
        let Settlement {
            columns,
            closes_intent,
            collected,
            ..
        } = said;
        let proven = collected.map(|proof| {
            let known = match self.style {
                Style::Juspay => world.order(task.cycle, proof.order_no),
                Style::Signzy => proof.payment,
            };
            // A debit that the provider does not have.
            known.unwrap_or(usize::MAX)
        });
        let row = &mut world.rows[task.cycle];
        row.lease = None;
        row.columns = columns;
        if closes_intent {
            row.intent = None;
        }
        match (proven, row.debit) {
            (Some(payment), None) => row.debit = Some(payment),
            // Refund due.
            (Some(payment), Some(before)) if payment != before => row.columns.state = State::Review,
            _ => {}
        }
    }

    /// A worker that has lost its lease is as good as crashed, unless it may still send: the fence refuses whatever it decides. Those
    /// that hold a proof of a collection are kept, for the fence to refuse; without the fence all of them are.
    pub(crate) fn forget(&self, world: &mut World) {
        if self.is(Broken::NoFence) || self.is(Broken::LateWithoutKey) {
            return;
        }
        for worker in 0..2 {
            let Some(task) = &world.workers[worker] else {
                continue;
            };
            let may_send =
                self.has_key(task) && matches!(task.phase, Phase::LookUp { .. } | Phase::Ready(_));
            let has_proof = matches!(&task.phase, Phase::Decided(said) if said.collected.is_some());
            if holds(world, task) || may_send || has_proof || task.heard.contains(&Heard::LeaseLost)
            {
                continue;
            }
            if matches!(task.phase, Phase::Record(_)) {
                // It hears of it when it records the counter. That ends it, or a property shows that it does not.
                self.record(world, worker);
            } else {
                world.workers[worker] = None;
            }
        }
    }

    /// Nothing of the lost worker is asked: what is committed says how the job goes on.
    pub(crate) fn rescue(&self, row: &mut Row) {
        row.lease = None;
        let step = row.columns.step.unwrap();
        if self.is(Broken::RescueRepeats) && step.moves_money() {
            // The claim would refuse a second intent.
            row.intent = None;
            return;
        }
        let lost = LostJob {
            step,
            run_at: LEASE_OVER - PROCESSING,
            run_before: None,
            intent_opened_at: row.intent.map(|_| LEASE_OVER - PROCESSING),
            order_no: u16::from(row.columns.order_no),
            lookup_times: [None; 3],
            undelivered_at: None,
        };
        let processing = if self.is(Broken::RescueHurries) {
            Duration::ZERO
        } else {
            self.policy.processing_time
        };
        let RescuedJob { step, run_at, .. } = rescue(lost, LEASE_OVER, processing);
        row.columns.step = Some(step);
        if run_at >= LEASE_OVER + PROCESSING {
            row.columns.due = Due::AfterProcessing;
        }
    }
}
