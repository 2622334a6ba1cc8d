//! Facts for the rules' own tests.

use chrono::NaiveDate;

use crate::calendar::Cycles;
use crate::facts::{Amount, Mandate, Notification, Presentation, Presenter, Rail, Timestamp};
use crate::record::Answered;

/// A time in India, in January 2026: "05 08:30".
pub(crate) fn at(text: &str) -> Timestamp {
    let text = if text.len() > 8 {
        text.to_owned()
    } else {
        format!("{text}:00")
    };
    format!("2026-01-{}+05:30", text.replace(' ', "T"))
        .parse()
        .unwrap()
}

/// A day in January 2026.
pub(crate) fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
}

pub(crate) fn rupees(rupees: i64) -> Amount {
    Amount {
        minor: rupees.checked_mul(100).unwrap(),
        currency: "INR".to_owned(),
    }
}

/// A mandate of at most 1,000 rupees with cycles on the 5th and the 20th.
pub(crate) fn mandate(rail: Rail, category: Option<&str>) -> Mandate {
    Mandate {
        id: "m1".to_owned(),
        rail,
        category: category.map(str::to_owned),
        max_amount: Some(rupees(1000).minor),
        cycles: Cycles::on(vec![day(5), day(20)]),
        period: None,
    }
}

/// A notification of 499 rupees.
pub(crate) fn notification(requested_at: &str, delivered_at: Option<&str>) -> Notification {
    Notification {
        reference: "n1".to_owned(),
        amount: rupees(499),
        requested_at: at(requested_at),
        delivered_at: delivered_at.map(at),
    }
}

/// An order of 499 rupees that the merchant presents.
pub(crate) fn presentation<'a>(notification: Option<&'a str>, time: &str) -> Presentation<'a> {
    Presentation {
        order_id: "o1",
        amount: rupees(499),
        notification,
        by: Presenter::Merchant,
        at: at(time),
    }
}

/// A presentation in the cycle of the 5th.
pub(crate) fn answered(presented_at: &str, known_at: &str, declined: bool) -> Answered {
    Answered {
        cycle: Some(day(5)),
        presented_at: at(presented_at),
        known_at: at(known_at),
        declined,
    }
}
