//! Rows with default values, for tests that care about one column.

use mandated::store::pool::DatabasePool;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgQueryResult;

/// One row to insert; every value is an SQL expression.
#[derive(Clone)]
pub(crate) struct Row {
    table: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Row {
    fn new(table: &'static str, values: &[(&'static str, &str)]) -> Self {
        let values = values
            .iter()
            .map(|(column, value)| (*column, (*value).to_owned()))
            .collect();
        Self { table, values }
    }

    /// Replaces the value of a column, or adds it.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that a test can write 0 as well as a text"
    )]
    pub(crate) fn with(mut self, column: &'static str, value: impl ToString) -> Self {
        self.values.retain(|(other, _)| *other != column);
        self.values.push((column, value.to_string()));
        self
    }

    pub(crate) async fn insert(&self, pool: &DatabasePool) -> sqlx::Result<PgQueryResult> {
        let columns: Vec<&str> = self.values.iter().map(|(column, _)| *column).collect();
        let values: Vec<&str> = self
            .values
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        let insert = format!(
            "insert into mandated.{} ({}) values ({})",
            self.table,
            columns.join(", "),
            values.join(", ")
        );
        sqlx::query(AssertSqlSafe(insert)).execute(pool).await
    }
}

/// A Juspay account with the number 1, as the first one of a database is.
pub(crate) fn account() -> Row {
    Row::new(
        "accounts",
        &[("name", "'juspay_main'"), ("provider", "'juspay'")],
    )
}

/// A monthly UPI mandate of account 1: 499.00 of at most 5,000.00 rupees, notified by us.
pub(crate) fn mandate() -> Row {
    Row::new(
        "mandates",
        &[
            ("ref", "'sub-1'"),
            ("account_id", "1"),
            ("provider", "'juspay'"),
            ("provider_mandate_id", "'provider-1'"),
            ("customer_id", "'customer-1'"),
            ("rail", "'upi'"),
            ("notify", "'separate'"),
            ("amount_minor", "49900"),
            ("max_amount_minor", "500000"),
            ("currency", "'INR'"),
            ("frequency", "'monthly'"),
            ("time_zone", "'Asia/Kolkata'"),
            ("starts_on", "'2026-01-31'"),
            ("debit_at", "'06:00'"),
            ("cycles_over", "true"),
            ("created_at", "'2026-01-01Z'"),
            ("updated_at", "'2026-01-01Z'"),
        ],
    )
}

/// The policy with the number 1, as the first one of a database is.
pub(crate) fn policy() -> Row {
    Row::new("policies", &[("digest", "'digest-1'"), ("body", "'{}'")])
}

/// The cycle of 31 January 2026 of mandate 1, planned.
pub(crate) fn execution() -> Row {
    Row::new(
        "executions",
        &[
            ("id", "1"),
            ("mandate_id", "1"),
            ("account_id", "1"),
            ("policy_id", "1"),
            ("cycle_on", "'2026-01-31'"),
            ("period", "'2026-01'"),
            ("debit_at", "'2026-01-31T00:30Z'"),
            ("closes_at", "'2026-02-27T18:30Z'"),
            ("amount_minor", "49900"),
            ("max_amount_minor", "500000"),
            ("currency", "'INR'"),
            ("state", "'planned'"),
            ("reason", "'due'"),
            ("order_id", "'order-1'"),
            ("max_attempts", "4"),
            ("planned_at", "'2026-01-29Z'"),
            ("updated_at", "'2026-01-29Z'"),
        ],
    )
}

/// The first notification of execution 1, requested.
pub(crate) fn notification() -> Row {
    Row::new(
        "notifications",
        &[
            ("execution_id", "1"),
            ("notification_no", "1"),
            ("mandate_id", "1"),
            ("reference", "'reference-1'"),
            ("state", "'requested'"),
            ("amount_minor", "49900"),
            ("requested_at", "'2026-01-29Z'"),
        ],
    )
}

/// The job of execution 1: due, not leased.
pub(crate) fn job() -> Row {
    Row::new(
        "jobs",
        &[
            ("execution_id", "1"),
            ("account_id", "1"),
            ("mandate_id", "1"),
            ("step", "'execute'"),
            ("run_at", "'2026-01-31T00:30Z'"),
        ],
    )
}

