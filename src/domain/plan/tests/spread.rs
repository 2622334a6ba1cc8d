//! What falls on one moment is spread, inside its window and its cycle.

use super::*;

#[test]
fn calls_of_one_moment_are_spread_inside_their_windows() {
    let policy = Policy {
        jitter: Duration::from_mins(15),
        ..upi()
    };
    let noon = cycle(Frequency::Monthly, "2026-01-31", "12:00");
    let late = cycle(Frequency::Daily, "2026-01-31", "23:50");
    let plans = |cycle: &Cycle, notify| -> Vec<Timetable> {
        (0..500)
            .map(|seed| timetable(cycle, ProviderKind::Juspay, notify, &policy, seed).unwrap())
            .collect()
    };
    let mut debits: Vec<Timestamp> = plans(&noon, Notify::Separate)
        .iter()
        .map(|plan| plan.debit.opens)
        .collect();
    debits.sort_unstable();
    debits.dedup();
    assert!(debits.len() > 490);
    assert!(
        debits
            .iter()
            .all(|at| (ist("2026-01-31 13:01")..ist("2026-01-31 13:16")).contains(at))
    );
    // Their notifications would fall between two windows and are spread at the end of the first.
    let mut notices: Vec<Timestamp> = plans(&noon, Notify::Separate)
        .iter()
        .map(|plan| plan.start_at)
        .collect();
    notices.sort_unstable();
    notices.dedup();
    assert!(notices.len() > 490);
    assert!(
        notices
            .iter()
            .all(|at| (ist("2026-01-30 09:39")..=ist("2026-01-30 09:54")).contains(at))
    );
    // Never past the end of the cycle.
    assert!(
        plans(&late, Notify::None)
            .iter()
            .all(|plan| plan.debit.opens < ist("2026-01-31 23:55"))
    );
}

#[test]
fn debits_that_wait_for_the_same_window_are_spread_too() {
    let policy = Policy {
        jitter: Duration::from_mins(15),
        ..upi()
    };
    let cycle = cycle(Frequency::Daily, "2026-01-31", "09:00");
    let debit = |seed| {
        debit_after_notice(
            &cycle,
            &policy,
            seed,
            ist("2026-01-30 09:30"),
            ist("2026-01-30 09:30"),
        )
        .unwrap()
        .opens
    };
    let mut debits: Vec<Timestamp> = (0..500).map(debit).collect();
    debits.sort_unstable();
    debits.dedup();
    assert!(debits.len() > 490);
    assert!(
        debits
            .iter()
            .all(|at| (ist("2026-01-31 13:01")..ist("2026-01-31 13:16")).contains(at))
    );
}

#[test]
fn a_notification_has_room_before_the_end_of_its_window() {
    let start = |notify| {
        let cycle = cycle(Frequency::Monthly, "2026-01-31", "09:00");
        let plan = timetable(
            &cycle,
            ProviderKind::Juspay,
            Notify::Separate,
            &policy(&[], &[notify]),
            7,
        );
        show(plan.unwrap().start_at)
    };
    // 07:00 is the first instant after the window.
    assert_eq!(start("05:00-07:00"), "2026-01-30 06:55");
    assert_eq!(start("05:00-07:01"), "2026-01-30 07:00");
    assert_eq!(start("06:52-06:56"), "2026-01-30 06:54");
}
