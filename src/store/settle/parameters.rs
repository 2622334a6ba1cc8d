//! The statement of a settlement and its parameters. Each column is declared once, with its SQL type and its value.

use std::sync::LazyLock;

use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;

use super::{Attempt, FaultRules, Settlement};
use crate::domain::{Amount, Class, Timestamp};
use crate::store::columns::{Columns, arrays, column, columns, names, small};

columns! {
    /// One row for each job.
    Settlements: one in Settlement {
        execution_id bigint = one.execution_id.0,
        lease_token bigint = one.lease_token.0,
        from_state text = one.from_state.as_str(),
        to_state text = one.to_state.as_str(),
        reason text = one.reason.as_str(),
        class text = one.class.map(Class::as_str),
        step text = one.next.map(|next| next.step.as_str()),
        run_at timestamptz = one.next.map(|next| next.run_at),
        run_before timestamptz = one.next.and_then(|next| next.run_before),
        parked boolean = one.next.map(|next| next.parked),
        closes_intent boolean = one.closes_intent,
        order_no smallint = small(one.progress.order_no),
        order_id text = one.order_id.as_str(),
        notification_no smallint = small(one.progress.notification_no),
        notification_ref text = one.notification_ref.as_deref(),
        delivered_at timestamptz = one.progress.delivered_at,
        undelivered_at timestamptz = one.progress.undelivered_at,
        execute_at timestamptz = one.progress.execute_at,
        debit_attempts smallint = small(one.progress.debit_attempts),
        earlier_attempts smallint = small(one.progress.earlier_attempts),
        lookups smallint = small(one.progress.lookups),
        step_attempts smallint = small(one.progress.step_attempts),
        sent_at timestamptz = one.progress.sent_at,
        failed_at timestamptz = one.progress.failed_at,
        not_before timestamptz = one.progress.not_before,
        lookup_time_1 timestamptz = lookup_time(one, 0),
        lookup_time_2 timestamptz = lookup_time(one, 1),
        lookup_time_3 timestamptz = lookup_time(one, 2),
        provider_ref text = one.provider_ref.as_deref(),
        mandate_status text = one.mandate.map(|mandate| mandate.status.as_str()),
        paused_at timestamptz = one.mandate.and_then(|mandate| mandate.paused_at),
        declined_card_attempts integer = one.declined_card_attempts.map(i32::from),
        fault text = one.fault.as_deref(),
        debit_minor bigint = one.debit.as_ref().and_then(|debit| debit.stated).map(Amount::minor),
        debit_order_id text = one.debit.as_ref().map(|debit| debit.order_id.as_str()),
        notification_result_no smallint = one.notification.as_ref().map(|result| small(result.no)),
        notification_result_ref text = one.notification.as_ref().map(|result| result.reference.as_str()),
        notification_result_state text = one.notification.as_ref().map(|result| result.state.as_str()),
        notification_result_message text = one.notification.as_ref().and_then(|result| result.message.as_deref()),
    }
}

columns! {
    /// One row for each call.
    Attempts: one in Attempt {
        execution_id bigint = one.execution_id.0,
        at timestamptz = one.at,
        call text = one.call.as_str(),
        reference text = one.reference.as_str(),
        http_status smallint = one.http_status.map(small),
        latency_ms integer = one.latency_ms,
        outcome text = one.outcome.as_str(),
        class text = one.class.map(Class::as_str),
        code text = one.code.as_deref(),
        message text = one.message.as_deref(),
        rule text = one.rule.as_deref(),
        body text = one.body.as_deref(),
    }
}

/// The nth of the last look-ups, the latest first.
fn lookup_time(one: &Settlement, nth: usize) -> Option<Timestamp> {
    one.progress.lookup_times.get(nth).copied().flatten()
}

/// The number of the first array; below are those that a batch has once.
const FIRST: usize = 6;

static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    let first_of_attempts = FIRST.saturating_add(Settlements::COLUMNS.len());
    let attempts = arrays(Attempts::COLUMNS, first_of_attempts);
    include_str!("../settle.sql")
        .replace("{settlement arrays}", &arrays(Settlements::COLUMNS, FIRST))
        .replace("{settlement names}", &names(Settlements::COLUMNS))
        .replace("{attempt arrays}", &attempts)
        .replace("{attempt names}", &names(Attempts::COLUMNS))
});

/// The statement that settles a batch.
pub fn statement() -> &'static str {
    &STATEMENT
}

/// Its parameters, in their order.
pub fn arguments(
    settlements: &[Settlement],
    attempts: &[Attempt],
    now: Timestamp,
    worker: &str,
    faults: FaultRules,
) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    arguments.add(now)?;
    arguments.add(worker)?;
    arguments.add(faults.limit)?;
    arguments.add(faults.within.as_secs_f64())?;
    arguments.add(faults.pause.as_secs_f64())?;
    Settlements::add(settlements, &mut arguments)?;
    Attempts::add(attempts, &mut arguments)?;
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_statement_names_every_parameter_and_no_other() {
        let second = Duration::from_secs(1);
        let faults = FaultRules {
            limit: 1,
            within: second,
            pause: second,
        };
        let arguments = arguments(&[], &[], Timestamp::UNIX_EPOCH, "worker-1", faults).unwrap();
        let is_named = |number: usize| {
            let name = format!("${number}");
            let mut after = statement().split(&name).skip(1);
            after.any(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
        };
        let named: Vec<usize> = (1..=99).filter(|number| is_named(*number)).collect();
        let bound: Vec<usize> = (1..=arguments.len()).collect();
        assert_eq!(named, bound);
    }
}
