//! The mandates of the demo and the chaos: all rails, both providers, all ways of notifying, many frequencies, the 31st among them.

use std::fmt::Write;

use chrono::NaiveDate;

use crate::seeded_rng::SeededRng;

/// One kind of mandate and its share in a thousand.
struct Kind {
    share: u32,
    account: &'static str,
    rail: &'static str,
    notify: &'static str,
    category: &'static str,
    frequencies: &'static [(&'static str, u32)],
}

const MOSTLY_MONTHLY: &[(&str, u32)] = &[
    ("monthly", 70),
    ("weekly", 12),
    ("fortnightly", 8),
    ("quarterly", 5),
    ("halfyearly", 3),
    ("yearly", 2),
];
const WITH_CRON: &[(&str, u32)] = &[
    ("monthly", 60),
    ("cron", 20),
    ("bimonthly", 10),
    ("onetime", 10),
];
const EMIS: &[(&str, u32)] = &[("monthly", 100)];
const TOLLS: &[(&str, u32)] = &[("daily", 50), ("weekly", 50)];

const KINDS: &[Kind] = &[
    Kind {
        share: 400,
        account: "juspay_main",
        rail: "upi",
        notify: "separate",
        category: "",
        frequencies: MOSTLY_MONTHLY,
    },
    Kind {
        share: 150,
        account: "juspay_main",
        rail: "upi",
        notify: "provider",
        category: "",
        frequencies: EMIS,
    },
    Kind {
        share: 20,
        account: "juspay_main",
        rail: "upi",
        notify: "none",
        category: "fastag",
        frequencies: TOLLS,
    },
    Kind {
        share: 100,
        account: "juspay_main",
        rail: "card",
        notify: "separate",
        category: "",
        frequencies: WITH_CRON,
    },
    Kind {
        share: 80,
        account: "juspay_main",
        rail: "card",
        notify: "provider",
        category: "insurance",
        frequencies: EMIS,
    },
    Kind {
        share: 120,
        account: "juspay_main",
        rail: "enach",
        notify: "none",
        category: "",
        frequencies: EMIS,
    },
    Kind {
        share: 70,
        account: "signzy_main",
        rail: "enach",
        notify: "none",
        category: "",
        frequencies: WITH_CRON,
    },
    Kind {
        share: 60,
        account: "signzy_main",
        rail: "enach",
        notify: "provider",
        category: "",
        frequencies: EMIS,
    },
];

/// Many cycles in a few weeks, so that those of a mandate get in each other's way.
const OFTEN: &[(&str, u32)] = &[
    ("weekly", 55),
    ("fortnightly", 15),
    ("monthly", 20),
    ("cron", 5),
    ("daily", 5),
];

/// Monthly days, the 29th to the 31st among them more often than in life.
const DAYS: &[u32] = &[
    1, 2, 3, 4, 5, 5, 7, 8, 10, 10, 12, 14, 15, 15, 18, 20, 21, 23, 25, 26, 28, 29, 30, 31, 31,
];

/// How often mandates have a cycle, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Season {
    /// As in life: mostly once a month, without an end.
    Months,
    /// Mostly once a week, up to a last day.
    Weeks { last: NaiveDate },
}

/// A file to import: CSV with a header.
pub(crate) fn csv(seed: u64, count: u32, season: Season) -> String {
    let mut rng = SeededRng::new(seed);
    let mut text = String::from(
        "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,currency,frequency,cron,time_zone,starts_on,ends_on,debit_at,category,description,metadata\n",
    );
    for number in 1..=count {
        if let Some(line) = line(&mut rng, number, season) {
            text.push_str(&line);
        }
    }
    text
}

fn line(rng: &mut SeededRng, number: u32, season: Season) -> Option<String> {
    let kind = rng.weighted(KINDS, |kind| kind.share)?;
    let (frequencies, ends_on) = match season {
        Season::Months => (kind.frequencies, String::new()),
        Season::Weeks { last } => (OFTEN, last.to_string()),
    };
    let (frequency, _) = *rng.weighted(frequencies, |(_, weight)| *weight)?;
    // NACH knows no other that lies between a week and a month, or between a month and a quarter.
    let frequency = match (kind.rail, frequency) {
        ("enach", "fortnightly" | "bimonthly") => "twicemonthly",
        (_, frequency) => frequency,
    };
    let rupees = rng.pick(
        &[
            99u64, 149, 199, 299, 499, 649, 999, 1499, 2500, 4999, 12_000,
        ],
        499,
    );
    // A few are above the ceiling for debits without the payer's approval; below it, if they are insurance.
    let rupees = if rng.below(50) == 0 { 18_500 } else { rupees };
    let paise = rng.pick(&[0u64, 0, 0, 50, 99], 0);
    let day = rng.pick(DAYS, 1);
    let hour = rng.pick(&[5u32, 6, 6, 7, 8, 9, 14, 15], 6);
    let minute = rng.pick(&[0u32, 0, 15, 30], 0);
    // Signzy's own schedule debits at seven ("Signzy Get eMandate Details", scheduledOn).
    let (hour, minute) = if kind.account == "signzy_main" && kind.notify == "provider" {
        (7, 0)
    } else {
        (hour, minute)
    };
    let (starts_on, cron) = match frequency {
        "cron" => (
            "2026-12-01".to_owned(),
            format!("{minute} {hour} {} * *", day.min(28)),
        ),
        "onetime" => (format!("2027-02-{:02}", day.min(25)), String::new()),
        "monthly" => (format!("2026-12-{:02}", day.min(31)), String::new()),
        // Anchored so that a cycle falls into the demo's weeks.
        "bimonthly" => (format!("2026-12-{:02}", day.min(28)), String::new()),
        "quarterly" => (format!("2026-11-{:02}", day.min(28)), String::new()),
        "halfyearly" => (format!("2026-08-{:02}", day.min(28)), String::new()),
        "yearly" => (format!("2026-02-{:02}", day.min(28)), String::new()),
        _ => (
            format!("2026-12-{:02}", rng.below(27).saturating_add(1)),
            String::new(),
        ),
    };
    let (frequency, debit_at) = if cron.is_empty() {
        (frequency, format!("{hour:02}:{minute:02}"))
    } else {
        ("", String::new())
    };
    let provider_id = if kind.account == "signzy_main" {
        (900_000u32).checked_add(number)?.to_string()
    } else {
        format!("mnd{number:06}")
    };
    let metadata = if kind.account == "juspay_main" {
        r#""{""order.udf1"":""demo""}""#
    } else {
        ""
    };
    let mut line = String::new();
    writeln!(
        line,
        "demo-{number:05},{},{provider_id},cust{number:06},{},{},{rupees}.{paise:02},{}.00,INR,{frequency},{cron},Asia/Kolkata,{starts_on},{ends_on},{debit_at},{},Demo plan,{metadata}",
        kind.account,
        kind.rail,
        kind.notify,
        rupees.saturating_mul(2),
        kind.category,
    )
    .ok()?;
    Some(line)
}
