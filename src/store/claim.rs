//! Claim: lease due jobs and open their intents, in one statement.

use std::time::Duration;

use chrono::{Days, NaiveDate, NaiveTime};
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, PgExecutor};

use super::error::{StoreContext, StoreError};
use super::rows::{self, TermsRow, count, word};
use crate::domain::additional_factor::approval_above;
use crate::domain::cycle::Cycle;
use crate::domain::execution::{Intent, NotFoundAnswers, Progress};
use crate::domain::schedule::{Frequency, Schedule};
use crate::domain::zone::start_of_day;
use crate::domain::{
    AccountId, Class, CycleIdentity, Execution, ExecutionId, LeaseToken, Mandate, MandateId,
    MandateStatus, Notify, ProviderKind, Rail, State, Step, Timestamp,
};
use crate::failpoint::around;

/// A leased job with all that its step needs. Only its holder can settle it.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub token: LeaseToken,
    pub step: Step,
    /// When it was due.
    pub run_at: Timestamp,
    /// The end of the window it was planned into.
    pub run_before: Option<Timestamp>,
    /// Whether this claim opened the intent for it.
    pub opened: bool,
    /// Where the execution stood before this claim.
    pub stood: State,
    pub execution: Execution,
    pub mandate: Mandate,
    pub policy_id: i64,
    pub order_id: String,
    pub notification_ref: Option<String>,
    pub provider_ref: Option<String>,
    /// The payments that were there before the open charge.
    pub payments_before: Option<Vec<i64>>,
}

impl Claimed {
    /// What its orders and notifications are named after.
    pub fn cycle_identity(&self) -> CycleIdentity<'_> {
        CycleIdentity::of(&self.mandate, self.execution.cycle.period)
    }
}

/// One round of claiming.
#[derive(Debug)]
pub struct ClaimRequest<'a> {
    pub account: AccountId,
    pub now: Timestamp,
    pub limit: i64,
    pub lease: Duration,
    pub worker: &'a str,
    /// Leaves what was due before it, for a later round. While somebody holds a snapshot open, the index keeps an entry of every
    /// job that was ever due, and a claim without a lower bound steps over all of them.
    pub since: Option<Timestamp>,
}

/// Hands the parameters of the statement to a macro, in the order of their numbers.
macro_rules! with_parameters {
    ($then:ident, $request:expr) => {
        $then!(
            $request.account.0,
            $request.now,
            $request.limit,
            $request.lease.as_secs_f64(),
            $request.worker,
            $request.since
        )
    };
}

/// The statement that claims, for who measures it alone.
pub const fn statement() -> &'static str {
    include_str!("claim.sql")
}

/// Its parameters, in their order.
pub fn arguments(request: &ClaimRequest<'_>) -> Result<PgArguments, BoxDynError> {
    macro_rules! bare {
        ($($parameter:expr),+) => {{
            let mut arguments = PgArguments::default();
            $(arguments.add($parameter)?;)+
            Ok(arguments)
        }};
    }
    with_parameters!(bare, request)
}

/// Leases up to `limit` due jobs of an account. Autocommit, unless it is in a transaction: when the rows arrive, their intents are
/// durable. A row that cannot be read is left to its lease.
pub async fn claim_due<'e>(
    database: impl PgExecutor<'e>,
    request: &ClaimRequest<'_>,
) -> Result<Vec<Claimed>, StoreError> {
    macro_rules! checked {
        ($($parameter:expr),+) => { sqlx::query_file_as!(ClaimRow, "src/store/claim.sql", $($parameter),+) };
    }
    let claim = with_parameters!(checked, request);
    let rows = around("claim", claim.fetch_all(database))
        .await
        .context("claim due jobs")?;
    Ok(rows::readable(rows.into_iter().map(ClaimRow::read)))
}

