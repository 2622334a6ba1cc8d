//! The log contract: one line for every state change, always with the same fields. The table is in the README.
//!
//! A field without a value is absent: there is no `outcome`, `code` or `latency_ms` without a call, no `class` without a failure,
//! no `next_step` and `next_at` where nothing follows. What is only on its way (planned, begun) is said at `debug`.

use std::time::Duration;

use chrono::SecondsFormat;
use tracing::{debug, error, info, warn};

use super::Account;
use super::job::FinishedJob;
use super::log_values::millis;
use crate::domain::plan::execution::NewExecution;
use crate::domain::{Class, Rail, State, Step, Timestamp};
use crate::store::claim::Claimed;
use crate::store::settle::{PausedAccount, Settled};
use crate::wording;

/// One line with all the fields of the contract, at a level.
macro_rules! line {
    ($level:ident, $worker:expr, $done:expr, $settled:expr, $message:expr) => {{
        let (done, last) = ($done, $done.attempts.last());
        let settlement = &done.settlement;
        $level!(
            execution.id = done.claimed.execution.id.0,
            mandate.r#ref = done.claimed.mandate.reference,
            cycle = %done.claimed.execution.cycle.on,
            order.id = done.claimed.order_id,
            account = done.account.name,
            rail = done.claimed.mandate.rail.as_str(),
            step = done.claimed.step.as_str(),
            attempt.no = settlement.progress.debit_attempts,
            from = settlement.from_state.as_str(),
            state = $settled.state.as_str(),
            outcome = last.map(|attempt| attempt.outcome.as_str()),
            class = settlement.class.map(Class::as_str),
            code = last.and_then(|attempt| attempt.code.as_deref()),
            decision = $settled.reason,
            next_step = settlement.next.map(|next| next.step.as_str()),
            next_at = settlement.next.map(|next| time(next.run_at)),
            request.id = last.map(|_| done.request_id.as_str()),
            latency_ms = last.map(|attempt| attempt.latency_ms),
            lag_ms = millis(done.lag),
            lease.token = done.claimed.token.0,
            worker.id = $worker,
            $message
        );
    }};
}

/// Says that a cycle was planned, or that it was too late for it. The fields about a job and its call are absent.
pub fn planned(worker: &str, account: Option<&str>, execution: &NewExecution, rail: Rail) {
    macro_rules! line {
        ($level:ident, $message:literal) => {
            $level!(
                execution.id = execution.id.0,
                mandate.r#ref = execution.mandate_ref,
                cycle = %execution.cycle_on,
                order.id = execution.order_id,
                account,
                rail = rail.as_str(),
                state = execution.state.as_str(),
                decision = wording::planned(&execution.reason, execution.zone),
                next_step = execution.step.map(Step::as_str),
                next_at = execution.run_at.map(time),
                worker.id = worker,
                $message
            )
        };
    }
    if execution.state == State::Expired {
        line!(warn, "the cycle closed first");
    } else {
        line!(debug, "planned");
    }
}

/// Says that the intent of a call that moves money is open. Of the call nothing is known yet.
pub fn started(worker: &str, account: &Account, job: &Claimed, now: Timestamp) {
    debug!(
        execution.id = job.execution.id.0,
        mandate.r#ref = job.mandate.reference,
        cycle = %job.execution.cycle.on,
        order.id = job.order_id,
        account = account.name,
        rail = job.mandate.rail.as_str(),
        step = job.step.as_str(),
        attempt.no = job.execution.progress.debit_attempts,
        from = job.stood.as_str(),
        state = job.execution.state.as_str(),
        decision = "the intent is open",
        lag_ms = millis(lag(job, now)),
        lease.token = job.token.0,
        worker.id = worker,
        "begins"
    );
}

/// Says that one reason has parked so many executions that their account was paused for it, and what to do.
pub fn account_paused(worker: &str, account: Option<&str>, paused: &PausedAccount) {
    error!(
        account,
        reason = paused.reason,
        parked = paused.parked,
        since = time(paused.since),
        paused_until = time(paused.until),
        mandates_ended = (!paused.ended.is_empty()).then(|| paused.ended.join(" ")),
        worker.id = worker,
        "one reason has stopped many executions, so the account is paused and its jobs wait: check its base_url, merchant_id and \
         api_key, and what the provider has set up for it; then decide about the executions (`mandated executions list --state review`) \
         and look into each mandate that ended by it"
    );
}

/// Says that a mandate is over, if this job has ended it.
pub fn mandate_ended(worker: &str, done: &FinishedJob) {
    let Some(change) = done.settlement.mandate else {
        return;
    };
    let is_news = done.claimed.execution.mandate_status != change.status;
    if !change.status.is_over() || !is_news {
        return;
    }
    warn!(
        mandate.r#ref = done.claimed.mandate.reference,
        mandate.status = change.status.as_str(),
        execution.id = done.claimed.execution.id.0,
        account = done.account.name,
        rail = done.claimed.mandate.rail.as_str(),
        class = done.settlement.class.map(Class::as_str),
        decision = done.settlement.reason,
        worker.id = worker,
        "the mandate is over: ask the payer for a new one; nothing more is notified or debited"
    );
}

/// How late a job is done.
fn lag(job: &Claimed, now: Timestamp) -> Duration {
    let late = now.signed_duration_since(job.run_at);
    late.to_std().unwrap_or(Duration::ZERO)
}

fn time(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Says what became of a job. A state change is worth a line; the same state again only when somebody looks closely.
pub fn transition(worker: &str, done: &FinishedJob, settled: &Settled) {
    if settled.state == done.settlement.from_state {
        line!(debug, worker, done, settled, "no change");
        return;
    }
    match settled.state {
        State::Review => line!(error, worker, done, settled, "a person must decide"),
        State::Failed => line!(warn, worker, done, settled, "not collected"),
        State::Expired => line!(warn, worker, done, settled, "the cycle closed first"),
        State::Unknown => line!(warn, worker, done, settled, "the outcome is not proven"),
        State::Charged => line!(info, worker, done, settled, "collected"),
        State::Retrying => line!(info, worker, done, settled, "will be tried again"),
        State::Planned
        | State::Notifying
        | State::Notified
        | State::Executing
        | State::Pending
        | State::Skipped => line!(info, worker, done, settled, "moved on"),
    }
}

/// The lease was lost while the provider answered: whoever has the job now reconciles it.
pub fn lease_lost(worker: &str, done: &FinishedJob) {
    let settled = Settled {
        state: done.settlement.from_state,
        reason: "the lease was lost; nothing was written".to_owned(),
    };
    line!(warn, worker, done, settled, "lease lost");
}

/// An earlier try to settle it got no answer, and now it is not ours any more. Nothing proves which of the two it was.
pub fn settled_or_lost(worker: &str, done: &FinishedJob) {
    let settled = Settled {
        state: done.settlement.from_state,
        reason: "an earlier try has settled it and its answer was lost, or the lease was lost and nothing was written".to_owned(),
    };
    line!(info, worker, done, settled, "settled before, or lease lost");
}
