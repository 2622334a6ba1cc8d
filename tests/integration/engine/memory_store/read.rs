//! Reads the rows of Postgres into memory.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use mandated::domain::cycle::Cycle;
use mandated::domain::execution::{Intent, Progress};
use mandated::domain::{
    Amount, Class, Currency, Execution, ExecutionId, MandateStatus, Notify, ProviderKind, State,
    Step, Timestamp,
};
use mandated::store::pool::DatabasePool;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use lab::memory_store::{DebitRow, JobRow, Limits, MemoryStore};

/// All executions with their rows, by their number.
pub(super) async fn read(pool: &DatabasePool) -> BTreeMap<i64, MemoryStore> {
    let rows = sqlx::query(AssertSqlSafe(
        "select e.*, m.provider, m.notify, m.status, m.provider_paused_at, m.max_amount_minor as mandate_max,
                m.rail in (select rail from mandated.rails where paused_until is not null) as rail_paused,
                i.kind, i.opened_at, i.counter_before, j.step, j.run_at, j.run_before, j.parked, j.lease_token is not null as leased,
                d.order_id as debit_order, d.provider_txn, d.amount_minor as debit_minor,
                (select coalesce(array_agg(notification_no order by notification_no), '{}') from mandated.notifications
                  where execution_id = e.id) as notification_nos,
                (select coalesce(array_agg(n.delivered_at order by notification_no), '{}') from mandated.notifications n
                  where execution_id = e.id) as deliveries,
                (select coalesce(array_agg(day order by day), '{}') from mandated.budgets where mandate_id = m.id) as days,
                (select coalesce(array_agg(declined_attempts order by day), '{}') from mandated.budgets where mandate_id = m.id) as day_tries
           from mandated.executions e
           join mandated.mandates m on m.id = e.mandate_id
           left join mandated.intents i on i.execution_id = e.id
           left join mandated.jobs j on j.execution_id = e.id
           left join mandated.debits d on d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on",
    ))
    .fetch_all(pool)
    .await
    .unwrap();
    rows.iter().map(|row| (row.get("id"), store(row))).collect()
}

fn word<T>(row: &PgRow, column: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text: Option<String> = row.get(column);
    text.map(|text| parse(&text).unwrap())
}

fn number(row: &PgRow, column: &str) -> u16 {
    u16::try_from(row.get::<i16, _>(column)).unwrap()
}

fn rupees(minor: i64) -> Amount {
    Amount::new(minor, Currency::INR).unwrap()
}

fn store(row: &PgRow) -> MemoryStore {
    let numbers: Vec<i16> = row.get("notification_nos");
    let deliveries: Vec<Option<Timestamp>> = row.get("deliveries");
    let days: Vec<NaiveDate> = row.get("days");
    let day_tries: Vec<i32> = row.get("day_tries");
    let numbers = numbers.into_iter().map(|no| u16::try_from(no).unwrap());
    let day_tries = day_tries.into_iter().map(|no| u16::try_from(no).unwrap());
    let most: Option<i16> = row.get("max_attempts_in_30_days");
    let in_period: Option<i16> = row.get("max_attempts_in_period");
    let debit_order: Option<String> = row.get("debit_order");
    MemoryStore {
        execution: execution(row),
        limits: Limits {
            max_amount: rupees(row.get("mandate_max")),
            max_attempts: number(row, "max_attempts"),
            max_attempts_in_period: in_period.map(|most| u16::try_from(most).unwrap()),
            max_attempts_in_30_days: most.map(|most| u16::try_from(most).unwrap()),
            next_scheduled_on: None,
        },
        job: word(row, "step", Step::parse).map(|step| JobRow {
            step,
            run_at: row.get("run_at"),
            run_before: row.get("run_before"),
            parked: row.get("parked"),
            is_leased: row.get("leased"),
        }),
        debit: debit_order.map(|order| DebitRow {
            order_no: order.rsplit_once('-').unwrap().1.parse().unwrap(),
            provider_ref: row.get("provider_txn"),
            stated: row.get::<Option<i64>, _>("debit_minor").map(rupees),
        }),
        notifications: numbers.zip(deliveries).collect(),
        budgets: days.into_iter().zip(day_tries).collect(),
        provider_ref: row.get("provider_ref"),
    }
}

fn execution(row: &PgRow) -> Execution {
    let lookup_times: Vec<Timestamp> = row.get("lookup_times");
    let kind: Option<String> = row.get("kind");
    Execution {
        id: ExecutionId(row.get("id")),
        provider: word(row, "provider", ProviderKind::parse).unwrap(),
        notify: word(row, "notify", Notify::parse).unwrap(),
        mandate_status: word(row, "status", MandateStatus::parse).unwrap(),
        paused_at: row.get("provider_paused_at"),
        rail_paused: row.get("rail_paused"),
        budget_from: None,
        period_debit_on: None,
        spaced_from: None,
        not_found: None,
        is_forgotten: row.get("is_forgotten"),
        state: word(row, "state", State::parse).unwrap(),
        cycle: Cycle {
            on: row.get("cycle_on"),
            period: row.get::<String, _>("period").parse().unwrap(),
            debit_at: row.get("debit_at"),
            closes_at: row.get("closes_at"),
        },
        amount: rupees(row.get("amount_minor")),
        approval_above: None,
        progress: Progress {
            order_no: number(row, "order_no"),
            notification_no: number(row, "notification_no"),
            delivered_at: row.get("delivered_at"),
            undelivered_at: row.get("undelivered_at"),
            execute_at: row.get("execute_at"),
            debit_attempts: number(row, "debit_attempts"),
            earlier_attempts: number(row, "earlier_attempts"),
            lookups: number(row, "lookups"),
            step_attempts: number(row, "step_attempts"),
            sent_at: row.get("sent_at"),
            failed_at: row.get("failed_at"),
            not_before: row.get("not_before"),
            lookup_times: [0, 1, 2].map(|nth| lookup_times.get(nth).copied()),
        },
        class: word(row, "class", Class::parse),
        intent: kind.map(|kind| Intent {
            is_retry: kind == "retry",
            opened_at: row.get("opened_at"),
            counter_before: row.get("counter_before"),
        }),
    }
}