/// An execution with its mandate, as a claim reads them.
pub(super) struct ClaimRow {
    pub(super) execution_id: i64,
    pub(super) step: String,
    pub(super) run_at: Timestamp,
    pub(super) run_before: Option<Timestamp>,
    pub(super) lease_token: i64,
    pub(super) opened: bool,
    pub(super) intent_kind: Option<String>,
    pub(super) intent_opened_at: Option<Timestamp>,
    pub(super) counter_before: Option<i64>,
    pub(super) payments_before: Option<Vec<i64>>,
    pub(super) cycle_on: NaiveDate,
    pub(super) period: String,
    pub(super) debit_at: Timestamp,
    pub(super) closes_at: Timestamp,
    pub(super) amount_minor: i64,
    pub(super) currency: String,
    pub(super) policy_id: i64,
    pub(super) state: String,
    pub(super) class: Option<String>,
    pub(super) order_no: i16,
    pub(super) order_id: String,
    pub(super) notification_no: i16,
    pub(super) notification_ref: Option<String>,
    pub(super) delivered_at: Option<Timestamp>,
    pub(super) undelivered_at: Option<Timestamp>,
    pub(super) is_forgotten: bool,
    pub(super) execute_at: Option<Timestamp>,
    pub(super) debit_attempts: i16,
    pub(super) earlier_attempts: i16,
    pub(super) lookups: i16,
    pub(super) step_attempts: i16,
    pub(super) provider_ref: Option<String>,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) failed_at: Option<Timestamp>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) lookup_times: Vec<Timestamp>,
    pub(super) mandate_id: i64,
    pub(super) mandate_ref: String,
    pub(super) provider: String,
    pub(super) provider_mandate_id: String,
    pub(super) customer_id: String,
    pub(super) rail: String,
    pub(super) notify: String,
    pub(super) mandate_amount_minor: Option<i64>,
    pub(super) max_amount_minor: i64,
    pub(super) frequency: Option<String>,
    pub(super) cron: Option<String>,
    pub(super) time_zone: String,
    pub(super) starts_on: NaiveDate,
    pub(super) ends_on: Option<NaiveDate>,
    pub(super) debit_time: NaiveTime,
    pub(super) category: Option<String>,
    pub(super) description: String,
    pub(super) metadata: serde_json::Value,
    pub(super) mandate_status: String,
    pub(super) provider_paused_at: Option<Timestamp>,
    /// Nothing once the provider has taken a call of the account.
    pub(super) not_found_days: Option<i16>,
    pub(super) not_found_on: Option<NaiveDate>,
    pub(super) rail_paused: bool,
    pub(super) budget_spent_on: Option<NaiveDate>,
    pub(super) last_debit_at: Option<Timestamp>,
}

impl ClaimRow {
    fn read(self) -> Result<Claimed, StoreError> {
        let mandate = self.mandate()?;
        let execution = self.execution(&mandate)?;
        Ok(Claimed {
            token: LeaseToken(self.lease_token),
            step: word("execution", self.execution_id, &self.step, Step::parse)?,
            run_at: self.run_at,
            run_before: self.run_before,
            opened: self.opened,
            stood: word("execution", self.execution_id, &self.state, State::parse)?,
            execution,
            mandate,
            policy_id: self.policy_id,
            order_id: self.order_id,
            notification_ref: self.notification_ref,
            provider_ref: self.provider_ref,
            payments_before: self.payments_before,
        })
    }

    pub(super) fn mandate(&self) -> Result<Mandate, StoreError> {
        let id = self.mandate_id;
        let terms = rows::terms(&TermsRow {
            id,
            frequency: self.frequency.as_deref(),
            cron: self.cron.as_deref(),
            time_zone: &self.time_zone,
            starts_on: self.starts_on,
            ends_on: self.ends_on,
            debit_at: self.debit_time,
        })?;
        let provider = word("mandate", id, &self.provider, ProviderKind::parse)?;
        let rail = word("mandate", id, &self.rail, Rail::parse)?;
        let currency = rows::currency(id, &self.currency, provider, rail)?;
        Ok(Mandate {
            id: MandateId(id),
            reference: self.mandate_ref.clone(),
            provider,
            provider_mandate_id: self.provider_mandate_id.clone(),
            customer_id: self.customer_id.clone(),
            rail,
            notify: word("mandate", id, &self.notify, Notify::parse)?,
            amount: match self.mandate_amount_minor {
                Some(minor) => Some(rows::amount("mandate", id, minor, &self.currency)?),
                None => None,
            },
            max_amount: rows::amount("mandate", id, self.max_amount_minor, &self.currency)?,
            currency,
            terms,
            category: self.category.clone(),
            description: self.description.clone(),
            metadata: self.metadata.clone().into(),
            status: word("mandate", id, &self.mandate_status, MandateStatus::parse)?,
        })
    }

