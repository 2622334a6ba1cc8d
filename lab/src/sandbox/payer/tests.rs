//! The payers in large numbers: the shares that the profiles promise, and what changes an answer.

#![expect(clippy::arithmetic_side_effects, reason = "test data is small")]

use std::collections::BTreeMap;

use super::*;

/// What the demo's mandates ask for, in minor units.
const AMOUNTS: [i64; 8] = [
    9_900, 19_900, 29_900, 49_900, 99_900, 149_900, 499_900, 1_200_000,
];

fn presented(mandate_id: &str, amount_minor: i64, at: Timestamp) -> Presented<'_> {
    Presented {
        mandate_id,
        rail: Rail::Upi,
        cycle: india::day(at),
        amount_minor,
        number: 1,
        at,
    }
}

/// The reasons of many first attempts, all over a month: how many in a thousand, nothing for those that are paid.
fn shares(profile: &Profile) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    let first = NaiveDate::from_ymd_opt(2027, 1, 28).unwrap();
    for n in 0..20_000_usize {
        let id = format!("m{n}");
        let day = first.iter_days().nth(n % 31).unwrap();
        let at = india::time(day, [6, 7, 9, 14][n % 4], 0);
        let amount = AMOUNTS[n % AMOUNTS.len()];
        let reason = answer(1, profile, &presented(&id, amount, at));
        *shares
            .entry(reason.map_or_else(String::new, |reason| format!("{reason:?}")))
            .or_default() += 1;
    }
    for count in shares.values_mut() {
        *count /= 20;
    }
    shares
}

#[test]
fn about_six_in_ten_pay_at_once_and_most_of_the_rest_lack_the_money() {
    let shares = shares(&Profile::DEMO);
    let (paid, poor) = (shares[""], shares["LowBalance"]);
    assert!((560..640).contains(&paid), "{shares:?}");
    assert!(poor * 10 > (1000 - paid) * 8, "{shares:?}");
    assert!(
        (6..=11).contains(&(shares["Technical"] + shares["InFlight"])),
        "{shares:?}"
    );
    // Tried hourly within one balance, a failing cycle counts four times: about what NPCI counts.
    let attempts = paid + 4 * (1000 - paid);
    assert!((220..330).contains(&(paid * 1000 / attempts)), "{shares:?}");
}

#[test]
fn the_harsher_profile_takes_npcis_figure_for_first_attempts() {
    let shares = shares(&Profile::NPCI);
    assert!((210..250).contains(&shares[""]), "{shares:?}");
    assert!(shares["LowBalance"] > 700, "{shares:?}");
}

#[test]
fn everybody_pays_where_everybody_is_said_to() {
    assert_eq!(
        shares(&Profile::PAYS),
        BTreeMap::from([(String::new(), 1000)])
    );
}

#[test]
fn a_larger_amount_fails_more_often_and_another_seed_has_other_payers() {
    let at = "2026-01-20T03:00:00Z".parse().unwrap();
    let paid = |seed, amount| -> Vec<bool> {
        let ids = (0..2_000).map(|n| format!("m{n}"));
        ids.map(|id| answer(seed, &Profile::DEMO, &presented(&id, amount, at)).is_none())
            .collect()
    };
    let count = |paid: &[bool]| paid.iter().filter(|paid| **paid).count();
    assert!(count(&paid(1, 9_900)) > count(&paid(1, 1_200_000)) + 100);
    assert_eq!(paid(1, 9_900), paid(1, 9_900));
    assert_ne!(paid(1, 9_900), paid(2, 9_900));
}

#[test]
fn an_outage_passes_within_hours_and_a_limit_with_the_day() {
    let profile = Profile {
        technical: 100,
        limit: 100,
        ..Profile::PAYS
    };
    let (mut outages, mut limits) = (0, 0);
    for n in 0..2_000 {
        let id = format!("m{n}");
        let at = |time: &str| {
            let time = time.parse().unwrap();
            let cycle = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
            let presented = Presented {
                cycle,
                ..presented(&id, 100, time)
            };
            answer(1, &profile, &presented)
        };
        // 06:00, 08:59 and 12:30 in India, and the same on the next day.
        let same_day = [at("2026-01-05T00:30:00Z"), at("2026-01-05T07:00:00Z")];
        if same_day == [Some(Reason::Technical), None] {
            assert_eq!(at("2026-01-05T03:29:00Z"), Some(Reason::Technical));
            outages += 1;
        }
        if same_day == [Some(Reason::Limit); 2] && at("2026-01-06T00:30:00Z").is_none() {
            limits += 1;
        }
    }
    assert!(outages > 100 && limits > 100, "{outages} {limits}");
}
