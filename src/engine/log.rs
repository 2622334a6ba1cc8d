//! The log contract: one line for every state change, always with the same fields. The table is in the README.

use chrono::SecondsFormat;
use tracing::{debug, error, info, warn};

use super::Engine;
use super::job::Done;
use super::lane::millis;
use crate::domain::State;
use crate::store::settle::Settled;

/// One line with all the fields of the contract, at a level.
macro_rules! line {
    ($level:ident, $engine:expr, $done:expr, $settled:expr, $message:expr) => {{
        let (done, last) = ($done, $done.attempts.last());
        let settlement = &done.settlement;
        $level!(
            execution.id = done.claimed.execution.id.0,
            mandate.r#ref = done.claimed.mandate.reference,
            cycle = %done.claimed.execution.cycle.on,
            order.id = done.claimed.order_id,
            account = done.account,
            rail = done.claimed.mandate.rail.as_str(),
            step = done.claimed.step.as_str(),
            attempt.no = settlement.debits_tried,
            from = settlement.from_state.as_str(),
            state = $settled.state.as_str(),
            outcome = last.map(|attempt| attempt.outcome),
            class = settlement.class,
            code = last.and_then(|attempt| attempt.code.as_deref()),
            decision = $settled.reason,
            next_step = settlement.step,
            next_at = settlement.run_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true)),
            latency_ms = last.map(|attempt| attempt.latency_ms),
            lag_ms = millis(done.lag),
            lease.token = done.claimed.token.0,
            worker.id = $engine.settings.worker_id.as_str(),
            $message
        );
    }};
}

/// Says what became of a job. A state change is worth a line; the same state again only when somebody looks closely.
pub fn transition(engine: &Engine, done: &Done, settled: &Settled) {
    if settled.state == done.settlement.from_state {
        line!(debug, engine, done, settled, "no change");
        return;
    }
    match settled.state {
        State::Review => line!(error, engine, done, settled, "a person must decide"),
        State::Failed => line!(warn, engine, done, settled, "not collected"),
        State::Expired => line!(warn, engine, done, settled, "the cycle closed first"),
        State::Unknown => line!(warn, engine, done, settled, "the outcome is not proven"),
        State::Charged => line!(info, engine, done, settled, "collected"),
        State::Retrying => line!(info, engine, done, settled, "will be tried again"),
        State::Planned
        | State::Notifying
        | State::Notified
        | State::Executing
        | State::Pending
        | State::Skipped => line!(info, engine, done, settled, "moved on"),
    }
}

/// The lease was lost while the provider answered: whoever has the job now reconciles it.
pub fn lease_lost(engine: &Engine, done: &Done) {
    let settled = Settled {
        state: done.settlement.from_state,
        reason: "the lease was lost; nothing was written".to_owned(),
    };
    line!(warn, engine, done, settled, "lease lost");
}
