//! G4 and G9 as far as they need more than SQL: calls in their windows, look-ups within their budget, answers without anything
//! personal in them. The calls are read a page at a time, so memory stays flat.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::limits::Limits;
use super::{Rules, answers, detector};
use crate::domain::Timestamp;
use crate::ops::OpsError;
use crate::ops::error::step;
use crate::store;
use crate::store::audit::{Call, CallCursor, Finding, Range};

const WINDOWS: (&str, &str) = (
    "G4",
    "debits and notifications are tried in their windows only",
);
const LOOKUPS: (&str, &str) = (
    "G4",
    "an order is looked up no more often, and no sooner after its debit, than the rail allows",
);
const PERSONAL: (&str, &str) = ("G9", "nothing personal is in a kept answer");

/// How many calls are read at once.
const PAGE: i64 = 2_000;
/// Our times are those of the writing down, a little after the calls.
const TOLERANCE: TimeDelta = TimeDelta::minutes(1);
/// From the answer to its writing down, as a rule.
const SETTLING: TimeDelta = TimeDelta::seconds(10);
/// How many look-ups of an order fit into the policy's window.
const LOOKUPS_IN_WINDOW: usize = 3;

/// The policies that executions were planned under.
pub(super) struct Calls {
    policies: BTreeMap<i64, Limits>,
}

/// What is true if the call was made when its answer says, but the claim may tell better.
struct Suspicion {
    rule: (&'static str, &'static str),
    finding: Finding,
    execution_id: i64,
    at: Timestamp,
    /// What the claim's time must be held against.
    if_begun: Begun,
}

enum Begun {
    /// Not a finding if the claim was inside of the windows.
    Outside(i64),
    /// Not a finding if the debit was claimed longer before the look-up than that.
    Within(TimeDelta, Timestamp),
    /// A finding whenever it was.
    Any,
}

impl Calls {
    pub(super) async fn read(conn: &mut PgConnection, rules: &mut Rules) -> Result<Self, OpsError> {
        for (guarantee, rule) in [WINDOWS, LOOKUPS, PERSONAL]
            .into_iter()
            .chain(answers::RULES)
        {
            rules.of(guarantee, rule);
        }
        let mut policies = BTreeMap::new();
        for stored in store::audit::policies(conn)
            .await
            .map_err(step("read the policies"))?
        {
            match Limits::read(stored.body) {
                Ok(limits) => {
                    policies.insert(stored.id, limits);
                }
                Err(error) => rules.of(WINDOWS.0, WINDOWS.1).add(Finding {
                    execution_id: None,
                    mandate_id: None,
                    detail: format!("policy {} cannot be read: {error}", stored.id),
                    total: 1,
                }),
            }
        }
        Ok(Self { policies })
    }

    /// Holds the calls of a range against the rules.
    pub(super) async fn range(
        &self,
        conn: &mut PgConnection,
        range: Range,
        rules: &mut Rules,
    ) -> Result<(), OpsError> {
        let mut suspicions = Vec::new();
        let mut order = OrderLookups::default();
        let mut cursor = CallCursor {
            execution_id: range.after,
            attempt_id: i64::MAX,
        };
        loop {
            let calls = store::audit::calls(conn, range, cursor, PAGE)
                .await
                .map_err(step("read the calls"))?;
            let Some(last) = calls.last() else { break };
            cursor = CallCursor {
                execution_id: last.execution_id,
                attempt_id: last.attempt_id,
            };
            for call in &calls {
                if let Some(detail) = personal(call) {
                    let finding = finding(call, detail);
                    rules.of(PERSONAL.0, PERSONAL.1).add(finding);
                }
                for (rule, detail) in answers::examine(call) {
                    rules.of(rule.0, rule.1).add(finding(call, detail));
                }
                if let Some(policy) = self.policies.get(&call.policy_id) {
                    suspicions.extend(outside(call, policy));
                    suspicions.extend(order.record_lookup(call, policy));
                }
            }
        }
        for suspicion in suspicions {
            if self.is_confirmed(conn, &suspicion).await? {
                rules
                    .of(suspicion.rule.0, suspicion.rule.1)
                    .add(suspicion.finding);
            }
        }
        Ok(())
    }

    /// An answer may have been written down late, when the database was away; the claim before it was not.
    async fn is_confirmed(
        &self,
        conn: &mut PgConnection,
        suspicion: &Suspicion,
    ) -> Result<bool, OpsError> {
        if matches!(suspicion.if_begun, Begun::Any) {
            return Ok(true);
        }
        let begun = store::audit::call_began_at(conn, suspicion.execution_id, suspicion.at)
            .await
            .map_err(step("read when a call was begun"))?;
        let Some(begun) = begun else { return Ok(true) };
        Ok(match suspicion.if_begun {
            Begun::Any => true,
            Begun::Outside(policy) => {
                let policy = self.policies.get(&policy);
                policy.is_none_or(|policy| !policy.debit_hours.contain(begun))
            }
            Begun::Within(least, looked_up_at) => begun
                .checked_add_signed(least)
                .is_some_and(|allowed| looked_up_at < allowed),
        })
    }
}

