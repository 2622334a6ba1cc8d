use super::*;

#[test]
fn a_cycle_closes_with_its_period() {
    use Frequency as F;
    for (frequency, starts_on, from, closed_on) in [
        (F::Daily, "2027-01-01", "2027-02-05", "2027-02-06"),
        // A Friday: the week ends with its Sunday.
        (F::Weekly, "2027-01-01", "2027-02-05", "2027-02-08"),
        (F::Fortnightly, "2027-01-14", "2027-02-14", "2027-02-16"),
        (F::Twicemonthly, "2027-01-10", "2027-02-25", "2027-03-01"),
        (F::Monthly, "2027-01-25", "2027-02-25", "2027-03-01"),
        (F::Monthly, "2027-01-31", "2027-02-28", "2027-03-01"),
        (F::Bimonthly, "2027-01-31", "2027-01-31", "2027-03-01"),
        (F::Bimonthly, "2027-02-10", "2027-02-10", "2027-03-01"),
        (F::Quarterly, "2027-02-10", "2027-02-10", "2027-04-01"),
        (F::Halfyearly, "2027-05-31", "2027-05-31", "2027-07-01"),
        (F::Yearly, "2027-12-01", "2027-12-01", "2028-01-01"),
        // Once is once: it has no second period to be kept free.
        (F::Onetime, "2027-02-25", "2027-02-25", "2027-03-27"),
    ] {
        let mut terms = terms(frequency, starts_on);
        let cycle = terms.cycle_from(day(from), CycleCloses::Period).unwrap();
        let zone = terms.time_zone;
        let closed = cycle.closes_at.with_timezone(&zone).date_naive();
        assert_eq!(
            (cycle.on, closed),
            (day(from), day(closed_on)),
            "{frequency}"
        );
        // The mandate's own last day may come first.
        terms.ends_on = Some(cycle.on);
        let last = terms.cycle_from(day(from), CycleCloses::Period).unwrap();
        let closed = last.closes_at.with_timezone(&zone).date_naive();
        assert_eq!(Some(closed), cycle.on.succ_opt(), "{frequency}");
    }
    // A cron expression says nothing of how many debits a period may have.
    let cron = cron("0 9 25 * *", "2027-01-01");
    let from = day("2027-02-25");
    assert_eq!(
        cron.cycle_from(from, CycleCloses::Period),
        cron.cycle_from(from, NEXT)
    );
}
