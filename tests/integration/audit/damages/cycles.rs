//! Cases B1 to B3: a cycle that nobody sees, of whatever mandate.

use super::{Damage, each_is_found};

const LEFT_OUT: &str = "no cycle is left out";
const WHEN_DUE: &str = "cycles are planned when they are due";

/// Takes a cycle out, with all that would show it.
fn without(mandate: &str, nth: i32) -> String {
    format!(
        "delete from mandated.debits where execution_id = x('{mandate}', {nth});
         delete from mandated.jobs where execution_id = x('{mandate}', {nth});
         delete from mandated.executions where id = x('{mandate}', {nth})"
    )
}

/// A pause that is on record.
fn paused(mandate: &str) -> String {
    format!(
        "update mandated.mandates set status = 'paused' where ref = '{mandate}';
         insert into mandated.events (at, kind, mandate_id, mandate_ref, from_state, to_state, reason)
         values ('2027-02-17Z', 'mandate.paused', m('{mandate}'), '{mandate}', 'active', 'paused', 'by asha: holiday')"
    )
}

#[tokio::test]
async fn a_missing_cycle_of_any_mandate_is_found() {
    let each =
        ["900", "901", "902", "903", "904", "905", "906", "907"].map(|ref_| without(ref_, 2));
    let mut damages: Vec<Damage<'_>> = each
        .iter()
        .map(|sql| ("an active mandate", &[LEFT_OUT][..], sql.as_str()))
        .collect();
    let locally = format!("{}; {}", paused("900"), without("900", 3));
    let watched = format!("{}; {}", paused("907"), without("907", 3));
    let orphaned = format!(
        "update mandated.accounts set name = name || '_old'; {}",
        without("905", 3)
    );
    let from_the_start = (1..=4)
        .map(|_| without("902", 1))
        .collect::<Vec<_>>()
        .join(";");
    let over = "update mandated.mandates set ends_on = '2027-03-09', next_cycle_on = null, next_plan_at = null, cycles_over = true
                 where ref = '902'";
    damages.extend([
        ("a paused mandate", &[LEFT_OUT][..], locally.as_str()),
        (
            "a watched mandate that is paused",
            &[LEFT_OUT],
            watched.as_str(),
        ),
        (
            "a mandate whose account is not configured",
            &[LEFT_OUT],
            orphaned.as_str(),
        ),
        (
            "all cycles of a mandate",
            &[LEFT_OUT],
            from_the_start.as_str(),
        ),
        (
            "a mandate whose cycles are said to be over",
            &[LEFT_OUT],
            over,
        ),
        (
            "a cursor that went too far",
            &[LEFT_OUT],
            "
            update mandated.mandates set next_cycle_on = next_cycle_on + 14 where ref = '902'",
        ),
    ]);
    each_is_found(&damages).await;
}

#[tokio::test]
async fn a_cycle_that_waits_for_ever_is_found() {
    let later = format!(
        "update mandated.mandates set next_cycle_on = (select cycle_on from x where id = x('902', 3)), next_plan_at = '2099-01-01Z'
          where ref = '902';
         {};
         {}",
        without("902", 3),
        without("902", 3)
    );
    let cursorless = "
        alter table mandated.mandates drop constraint mandates_is_planned_check;
        update mandated.mandates set next_cycle_on = null, next_plan_at = null where ref = '902'";
    each_is_found(&[
        ("a plan for another century", &[WHEN_DUE], &later),
        ("a plan that nobody made", &[WHEN_DUE], "
            update mandated.mandates set next_plan_at = '2027-02-22T06:00Z' where ref = '902'"),
        ("a mandate that lost its cursor", &["an active mandate without an end has a next cycle"], cursorless),
        ("a cycle that never expired", &["a cycle that is over has ended"], "
            update mandated.executions set debit_at = '2027-02-17Z', closes_at = '2027-02-18Z' where id = x('900', 4)"),
        ("a cycle without a job", &["an execution that is not finished has a job"], "
            delete from mandated.jobs where execution_id = x('900', 4)"),
        ("a debit whose cycle is gone", &["a debit of the last 60 days has its execution"], "
            delete from mandated.executions where id = x('902', 2)"),
    ])
    .await;
}
