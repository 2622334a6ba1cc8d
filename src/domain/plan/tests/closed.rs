//! Starts that were missed, and cycles that can no longer be collected.

use super::*;
use crate::domain::plan::reason::WhyClosed;

#[test]
fn a_missed_start_is_made_up_for_while_the_cycle_is_open() {
    let monthly = cycle(Frequency::Monthly, "2026-01-31", "09:00");
    let weekly = cycle(Frequency::Weekly, "2026-01-31", "09:00");
    let daily = cycle(Frequency::Daily, "2026-01-31", "09:00");
    let evening = cycle(Frequency::Daily, "2026-01-31", "17:00");
    let (separate, provider, none) = (Notify::Separate, Notify::Provider, Notify::None);
    let cases = [
        (&monthly, separate, "2026-01-01 00:00"),
        (&monthly, separate, "2026-01-30 07:00"),
        (&monthly, separate, "2026-01-30 07:01"),
        (&monthly, provider, "2026-01-30 10:00"),
        (&monthly, separate, "2026-02-14 12:00"),
        (&weekly, separate, "2026-02-05 22:30"),
        (&weekly, separate, "2026-02-05 22:59"),
        (&weekly, separate, "2026-02-05 23:00"),
        (&weekly, provider, "2026-02-06 12:00"),
        (&weekly, separate, "2026-02-07 00:00"),
        (&daily, separate, "2026-01-30 16:58"),
        (&daily, separate, "2026-01-30 17:00"),
        (&daily, none, "2026-01-31 09:58"),
        (&daily, none, "2026-01-31 10:00"),
        (&daily, none, "2026-01-31 17:00"),
        (&daily, none, "2026-01-31 23:59"),
        (&daily, none, "2026-02-01 00:00"),
        (&evening, none, "2026-01-30 00:00"),
    ];
    let mut table = String::new();
    for (cycle, notify, now) in cases {
        let closes = show(cycle.closes_at);
        let said = say(cycle, ProviderKind::Juspay, notify, &upi(), now);
        writeln!(table, "{notify:<8} at {now}, closes {closes}: {said}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_cycle_without_a_debit_window_is_not_planned() {
    let policy = policy(&["09:00-17:00"], &[]);
    let evening = cycle(Frequency::Daily, "2026-01-31", "18:00");
    for notify in [Notify::Separate, Notify::Provider, Notify::None] {
        assert_eq!(
            timetable(&evening, ProviderKind::Juspay, notify, &policy, 7),
            None
        );
    }
    let closed = Closed {
        closes_at: ist("2026-02-01 00:00"),
        why: WhyClosed::NextNotice {
            notice: ist("2026-01-30 06:00"),
            debit: ist("2026-02-01 09:00"),
        },
    };
    let (juspay, separate, now) = (ProviderKind::Juspay, Notify::Separate, "2026-01-30 06:00");
    assert_eq!(
        start(&evening, juspay, separate, &policy, 7, ist(now)),
        Start::Closed(closed)
    );
}

#[test]
fn a_notification_that_would_be_too_old_gives_up_its_lead_or_moves_the_debit() {
    let morning = cycle(Frequency::Monthly, "2026-01-31", "09:00");
    let plan = |policy: &Policy| {
        timetable(&morning, ProviderKind::Juspay, Notify::Separate, policy, 7)
            .map(|plan| format!("{} {}", show(plan.start_at), show(plan.debit.opens)))
    };
    // Two hours before 09:00 is before the first of these; the day before would be more than 48 hours before.
    let late = policy(&[], &["07:30-07:50", "08:20-08:30"]);
    assert_eq!(plan(&late).unwrap(), "2026-01-30 07:30 2026-01-31 09:00");
    // The only window is half an hour too late for 09:00: the debit follows it.
    let single = policy(&[], &["08:30-08:50"]);
    assert_eq!(plan(&single).unwrap(), "2026-01-30 08:30 2026-01-31 09:30");
    // With one narrow window for each, a debit is never 25 to 48 hours after a notification.
    let never = policy(&["09:20-09:29"], &["08:30-08:50"]);
    assert_eq!(plan(&never), None);
    let closed = Closed {
        closes_at: ist("2026-02-28 00:00"),
        why: WhyClosed::NoPair {
            shortest: Duration::from_hours(25),
            longest: Duration::from_hours(48),
        },
    };
    let (juspay, separate, now) = (ProviderKind::Juspay, Notify::Separate, "2026-01-30 06:00");
    assert_eq!(
        start(&morning, juspay, separate, &never, 7, ist(now)),
        Start::Closed(closed)
    );
    let contradiction = Policy {
        notification_validity: Duration::from_hours(24),
        ..upi()
    };
    assert_eq!(plan(&contradiction), None);
}
