use super::*;

fn parse(zone: &str, ranges: &[&str]) -> Result<Windows, String> {
    let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
    WindowsText {
        time_zone: zone.to_owned(),
        ranges,
    }
    .try_into()
}

fn upi() -> Windows {
    parse("Asia/Kolkata", &["13:01-16:59", "21:31-09:59"]).unwrap()
}

/// An instant written as the local time of some windows.
fn local(windows: &Windows, text: &str) -> Timestamp {
    instant(windows.time_zone(), format!("{text}:00").parse().unwrap()).unwrap()
}

fn show(windows: &Windows, at: Option<Timestamp>) -> String {
    let format = |at: Timestamp| {
        at.with_timezone(&windows.time_zone())
            .format("%Y-%m-%dT%H:%M:%S%.f%:z")
    };
    at.map_or("-".to_owned(), |at| format(at).to_string())
}

#[test]
fn upi_hours_right_over_midnight() {
    let windows = upi();
    let table = [
        (
            "2026-01-30T09:58",
            "2026-01-30T09:58",
            "2026-01-30T09:59",
            "2026-01-30T09:58",
        ),
        (
            "2026-01-30T09:59",
            "2026-01-30T13:01",
            "2026-01-30T16:59",
            "2026-01-30T09:58:59.999999",
        ),
        (
            "2026-01-30T13:00",
            "2026-01-30T13:01",
            "2026-01-30T16:59",
            "2026-01-30T09:58:59.999999",
        ),
        (
            "2026-01-30T13:01",
            "2026-01-30T13:01",
            "2026-01-30T16:59",
            "2026-01-30T13:01",
        ),
        (
            "2026-01-30T21:30",
            "2026-01-30T21:31",
            "2026-01-31T09:59",
            "2026-01-30T16:58:59.999999",
        ),
        (
            "2026-01-31T23:59",
            "2026-01-31T23:59",
            "2026-02-01T09:59",
            "2026-01-31T23:59",
        ),
        (
            "2026-02-01T00:00",
            "2026-02-01T00:00",
            "2026-02-01T09:59",
            "2026-02-01T00:00",
        ),
    ];
    for (at, opens, closes, before) in table {
        let instant = local(&windows, at);
        let span = windows.at_or_after(instant).unwrap();
        assert_eq!(span.opens, local(&windows, opens), "{at}");
        assert_eq!(span.closes, Some(local(&windows, closes)), "{at}");
        assert!(
            show(&windows, windows.at_or_before(instant)).starts_with(before),
            "{at}"
        );
        assert_eq!(windows.contains(instant), at == opens, "{at}");
    }
}

#[test]
fn no_windows_means_always() {
    let at = "2026-01-30T09:59:00Z".parse().unwrap();
    for ranges in [&[][..], &["00:00-24:00"], &["10:00-20:00", "20:00-10:00"]] {
        let windows = parse("Asia/Kolkata", ranges).unwrap();
        assert_eq!(
            windows.at_or_after(at),
            Some(Span {
                opens: at,
                closes: None
            })
        );
        assert_eq!(windows.at_or_before(at), Some(at));
        assert!(windows.contains(at));
    }
}

#[test]
fn windows_that_touch_are_one() {
    let windows = parse("Asia/Kolkata", &["00:00-09:59", "21:31-24:00"]).unwrap();
    assert_eq!(windows, parse("Asia/Kolkata", &["21:31-09:59"]).unwrap());
    let three = parse("UTC", &["14:00-16:00", "12:00-14:00", "16:00-18:30"]).unwrap();
    assert_eq!(WindowsText::from(three).ranges, ["12:00-18:30"]);
}

