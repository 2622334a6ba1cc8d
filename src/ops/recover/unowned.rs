//! One mandate: does the provider have payments of it that no execution here has?

use std::collections::HashSet;

use chrono::{Days, NaiveDate};

use super::OpenRecovery;
use crate::clock::Clock;
use crate::compose;
use crate::config::Config;
use crate::domain::cycle::CycleCloses;
use crate::domain::mandate::MOST_ORDERS;
use crate::domain::schedule::{Frequency, Schedule};
use crate::domain::{CycleIdentity, Mandate, Notify, Period};
use crate::ops::recover::report::NotListed;
use crate::ops::{OpsError, mandates};
use crate::provider::{Client, ListedPayment, PaymentsAnswer, PaymentsRequest, Provider};
use crate::store::pool::DatabasePool;
use crate::store::recovery::{self, MandateToCompare, UnownedPayment};

/// A cycle of a cron expression is called after its day, and may be open until the next month's.
const LONGEST_CRON: u64 = 31;

/// Of a mandate that has no two cycles more.
const LONGEST: u64 = 366;

pub(super) struct Comparer<'a> {
    pub(super) pool: &'a DatabasePool,
    pub(super) clock: &'a Clock,
    pub(super) client: &'a Client,
    pub(super) recovery: OpenRecovery,
    pub(super) config: &'a Config,
    /// Who recovers: whoever a pause is by.
    pub(super) by: &'a str,
}