/// The intent to debit execution 1, which was notified 25 hours before.
pub(crate) fn intent() -> Row {
    Row::new(
        "intents",
        &[
            ("execution_id", "1"),
            ("mandate_id", "1"),
            ("cycle_on", "'2026-01-31'"),
            ("kind", "'execute'"),
            ("order_id", "'order-1'"),
            ("amount_minor", "49900"),
            ("max_amount_minor", "500000"),
            ("notice", "'notified'"),
            ("notified_amount_minor", "49900"),
            ("delivered_at", "'2026-01-29T23:30Z'"),
            ("debit_at", "'2026-01-31T00:30Z'"),
            ("opened_at", "'2026-01-31T00:30Z'"),
            ("opened_by", "1"),
        ],
    )
}

/// The proof that the cycle of execution 1 was collected.
pub(crate) fn debit() -> Row {
    Row::new(
        "debits",
        &[
            ("mandate_id", "1"),
            ("cycle_on", "'2026-01-31'"),
            ("execution_id", "1"),
            ("order_id", "'order-1'"),
            ("amount_minor", "49900"),
            ("currency", "'INR'"),
            ("proven_at", "'2026-01-31T00:31Z'"),
        ],
    )
}

/// One declined try of mandate 1 on a day.
pub(crate) fn budget() -> Row {
    Row::new(
        "budgets",
        &[
            ("mandate_id", "1"),
            ("day", "'2026-01-31'"),
            ("declined_attempts", "1"),
        ],
    )
}

/// An execution of account 1 that was parked.
pub(crate) fn account_fault() -> Row {
    Row::new(
        "account_faults",
        &[
            ("account_id", "1"),
            ("reason", "'payee_side RESOURCE_NOT_FOUND'"),
            ("first_at", "'2026-01-31T00:30Z'"),
            ("last_at", "'2026-01-31T00:30Z'"),
            ("parked", "1"),
        ],
    )
}

/// One call for execution 1, in January 2026.
pub(crate) fn attempt() -> Row {
    Row::new(
        "attempts",
        &[
            ("at", "'2026-01-31T00:30Z'"),
            ("execution_id", "1"),
            ("mandate_id", "1"),
            ("call", "'execute'"),
            ("reference", "'order-1'"),
            ("latency_ms", "80"),
            ("outcome", "'charged'"),
            ("decision", "'charged'"),
            ("lease_token", "1"),
            ("worker_id", "'worker-1'"),
        ],
    )
}

/// What an operator did to account 1.
pub(crate) fn operator_request() -> Row {
    Row::new(
        "operator_requests",
        &[
            ("at", "'2026-02-03T06:00Z'"),
            ("account_id", "1"),
            ("what", "'pause'"),
            ("until", "'2026-02-03T08:00Z'"),
            ("who", "'asha'"),
            ("reason", "'an outage'"),
        ],
    )
}

/// What an operator said of execution 1.
pub(crate) fn resolution() -> Row {
    Row::new(
        "resolutions",
        &[
            ("at", "'2026-02-03T06:00Z'"),
            ("execution_id", "1"),
            ("mandate_id", "1"),
            ("order_id", "'order-1'"),
            ("from_state", "'unknown'"),
            ("to_state", "'failed'"),
            ("resolved_as", "'failed'"),
            ("who", "'asha'"),
            ("reason", "'the bank has no such debit'"),
            ("evidence", "'the settlement report of 2 February'"),
        ],
    )
}

/// The open recovery of account 1.
pub(crate) fn recovery() -> Row {
    Row::new(
        "recoveries",
        &[
            ("account_id", "1"),
            ("since", "'2026-02-03T06:00Z'"),
            ("started_at", "'2026-02-03T08:00Z'"),
            ("seen_at", "'2026-02-03T08:00Z'"),
            ("who", "'asha'"),
            ("reason", "'the dump of monday'"),
        ],
    )
}

/// What came of execution 1 in recovery 1.
pub(crate) fn recovered_execution() -> Row {
    Row::new(
        "recovered_executions",
        &[
            ("recovery_id", "1"),
            ("execution_id", "1"),
            ("at", "'2026-02-03T08:01Z'"),
            ("result", "'not_found'"),
        ],
    )
}

/// Mandate 1, compared in recovery 1 without a finding.
pub(crate) fn compared_mandate() -> Row {
    Row::new(
        "compared_mandates",
        &[
            ("recovery_id", "1"),
            ("mandate_id", "1"),
            ("at", "'2026-02-03T08:02Z'"),
            ("unowned", "'[]'"),
        ],
    )
}