    pub(super) fn execution(&self, mandate: &Mandate) -> Result<Execution, StoreError> {
        let id = self.execution_id;
        let number = |value: i16| count("execution", id, value);
        let stored = word("execution", id, &self.state, State::parse)?;
        let intent = match (self.intent_kind.as_deref(), self.intent_opened_at) {
            (Some(kind), Some(opened_at)) => Some(Intent {
                is_retry: kind == Step::Retry.as_str(),
                opened_at,
                counter_before: self.counter_before,
            }),
            (None, _) | (_, None) => None,
        };
        let amount = rows::amount("execution", id, self.amount_minor, &self.currency)?;
        let waiting = matches!(stored, State::Planned | State::Notified | State::Retrying);
        Ok(Execution {
            id: ExecutionId(id),
            provider: mandate.provider,
            notify: mandate.notify,
            mandate_status: mandate.status,
            paused_at: self.provider_paused_at,
            rail_paused: self.rail_paused,
            budget_from: self.budget_spent_on.and_then(budget_from),
            period_debit_on: self.period_debit_on(mandate),
            spaced_from: self.spaced_from(mandate),
            not_found: match self.not_found_days {
                Some(days) => Some(NotFoundAnswers {
                    days: number(days)?,
                    last_on: self.not_found_on,
                }),
                None => None,
            },
            is_forgotten: self.is_forgotten,
            // `executing` is not stored: it is the open intent.
            state: if waiting && intent.is_some() {
                State::Executing
            } else {
                stored
            },
            cycle: Cycle {
                on: self.cycle_on,
                period: rows::period("execution", id, &self.period)?,
                debit_at: self.debit_at,
                closes_at: self.closes_at,
            },
            amount,
            approval_above: approval_above(mandate.rail, amount, mandate.category.as_deref()),
            progress: Progress {
                order_no: number(self.order_no)?,
                notification_no: number(self.notification_no)?,
                delivered_at: self.delivered_at,
                undelivered_at: self.undelivered_at,
                execute_at: self.execute_at,
                debit_attempts: number(self.debit_attempts)?,
                earlier_attempts: number(self.earlier_attempts)?,
                lookups: number(self.lookups)?,
                step_attempts: number(self.step_attempts)?,
                sent_at: self.sent_at,
                failed_at: self.failed_at,
                not_before: self.not_before,
                lookup_times: [0, 1, 2].map(|nth| self.lookup_times.get(nth).copied()),
            },
            class: match self.class.as_deref() {
                Some(class) => Some(word("execution", id, class, Class::parse)?),
                None => None,
            },
            intent,
        })
    }
}

impl ClaimRow {
    /// The day of the mandate's last debit, if it lies in the period of this cycle.
    fn period_debit_on(&self, mandate: &Mandate) -> Option<NaiveDate> {
        let on = self.last_debit_on(mandate)?;
        let period = mandate.terms.counted_period(self.cycle_on)?;
        period.contains(&on).then_some(on)
    }

    /// When seven days have passed since the mandate's last debit. NACH: WEEK is one debit "every seven days" ("`LotusPay`, Mandate
    /// frequencies").
    fn spaced_from(&self, mandate: &Mandate) -> Option<Timestamp> {
        let is_weekly = mandate.terms.schedule == Schedule::Every(Frequency::Weekly);
        if mandate.rail != Rail::Enach || !is_weekly {
            return None;
        }
        let free_on = self
            .last_debit_on(mandate)?
            .checked_add_days(Days::new(7))?;
        start_of_day(mandate.terms.time_zone, free_on)
    }

    fn last_debit_on(&self, mandate: &Mandate) -> Option<NaiveDate> {
        let at = self.last_debit_at?;
        Some(at.with_timezone(&mandate.terms.time_zone).date_naive())
    }
}

/// When the attempts of a day are older than 30 days, all of them.
fn budget_from(spent_on: NaiveDate) -> Option<Timestamp> {
    let free_on = spent_on.checked_add_days(Days::new(31))?;
    Some(free_on.and_time(NaiveTime::MIN).and_utc())
}
