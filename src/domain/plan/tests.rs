mod closed;
mod spread;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::*;
use crate::domain::Rail;
use crate::domain::cycle::CycleCloses;
use crate::domain::schedule::{Frequency, Schedule};
use crate::domain::window::{Windows, WindowsText};

fn windows(ranges: &[&str]) -> Windows {
    let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
    WindowsText {
        time_zone: "Asia/Kolkata".to_owned(),
        ranges,
    }
    .try_into()
    .unwrap()
}

pub(super) fn policy(debit: &[&str], notify: &[&str]) -> Policy {
    Policy {
        rail: Rail::Upi,
        cycle_closes: CycleCloses::NextCycle,
        debit_windows: windows(debit),
        notify_windows: windows(notify),
        jitter: Duration::ZERO,
        notify_lead: Duration::from_hours(1),
        notify_to_debit: Duration::from_hours(25),
        notification_validity: Duration::from_hours(48),
        notification_attempts: 3,
        max_attempts: 4,
        min_gap: Duration::from_hours(1),
        min_gap_after_failure: Duration::ZERO,
        max_orders: 1,
        provider_retry_horizon: Duration::from_hours(10),
        processing_time: Duration::from_mins(5),
        lookup_after: vec![Duration::from_mins(30)],
        lookup_every: Duration::from_hours(6),
        lookup_window: Duration::from_hours(2),
        review_after: Duration::from_hours(72),
        recheck_after: Duration::from_hours(24),
        retry: BTreeMap::new(),
        max_attempts_in_period: None,
        max_attempts_in_30_days: None,
        max_lateness: None,
        paused_check_every: Duration::from_hours(24),
    }
}

fn upi() -> Policy {
    let ranges = &["13:01-16:59", "21:31-09:59"];
    policy(ranges, ranges)
}

fn terms(frequency: Frequency, starts_on: &str, debit_at: &str) -> Terms {
    Terms {
        schedule: Schedule::Every(frequency),
        starts_on: starts_on.parse().unwrap(),
        ends_on: None,
        time_zone: chrono_tz::Asia::Kolkata,
        debit_at: format!("{debit_at}:00").parse().unwrap(),
    }
}

fn cycle(frequency: Frequency, on: &str, debit_at: &str) -> Cycle {
    terms(frequency, on, debit_at)
        .cycle_from(on.parse().unwrap(), CycleCloses::NextCycle)
        .unwrap()
}

/// An instant in India, written as the local time.
fn ist(text: &str) -> Timestamp {
    format!("{text}:00+05:30")
        .replace(' ', "T")
        .parse()
        .unwrap()
}