#[test]
fn days_on_which_clocks_change() {
    let check = |zone, range: &[&str], at: &str, expected: [&str; 3]| {
        let windows = parse(zone, range).unwrap();
        let at = at.parse().unwrap();
        let span = windows.at_or_after(at).unwrap();
        let shown = [
            show(&windows, Some(span.opens)),
            show(&windows, span.closes),
            show(&windows, windows.at_or_before(at)),
        ];
        assert_eq!(shown, expected, "{zone} {range:?} {at}");
    };
    // 02:00 to 03:00 does not exist on 8 March.
    check(
        "America/New_York",
        &["02:15-02:45"],
        "2026-03-08T05:00:00Z",
        [
            "2026-03-09T02:15:00-04:00",
            "2026-03-09T02:45:00-04:00",
            "2026-03-07T02:44:59.999999-05:00",
        ],
    );
    check(
        "America/New_York",
        &["01:30-02:45"],
        "2026-03-08T05:00:00Z",
        [
            "2026-03-08T01:30:00-05:00",
            "2026-03-08T03:00:00-04:00",
            "2026-03-07T02:44:59.999999-05:00",
        ],
    );
    // 01:00 to 02:00 comes twice on 1 November.
    check(
        "America/New_York",
        &["01:30-02:30"],
        "2026-11-01T06:45:00Z",
        [
            "2026-11-01T01:45:00-05:00",
            "2026-11-01T02:30:00-05:00",
            "2026-11-01T01:45:00-05:00",
        ],
    );
    check(
        "America/New_York",
        &["21:31-01:30"],
        "2026-11-01T06:45:00Z",
        [
            "2026-11-01T21:31:00-05:00",
            "2026-11-02T01:30:00-05:00",
            "2026-11-01T01:29:59.999999-04:00",
        ],
    );
    // Samoa went from 29 to 31 December 2011.
    check(
        "Pacific/Apia",
        &["13:01-16:59"],
        "2011-12-30T09:00:00Z",
        [
            "2011-12-31T13:01:00+14:00",
            "2011-12-31T16:59:00+14:00",
            "2011-12-29T16:58:59.999999-10:00",
        ],
    );
}

#[test]
fn what_is_not_a_window_is_named() {
    let ranges: [&[&str]; 15] = [
        &["9:00-10:00"],
        &["09:00"],
        &["09:00–10:00"],
        &["09:60-10:00"],
        &["24:00-10:00"],
        &["10:00-24:01"],
        &["+9:00-10:00"],
        &["09:00:00-10:00"],
        &[""],
        &["10:00-10:00"],
        &["10:00-12:00", "11:59-13:00"],
        &["21:31-09:59", "09:58-10:00"],
        &["21:31-09:59", "22:00-23:00"],
        &["10:00-11:00", "10:00-11:00"],
        &["00:00-24:00", "10:00-11:00"],
    ];
    let mut errors: Vec<String> = ranges
        .iter()
        .map(|text| parse("Asia/Kolkata", text).unwrap_err())
        .collect();
    errors.push(parse("Asia/Calcuta", &["10:00-11:00"]).unwrap_err());
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn what_is_written_reads_back() {
    for ranges in [
        &[][..],
        &["13:01-16:59", "21:31-09:59"],
        &["21:31-24:00"],
        &["00:00-00:01"],
    ] {
        let windows = parse("Asia/Kolkata", ranges).unwrap();
        let json = serde_json::to_string(&windows).unwrap();
        assert_eq!(serde_json::from_str::<Windows>(&json).unwrap(), windows);
        assert_eq!(WindowsText::from(windows).ranges, ranges);
    }
    assert_eq!(
        serde_json::to_string(&upi()).unwrap(),
        r#"{"time_zone":"Asia/Kolkata","ranges":["13:01-16:59","21:31-09:59"]}"#
    );
    let error =
        serde_json::from_str::<Windows>(r#"{"time_zone":"UTC","ranges":["1-2"]}"#).unwrap_err();
    assert!(
        error.to_string().contains("\"1-2\" is not a window"),
        "{error}"
    );
}

#[test]
fn the_ends_of_time_are_nothing_rather_than_a_panic() {
    for at in [Timestamp::MIN_UTC, Timestamp::MAX_UTC] {
        assert_eq!(upi().at_or_after(at), None);
        assert_eq!(upi().at_or_before(at), None);
        assert!(!upi().contains(at));
    }
}
