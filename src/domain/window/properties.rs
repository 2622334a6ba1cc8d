//! What holds of any windows, and windows for the properties of others.

#![expect(clippy::arithmetic_side_effects, reason = "test data is small")]

use proptest::prelude::*;

use super::*;

/// Windows in any zone, made from ascending minutes of the day.
pub(in crate::domain) fn any_windows(
    zone: impl Strategy<Value = Tz>,
) -> impl Strategy<Value = Windows> {
    (
        zone,
        prop::collection::btree_set(0u32..1440, 0..7),
        any::<bool>(),
    )
        .prop_map(|(zone, minutes, over_midnight)| {
            let mut times: Vec<String> = minutes
                .iter()
                .map(|m| format!("{:02}:{:02}", m / 60, m % 60))
                .collect();
            times.truncate(times.len() / 2 * 2);
            if over_midnight && !times.is_empty() {
                times.rotate_left(1);
            }
            let ranges = times.chunks(2).map(|pair| pair.join("-")).collect();
            WindowsText {
                time_zone: zone.name().to_owned(),
                ranges,
            }
            .try_into()
            .unwrap()
        })
}

pub(in crate::domain) fn any_zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(&chrono_tz::TZ_VARIANTS[..])
}

/// The slow and obvious answer, where no clocks change: is the local time of day in a range?
fn obviously_contains(windows: &Windows, at: Timestamp) -> bool {
    let time = at.with_timezone(&windows.time_zone()).time();
    windows.ranges.is_empty()
        || windows.ranges.iter().any(|range| {
            let since_start = (time - range.start).num_seconds().rem_euclid(86_400);
            since_start < range.length.num_seconds()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_inside_and_nothing_nearer_is(windows in any_windows(any_zone()), second in 0i64..2_000_000_000) {
        let at = Timestamp::from_timestamp(second, 0).unwrap();
        let span = windows.at_or_after(at).unwrap();
        prop_assert!(span.opens >= at && windows.contains(span.opens));
        prop_assert!(span.closes.is_none_or(|closes| closes > span.opens));
        let before = windows.at_or_before(at).unwrap();
        prop_assert!(before <= at && windows.contains(before));
        if windows.contains(at) {
            prop_assert_eq!((span.opens, before), (at, at));
        } else {
            // Nothing between: the window found from just after the one before is the next one.
            prop_assert_eq!(windows.at_or_after(before + TICK), Some(span));
            prop_assert_eq!(windows.at_or_before(span.opens - TICK), Some(before));
        }
    }

    #[test]
    fn windows_are_times_of_day(windows in any_windows(Just(chrono_tz::Asia::Kolkata)), second in 1_000_000_000i64..2_000_000_000) {
        let at = Timestamp::from_timestamp(second, 0).unwrap();
        prop_assert_eq!(windows.contains(at), obviously_contains(&windows, at));
    }

    #[test]
    fn text_reads_back(windows in any_windows(any_zone())) {
        prop_assert_eq!(Windows::try_from(WindowsText::from(windows.clone())), Ok(windows));
    }
}
