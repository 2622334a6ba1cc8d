//! Case A7: a call against a stop that had been read, on each rail, whoever's attempt found it; and look-ups over their budget.

use crate::support::TestDatabase;

use super::{Damage, each_is_found, each_is_found_in, lived, lived_by_nach};

const RULE: &str = "no call that moves money follows a stop that was read";

/// Mandates that we debit, or whose failed payment we have retried, one of each rail and provider, with codes of theirs.
const STOPS: [(&str, &str, &str); 8] = [
    ("900", "customer_stop", "ZA"),
    ("900", "risk", "K1"),
    ("900", "mandate_dead", "VA"),
    ("901", "account_dead", "YE"),
    ("902", "mandate_paused", "JPMP"),
    ("903", "instrument", "54"),
    ("904", "legal", "62"),
    ("907", "risk", "59"),
];
const NACH_STOPS: [(&str, &str, &str); 3] = [
    ("905", "customer_stop", "12"),
    ("905", "account_dead", "50"),
    ("906", "mandate_dead", "08"),
];

/// The first try of each mandate's first cycle was declined for another reason, and tried again.
#[tokio::test]
async fn a_call_after_a_stop_of_its_own_order_is_found_on_every_rail() {
    for (database, stops) in [
        (lived().await, &STOPS[..]),
        (lived_by_nach().await, &NACH_STOPS),
    ] {
        each_stop_is_found(&database, stops).await;
    }
}

async fn each_stop_is_found(database: &TestDatabase, stops: &[(&str, &str, &str)]) {
    let named = stops.iter().map(|(mandate, class, code)| {
        let sql = format!(
            "update mandated.attempts set class = '{class}', code = '{code}'
              where execution_id = x('{mandate}', 1) and outcome = 'failed'"
        );
        (format!("{mandate} {class} {code}"), sql)
    });
    let named: Vec<_> = named.collect();
    let damages: Vec<Damage<'_>> = named
        .iter()
        .map(|(name, sql)| (name.as_str(), &[RULE][..], sql.as_str()))
        .collect();
    each_is_found_in(database, &damages).await;
}

/// The last answer of a cycle says that the mandate is over, and the next cycle is debited all the same.
#[tokio::test]
async fn a_call_after_a_stop_that_another_cycle_has_read_is_found() {
    let last = |class: &str, mandate: &str| {
        format!(
            "update mandated.attempts set class = '{class}'
              where id = (select max(id) from mandated.attempts where execution_id = x('{mandate}', 2))"
        )
    };
    let dead = last("mandate_dead", "900");
    let closed = last("account_dead", "905");
    let paused = last("mandate_paused", "906");
    let resumed = format!(
        "{paused};
         insert into mandated.events (at, kind, mandate_id, mandate_ref, from_state, to_state, reason)
         select max(at) + interval '1 minute', 'mandate.paused', m('906'), '906', 'active', 'paused', 'it says so' from mandated.attempts
          where execution_id = x('906', 2);
         insert into mandated.events (at, kind, mandate_id, mandate_ref, from_state, to_state, reason)
         select max(at) + interval '1 day', 'mandate.resumed', m('906'), '906', 'paused', 'active', 'by asha' from mandated.attempts
          where execution_id = x('906', 2);
         insert into mandated.operator_requests (at, what, mandate_id, who, reason)
         select at, 'resume', mandate_id, 'asha', 'said so' from mandated.events where kind = 'mandate.resumed'"
    );
    let unknown = format!(
        "{dead};
         update mandated.attempts set code = 'MANDATE_NOT_FOUND' where class = 'mandate_dead'"
    );
    each_is_found(&[
        ("an order that says that the mandate is revoked", &[RULE], &dead),
        ("a presentation that says that the account is closed", &[RULE], &closed),
        ("a payment that says that the mandate is paused", &[RULE], &paused),
        // A person has resumed it before the next call.
        ("a pause that was over", &[], &resumed),
        // It has not ended by that: the account may have asked for another's mandate.
        ("a mandate that is not known", &[], &unknown),
        ("a notification's answer", &[RULE], "
            update mandated.attempts set class = 'mandate_dead' where execution_id = x('903', 2) and call = 'notify'"),
        ("the mandate's own status", &[RULE], "
            insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, message, decision,
                                           lease_token, worker_id)
            select max(at) + interval '1 hour', execution_id, mandate_id, 'mandate_status', '905', 1, 'revoked', 'REVOKED', '-', 1000000,
                   'worker'
              from mandated.attempts where execution_id = x('905', 2) group by execution_id, mandate_id"),
    ])
    .await;
}

#[tokio::test]
async fn calls_over_a_budget_are_found() {
    let lookups = |every: &str| {
        format!(
            "insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token,
                                            worker_id)
             select timestamptz '2027-02-17T12:00+05:30' + n * interval '{every}', id, mandate_id, 'order_status', order_id, 1,
                    'pending', '-', 1000000 + n, 'worker' from x, generate_series(1, 4) n where id = x('902', 2)"
        )
    };
    let often = lookups("20 minutes");
    let seldom = lookups("50 minutes");
    each_is_found(&[
        ("four look-ups in an hour",
         &["an order is looked up no more often, and no sooner after its debit, than the rail allows"], &often),
        ("four look-ups in three hours", &[], &seldom),
        ("a look-up in the first minute",
         &["an order is looked up no more often, and no sooner after its debit, than the rail allows"], "
            insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token,
                                           worker_id)
            select a.at + interval '30 seconds', a.execution_id, a.mandate_id, 'order_status', a.reference, 1, 'pending', '-', 1000000,
                   'worker' from mandated.attempts a where a.execution_id = x('902', 2) and a.call = 'execute'"),
        ("a call outside of its window", &["debits and notifications are tried in their windows only"], "
            update mandated.events set at = at + interval '8 hours' where execution_id = x('905', 2);
            update mandated.attempts set at = at + interval '8 hours' where execution_id = x('905', 2)"),
    ])
    .await;
}