fn show(at: Timestamp) -> String {
    at.with_timezone(&chrono_tz::Asia::Kolkata)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

/// What `start` says, in one line.
fn say(
    cycle: &Cycle,
    provider: ProviderKind,
    notify: Notify,
    policy: &Policy,
    now: &str,
) -> String {
    match start(cycle, provider, notify, policy, 7, ist(now)) {
        Start::At(step, span) => {
            format!(
                "{step} {} until {}",
                show(span.opens),
                span.closes.map_or("-".to_owned(), show)
            )
        }
        Start::Closed(why) => format!("{why:?}"),
    }
}

#[test]
fn a_year_of_a_monthly_upi_mandate_on_the_31st() {
    let policy = Policy {
        jitter: Duration::from_mins(15),
        ..upi()
    };
    let mut table = String::from(
        "cycle       notify            debit             window ends       last safe start   closes\n",
    );
    for (debit_at, seed) in [("10:30", 1), ("06:00", 2)] {
        writeln!(table, "debit_at {debit_at}, seed {seed}").unwrap();
        let terms = terms(Frequency::Monthly, "2026-01-31", debit_at);
        let (juspay, separate) = (ProviderKind::Juspay, Notify::Separate);
        for (cycle, plan) in coming(&terms, juspay, separate, &policy, seed, terms.starts_on, 12) {
            let plan = plan.unwrap();
            let times = [
                plan.notify_at.unwrap(),
                plan.debit.opens,
                plan.debit.closes.unwrap(),
                plan.last_safe_start,
                cycle.closes_at,
            ];
            writeln!(table, "{}  {}", cycle.on, times.map(show).join("  ")).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_notification_is_25_hours_and_the_lead_before_the_debit() {
    let cycle = cycle(Frequency::Monthly, "2026-01-31", "09:00");
    let plan = timetable(&cycle, ProviderKind::Juspay, Notify::Separate, &upi(), 7).unwrap();
    assert_eq!(
        plan,
        Timetable {
            start_at: ist("2026-01-30 07:00"),
            notify_at: Some(ist("2026-01-30 07:00")),
            debit: Span {
                opens: ist("2026-01-31 09:00"),
                closes: Some(ist("2026-01-31 09:59"))
            },
            // 24:00 on 27 February less 25 hours.
            last_safe_start: ist("2026-02-26 23:00") - TICK,
        }
    );
    let provider = timetable(&cycle, ProviderKind::Juspay, Notify::Provider, &upi(), 7);
    assert_eq!(provider, Some(plan));
}

#[test]
fn a_debit_without_a_notification_starts_with_itself() {
    let cycle = cycle(Frequency::Daily, "2026-01-31", "10:30");
    let plan = timetable(&cycle, ProviderKind::Juspay, Notify::None, &upi(), 7).unwrap();
    assert_eq!(
        (plan.start_at, plan.notify_at),
        (ist("2026-01-31 13:01"), None)
    );
    assert_eq!(plan.last_safe_start, ist("2026-02-01 00:00") - TICK);
}

#[test]
fn a_watched_payment_is_looked_up_a_while_after_it_is_due() {
    let cycle = cycle(Frequency::Daily, "2026-01-31", "10:30");
    let (signzy, provider) = (ProviderKind::Signzy, Notify::Provider);
    let plan = timetable(&cycle, signzy, provider, &upi(), 7).unwrap();
    assert_eq!(plan.start_at, ist("2026-01-31 11:00"));
    assert_eq!(
        plan.debit,
        Span {
            opens: ist("2026-01-31 10:30"),
            closes: None
        }
    );
    assert_eq!(
        say(&cycle, signzy, provider, &upi(), "2026-01-30 10:00"),
        "lookup 2026-01-31 11:00 until -"
    );
    // A look-up is never too late: the provider may have collected it while nobody was there.
    assert_eq!(
        say(&cycle, signzy, provider, &upi(), "2026-03-05 10:00"),
        "lookup 2026-03-05 10:00 until -"
    );
    let policy = Policy {
        lookup_after: Vec::new(),
        ..upi()
    };
    assert_eq!(
        say(&cycle, signzy, provider, &policy, "2026-01-30 10:00"),
        "lookup 2026-01-31 16:30 until -"
    );
}

#[test]
fn the_debit_after_a_notification_is_not_before_the_planned_one() {
    let cycle = cycle(Frequency::Daily, "2026-01-31", "09:00");
    let after =
        |at| debit_after_notice(&cycle, &upi(), 7, ist(at), ist(at)).map(|debit| show(debit.opens));
    assert_eq!(after("2026-01-30 07:00").unwrap(), "2026-01-31 09:00");
    assert_eq!(after("2026-01-30 08:30").unwrap(), "2026-01-31 09:30");
    assert_eq!(after("2026-01-30 09:30").unwrap(), "2026-01-31 13:01");
    assert_eq!(after("2026-01-30 23:00"), None);
    assert_eq!(after("2026-01-29 08:59"), None);
}

#[test]
fn coming_cycles_end_with_the_mandate() {
    let mut terms = terms(Frequency::Weekly, "2026-01-31", "09:00");
    terms.ends_on = "2026-02-20".parse().ok();
    let from = "2026-02-01".parse().unwrap();
    let cycles = coming(
        &terms,
        ProviderKind::Juspay,
        Notify::None,
        &upi(),
        7,
        from,
        12,
    );
    let days: Vec<String> = cycles
        .iter()
        .map(|(cycle, _)| cycle.on.to_string())
        .collect();
    assert_eq!(days, ["2026-02-07", "2026-02-14"]);
}
