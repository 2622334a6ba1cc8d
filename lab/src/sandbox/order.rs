//! Juspay's orders: what an order holds, and what it shows of itself.
//!
//! Nothing here has a timer: an order holds the times at which something becomes known, and [`super::collection::settle`] plays
//! them up to an instant, in order.

use chrono::{NaiveDate, TimeDelta};
use judge::{Presenter, Timestamp};
use mandated::domain::Amount;

use super::attempt::Attempt;
use super::decline::Decline;
use super::india;
use super::notice::SandboxNotice;

/// The next thing that happens to an order by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scheduled {
    pub(super) at: Timestamp,
    pub(super) by: Presenter,
}

/// An order of `/txns`.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) amount: Amount,
    pub(super) customer_id: String,
    pub(super) created_at: Timestamp,
    pub(super) notice: SandboxNotice,
    /// Set by the first presentation.
    pub(super) cycle: Option<NaiveDate>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) charged_at: Option<Timestamp>,
    cancelled: bool,
    pub(super) scheduled: Option<Scheduled>,
}

impl Order {
    pub(super) fn new(
        id: &str,
        amount: Amount,
        customer_id: &str,
        notice: SandboxNotice,
        now: Timestamp,
    ) -> Self {
        Self {
            id: id.to_owned(),
            amount,
            customer_id: customer_id.to_owned(),
            created_at: now,
            notice,
            cycle: None,
            attempts: Vec::new(),
            charged_at: None,
            cancelled: false,
            scheduled: None,
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        let waits = self
            .scheduled
            .is_some_and(|next| next.by == Presenter::Schedule);
        let under_way = self
            .attempts
            .last()
            .is_some_and(|attempt| !attempt.resolved);
        self.charged_at.is_none() && !self.cancelled && (waits || under_way)
    }

    /// The failure that the order shows, if it shows one.
    pub(super) fn failure(&self) -> Option<Decline> {
        if self.cancelled {
            return Some(Decline::cancelled());
        }
        if self.charged_at.is_some() || self.is_pending() {
            return None;
        }
        self.attempts
            .last()
            .and_then(|attempt| attempt.answer.as_ref().err())
            .cloned()
    }

    /// Juspay's word for where it stands.
    pub(super) fn status(&self) -> String {
        match self.failure() {
            Some(decline) => decline.status.into_owned(),
            None if self.charged_at.is_some() => "CHARGED".to_owned(),
            None => "PENDING_VBV".to_owned(),
        }
    }

    /// The counter at the end of `txn_id`.
    pub(super) fn txn_number(&self) -> usize {
        let waits = self
            .scheduled
            .is_some_and(|next| next.by == Presenter::Schedule);
        self.attempts
            .len()
            .saturating_add(usize::from(waits))
            .max(1)
    }

    /// Stops a scheduled debit, if one is at least half an hour away.
    pub(super) fn cancel(&mut self, now: Timestamp) -> bool {
        let limit = india::after(now, TimeDelta::minutes(30));
        let stops = self.is_pending() && self.scheduled.is_some_and(|next| next.at >= limit);
        if stops {
            self.scheduled = None;
            self.cancelled = true;
        }
        stops
    }

    /// Has the provider debit at its time.
    pub(super) fn schedule(&mut self, at: Timestamp) {
        self.scheduled = Some(Scheduled {
            at,
            by: Presenter::Schedule,
        });
    }

    /// What happens next by itself, and when.
    pub(super) fn next(&self) -> Option<(Timestamp, NextEvent)> {
        if self.cancelled {
            return None;
        }
        let resolve = self.attempts.last().filter(|attempt| !attempt.resolved);
        let late = self
            .attempts
            .iter()
            .filter_map(|attempt| attempt.later.as_ref())
            .map(|later| later.at)
            .min();
        [
            resolve.map(|attempt| (attempt.resolves_at, NextEvent::Resolve)),
            late.map(|at| (at, NextEvent::Late)),
            self.scheduled
                .filter(|_| resolve.is_none())
                .map(|next| (next.at, NextEvent::Present(next.by))),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }
}

/// What can happen to an order by itself.
pub(super) enum NextEvent {
    Present(Presenter),
    Resolve,
    Late,
}
