//! Why the things of a cycle are due when they are, and why it can no longer be collected.

use chrono_tz::Tz;

use super::in_hours;
use crate::domain::Timestamp;
use crate::domain::plan::reason::{Closed, PlanReason, TimesReason, WhyClosed};
use crate::domain::plan::room::ShortRoom;

/// Why a new execution stands where it does.
pub fn planned(reason: &PlanReason, zone: Tz) -> String {
    match reason {
        PlanReason::Times(reason) => times(reason, zone),
        PlanReason::Late => "late: as soon as it can".to_owned(),
        PlanReason::Presented => "presented by the merchant".to_owned(),
        PlanReason::Closed(reason) => closed(reason, zone),
    }
}

/// That a cycle ends before its retries can all be made, and which debit day leaves room for them.
pub fn short_room(room: &ShortRoom) -> String {
    let ShortRoom {
        cycle_on,
        days_left,
        days_wanted,
        debit_by,
    } = room;
    let better = match debit_by {
        Some(day) => format!("a debit on {day} or earlier leaves room for all of them"),
        None => "its periods are too short for all of them".to_owned(),
    };
    format!(
        "the cycle of {cycle_on} ends {days_left} days after its debit, with its period; its retries can take {days_wanted} days: {better}"
    )
}

/// Why a cycle's debit and notification are planned for the times that they are.
pub fn times(reason: &TimesReason, zone: Tz) -> String {
    let clock = |at: Timestamp| at.with_timezone(&zone).format("%H:%M").to_string();
    let (own, opens) = (clock(reason.own), clock(reason.opens));
    let at = if reason.own == reason.opens {
        format!("{own} ({zone}) is its own time")
    } else {
        format!("{own} ({zone}) is outside the hours for debits, the next is {opens}")
    };
    let spread = reason
        .spread
        .map(|spread| format!("spread over {}", humantime::format_duration(spread)));
    let notice = reason.notice.map(|planned| {
        let [notice, lead] = [planned.notice, planned.lead].map(in_hours);
        let ahead = planned.hours_ahead;
        format!("the payer is told {ahead}h ahead: {notice}, and {lead} in case that fails")
    });
    [Some(at), spread, notice]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

/// Why a cycle can no longer be collected.
pub fn closed(reason: &Closed, zone: Tz) -> String {
    let at = |at: Timestamp| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    let closes = at(reason.closes_at);
    let why = match reason.why {
        WhyClosed::Over => return format!("the cycle closed at {closes} ({zone})"),
        WhyClosed::TooLate { planned, most } => {
            return format!(
                "the cycle was to begin at {} ({zone}), and max_lateness ({}) is over",
                at(planned),
                humantime::format_duration(most)
            );
        }
        WhyClosed::NoWindow => "there is no window".to_owned(),
        WhyClosed::NextDebit { opens } => {
            format!("the next debit window opens at {}, after", at(opens))
        }
        WhyClosed::NextNotice { notice, debit } => format!(
            "a notification at {} could be debited at {} at the earliest, after",
            at(notice),
            at(debit)
        ),
        WhyClosed::NoPair { shortest, longest } => format!(
            "the windows leave no notification and debit that are {} to {} apart before",
            humantime::format_duration(shortest),
            humantime::format_duration(longest)
        ),
    };
    format!("{why} the cycle closes at {closes} ({zone})")
}