fn finding(call: &Call, detail: String) -> Finding {
    Finding {
        execution_id: Some(call.execution_id),
        mandate_id: Some(call.mandate_id),
        detail,
        total: 1,
    }
}

/// Debits and notifications lie in the windows of the policy that their execution was planned under. Where the provider notifies,
/// the first call may be made at any time: it hands over when to debit.
fn outside(call: &Call, policy: &Limits) -> Option<Suspicion> {
    let (hours, if_begun) = match call.call.as_str() {
        "notify" => (&policy.notify_hours, Begun::Any),
        "execute" if call.notify == "provider" => return None,
        "execute" | "retry" => (&policy.debit_hours, Begun::Outside(call.policy_id)),
        _ => return None,
    };
    if hours.contain(call.at) {
        return None;
    }
    let local = hours.shown(call.at);
    let detail = format!(
        "{} of {} at {local}, outside of the windows of {}",
        call.call, call.reference, policy.rail
    );
    Some(Suspicion {
        rule: WINDOWS,
        finding: finding(call, detail),
        execution_id: call.execution_id,
        at: call.at,
        if_begun,
    })
}

/// The look-ups and debits of the execution that the reading has come to.
#[derive(Default)]
struct OrderLookups {
    execution_id: i64,
    lookups: Vec<(String, Timestamp)>,
    debits: Vec<(String, Timestamp)>,
}

impl OrderLookups {
    fn record_lookup(&mut self, call: &Call, policy: &Limits) -> Vec<Suspicion> {
        if self.execution_id != call.execution_id {
            *self = Self {
                execution_id: call.execution_id,
                ..Self::default()
            };
        }
        let reached = !matches!(call.outcome.as_str(), "not_sent" | "throttled");
        let (Some(window), true) = (policy.lookup_window, reached) else {
            return Vec::new();
        };
        let at = call.at;
        match call.call.as_str() {
            "execute" | "retry" => {
                self.debits.push((call.reference.clone(), call.at));
                Vec::new()
            }
            "order_status" => {
                self.lookups.push((call.reference.clone(), at));
                [
                    self.too_often(call, window, at),
                    self.too_soon(call, policy, at),
                ]
                .into_iter()
                .flatten()
                .collect()
            }
            _ => Vec::new(),
        }
    }

    /// A fourth one within the window.
    fn too_often(&self, call: &Call, window: TimeDelta, at: Timestamp) -> Option<Suspicion> {
        let mut of_order = self
            .lookups
            .iter()
            .rev()
            .filter(|(order, _)| *order == call.reference);
        let (_, earlier) = of_order.nth(LOOKUPS_IN_WINDOW)?;
        let free = earlier.checked_add_signed(window)?;
        let late = free.checked_sub_signed(TOLERANCE)?;
        (at < late).then(|| Suspicion {
            rule: LOOKUPS,
            finding: finding(
                call,
                format!(
                    "order {} was looked up at {at} for the fourth time since {earlier}",
                    call.reference
                ),
            ),
            execution_id: call.execution_id,
            at: call.at,
            if_begun: Begun::Any,
        })
    }

    /// One before the provider and the bank can know.
    fn too_soon(&self, call: &Call, policy: &Limits, at: Timestamp) -> Option<Suspicion> {
        let least = policy.first_lookup?;
        let (_, debited) = self
            .debits
            .iter()
            .rev()
            .find(|(order, _)| *order == call.reference)?;
        let settled = at.checked_add_signed(SETTLING).unwrap_or(at);
        // One that is older than the debit is by a clock that is behind, which looked before it.
        let allowed = debited.checked_add_signed(least)?;
        (at >= *debited && settled < allowed).then(|| Suspicion {
            rule: LOOKUPS,
            finding: finding(
                call,
                format!(
                    "order {} was looked up at {at}, debited at {debited}",
                    call.reference
                ),
            ),
            execution_id: call.execution_id,
            at: *debited,
            if_begun: Begun::Within(least, settled),
        })
    }
}

/// Judged by a detector that shares nothing with the redaction: what one does not see, the other may.
fn personal(call: &Call) -> Option<String> {
    let in_message = call.message.as_deref().and_then(detector::in_text);
    let in_body = call.body.as_deref().and_then(detector::in_answer);
    let (part, what) = in_message
        .map(|what| ("message", what))
        .or_else(|| in_body.map(|what| ("body", what)))?;
    Some(format!(
        "the {part} of the answer to {} of {} at {} has {what} in it",
        call.call, call.reference, call.at
    ))
}
