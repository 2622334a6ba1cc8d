//! Where planning begins for a mandate that is new here.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{Days, TimeDelta};

use crate::domain::cycle::{Cycle, CycleCloses, Terms};
use crate::domain::plan::room::{ShortRoom, short_room};
use crate::domain::plan::{cycle_closes, timetable};
use crate::domain::policy::Policy;
use crate::domain::schedule::{Frequency, Schedule};
use crate::domain::{Notify, ProviderKind, Rail, Timestamp};
use crate::store::import::Cursor;

/// What the planning of a first cycle depends on.
pub(super) struct Planning<'a> {
    pub(super) now: Timestamp,
    /// How long before its first step a cycle is planned.
    pub(super) horizon: Duration,
    /// How many mandates have a first cycle that ends before its retries can all be made, and the first of them.
    pub(super) short: u64,
    pub(super) first_short: Option<ShortRoom>,
    policy: &'a (dyn Fn(ProviderKind, Rail) -> Policy + Sync),
    policies: BTreeMap<(ProviderKind, Rail), Policy>,
}

impl<'a> Planning<'a> {
    pub(super) fn new(
        now: Timestamp,
        horizon: Duration,
        policy: &'a (dyn Fn(ProviderKind, Rail) -> Policy + Sync),
    ) -> Self {
        Self {
            now,
            horizon,
            short: 0,
            first_short: None,
            policy,
            policies: BTreeMap::new(),
        }
    }

    /// The first cycle to plan, and when. Nothing if none is left, or if the merchant presents them.
    pub(super) fn first(
        &mut self,
        terms: &Terms,
        provider: ProviderKind,
        rail: Rail,
        notify: Notify,
    ) -> Option<Cursor> {
        if terms.schedule == Schedule::Every(Frequency::Aspresented) {
            return None;
        }
        let policy = self
            .policies
            .entry((provider, rail))
            .or_insert_with(|| (self.policy)(provider, rail));
        let closes = cycle_closes(provider, notify, policy);
        let cycle = first_due(terms, closes, self.now)?;
        if let Some(room) = short_room(&cycle, terms, policy) {
            self.short = self.short.saturating_add(1);
            self.first_short.get_or_insert(room);
        }
        // The mandate has no number yet, and the jitter hangs on it: begin before any of it.
        let early = TimeDelta::from_std(self.horizon.saturating_add(policy.jitter))
            .unwrap_or(TimeDelta::MAX);
        let plan_at = timetable(&cycle, provider, notify, policy, 0)
            .and_then(|timetable| timetable.start_at.checked_sub_signed(early))
            .map_or(self.now, |at| at.max(self.now));
        Some(Cursor {
            cycle_on: cycle.on,
            plan_at,
        })
    }
}

/// The first cycle whose debit is still to come.
///
/// A cycle that has begun may have been collected by whatever collected this mandate before: planning it here could debit it
/// twice. Where it was not, `mandated executions add` presents it.
fn first_due(terms: &Terms, closes: CycleCloses, now: Timestamp) -> Option<Cycle> {
    let yesterday = now
        .with_timezone(&terms.time_zone)
        .date_naive()
        .checked_sub_days(Days::new(1))?;
    let mut cycle = terms.cycle_from(yesterday, closes)?;
    while cycle.debit_at <= now {
        cycle = terms.cycle_after(cycle.on, closes)?;
    }
    Some(cycle)
}