impl Comparer<'_> {
    /// Compares, and pauses the mandate if something is found. Why not, where the provider has not answered.
    pub(super) async fn compare(
        &self,
        compared: &MandateToCompare,
    ) -> Result<Option<NotListed>, OpsError> {
        let mut conn = compose::connection(self.pool).await?;
        let stored = mandates::find(&mut conn, &compared.reference).await?;
        drop(conn);
        let mandate = &stored.mandate;
        let now = self.clock.now();
        let zone = mandate.terms.time_zone;
        let since = self.recovery.since.with_timezone(&zone).date_naive();
        let today = now.with_timezone(&zone).date_naive();
        let orders = if self.client.execute_needs_counter() {
            // It lists its payments.
            Vec::new()
        } else {
            let until = self.last_day(compared, mandate, today);
            self.orders(compared, mandate, since, until).await?
        };
        let payments = if orders.is_empty() && !self.client.execute_needs_counter() {
            Vec::new()
        } else {
            let request = PaymentsRequest {
                at: now,
                mandate,
                since,
                orders: &orders,
            };
            match self.client.payments(&request).await {
                PaymentsAnswer::Listed(mut listed) if orders.is_empty() => {
                    if mandate.notify == Notify::Provider {
                        // The provider makes its own payments ahead of their cycles. Of a mandate that was imported again nothing is
                        // planned for today, so a payment of today can only be a forgotten cycle's.
                        let is_new = self.is_new(compared);
                        listed.retain(|payment| {
                            payment.day < Some(today) || is_new && payment.day == Some(today)
                        });
                    }
                    self.unowned(compared, listed, today).await?
                }
                // No execution has any of these orders.
                PaymentsAnswer::Listed(listed) => self.unanswered(compared, listed).await?,
                PaymentsAnswer::Failed { why } => {
                    return Ok(Some(NotListed {
                        reference: compared.reference.clone(),
                        why,
                    }));
                }
            }
        };
        recovery::compared(self.pool, self.recovery, compared, &payments, self.by, now).await?;
        Ok(None)
    }

    /// The orders of cycles that have no execution here, where most of them can be missing: of mandates whose cycles are presented, and of
    /// those that were imported again, which may have had any schedule. A mandate that the dump has is planned as it was then; only the
    /// cycle that was open when it was imported can have been added by hand.
    async fn orders(
        &self,
        compared: &MandateToCompare,
        mandate: &Mandate,
        since: NaiveDate,
        until: NaiveDate,
    ) -> Result<Vec<String>, OpsError> {
        let is_new = self.is_new(compared);
        let is_presented = mandate.terms.schedule == Schedule::Every(Frequency::Aspresented);
        let presented = u64::from(self.config.planner.presented_open_days);
        let open_days = presented.max(LONGEST_CRON).max(longest(mandate, since));
        let open_days = Days::new(open_days);
        let periods: Vec<Period> = if is_new {
            Period::all_open_between(since, until, open_days)
        } else if is_presented {
            let first = since.checked_sub_days(open_days).unwrap_or(since);
            let days = first.iter_days().take_while(|day| *day <= until);
            days.map(Period::day).collect()
        } else {
            return Ok(Vec::new());
        };
        let names: Vec<String> = periods.iter().map(ToString::to_string).collect();
        let missing = recovery::without_execution(self.pool, compared.id, &names).await?;
        let missing: HashSet<String> = missing.into_iter().collect();
        let missing = periods
            .into_iter()
            .filter(|period| missing.contains(&period.to_string()));
        let ids = missing.flat_map(|period| {
            let cycle = CycleIdentity::of(mandate, period);
            (1..=MOST_ORDERS).map(move |order_no| cycle.order_id(order_no))
        });
        Ok(ids.collect())
    }

    /// Whether the dump may not have had it: it was imported again, perhaps with another schedule.
    fn is_new(&self, compared: &MandateToCompare) -> bool {
        compared.created_at > self.recovery.since
    }

    /// The last day of which an order may have been sent: one that the provider notifies of is handed over ahead of its cycle.
    /// A mandate that was imported again may have been notified so before, in another time zone.
    fn last_day(
        &self,
        compared: &MandateToCompare,
        mandate: &Mandate,
        today: NaiveDate,
    ) -> NaiveDate {
        if mandate.notify != Notify::Provider && !self.is_new(compared) {
            return today;
        }
        let policy = self.config.policy(mandate.provider, mandate.rail);
        let ahead = policy.notify_to_debit.saturating_add(policy.notify_lead);
        let days = ahead.as_secs().div_ceil(86_400).saturating_add(1);
        today.checked_add_days(Days::new(days)).unwrap_or(today)
    }

    async fn unowned(
        &self,
        compared: &MandateToCompare,
        listed: Vec<ListedPayment>,
        today: NaiveDate,
    ) -> Result<Vec<UnownedPayment>, OpsError> {
        let payments: Vec<(String, Option<NaiveDate>)> = listed
            .iter()
            .map(|payment| (payment.id.clone(), payment.day))
            .collect();
        let unknown =
            recovery::unknown(self.pool, self.recovery, compared.id, &payments, today).await?;
        let others = listed
            .into_iter()
            .filter(|payment| unknown.contains(&payment.id));
        self.unanswered(compared, others.collect()).await
    }

    /// Those that no person has answered for since an earlier recovery found them.
    async fn unanswered(
        &self,
        compared: &MandateToCompare,
        listed: Vec<ListedPayment>,
    ) -> Result<Vec<UnownedPayment>, OpsError> {
        let ids: Vec<String> = listed.iter().map(|payment| payment.id.clone()).collect();
        let answered = recovery::answered(self.pool, compared.id, &ids).await?;
        let open = listed
            .into_iter()
            .filter(|payment| !answered.contains(&payment.id));
        Ok(open.map(unowned).collect())
    }
}

/// How many days a cycle of the mandate is open, as it was imported: a cycle of another schedule may have been open as long.
fn longest(mandate: &Mandate, since: NaiveDate) -> u64 {
    let closes = CycleCloses::NextCycle;
    let first = mandate.terms.cycle_from(since, closes);
    let next = first.and_then(|cycle| mandate.terms.cycle_after(cycle.on, closes));
    let days = first
        .zip(next)
        .map(|(first, next)| next.on.signed_duration_since(first.on).num_days());
    days.and_then(|days| u64::try_from(days).ok())
        .unwrap_or(LONGEST)
}

fn unowned(payment: ListedPayment) -> UnownedPayment {
    UnownedPayment {
        amount: payment.amount.map(|amount| amount.to_string()),
        on: payment.day,
        status: payment.status,
        id: payment.id,
    }
}
