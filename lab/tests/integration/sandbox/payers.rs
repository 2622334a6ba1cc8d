//! The payers' side: what banks answer, what turns out later, what wants an approval, and the same payers tried hourly.

use std::collections::BTreeMap;

use lab::sandbox::{Call, Decline, Due, Fault, Hourly, Reason, Then};
use mandated::domain::classify::{Classifier, Signals};
use mandated::domain::{Notify, Rail as ProductRail};

use super::*;

/// Nobody has any money.
const POOR: Profile = Profile {
    always: 0,
    never: 1000,
    ..Profile::PAYS
};

/// What a failed debit is to be taken for.
fn class(rail: Rail, reason: Reason, code: &str) -> &'static str {
    match (rail, reason) {
        (Rail::Upi, Reason::Technical) if code == "U80" => "throttled",
        (_, Reason::LowBalance) => "funds",
        (_, Reason::Technical) | (Rail::Card, Reason::InFlight) => "transient",
        (Rail::Upi | Rail::Enach, Reason::InFlight) => "in_flight",
        (_, Reason::Limit) => "limit",
        (_, Reason::NotApproved) => "customer_action",
        (Rail::Upi, Reason::Paused) => "mandate_paused",
        (_, Reason::CustomerStop) | (Rail::Card | Rail::Enach, Reason::Paused) => "customer_stop",
        (_, Reason::Revoked) => "mandate_dead",
        (Rail::Card, Reason::AccountClosed) => "instrument",
        (Rail::Upi | Rail::Enach, Reason::AccountClosed) | (Rail::Enach, Reason::Risk) => {
            "account_dead"
        }
        (Rail::Upi | Rail::Card, Reason::Risk) => "risk",
        (_, Reason::Unmapped) => "unmapped",
    }
}

#[test]
fn every_answer_of_a_bank_is_documented_as_what_it_is() {
    let classifier = Classifier::builtin().unwrap();
    for (rail, product_rail) in [
        (Rail::Upi, ProductRail::Upi),
        (Rail::Card, ProductRail::Card),
        (Rail::Enach, ProductRail::Enach),
    ] {
        for reason in Reason::ALL {
            let declines: Vec<_> = Decline::documented(reason, rail).collect();
            assert!(!declines.is_empty());
            for decline in declines {
                let class_of = |codes: &[(&str, &str)]| {
                    let signals = Signals {
                        account: "main",
                        provider: ProviderKind::Juspay,
                        rail: product_rail,
                        http_status: 200,
                        status: Some(&decline.status),
                        codes,
                        messages: &[&decline.bank_error_message],
                    };
                    classifier.classify(&signals).class.as_str()
                };
                let wanted = class(rail, reason, &decline.bank_error_code);
                let codes = [
                    ("bank_error_code", decline.bank_error_code.as_ref()),
                    ("resp_code", decline.resp_code.as_deref().unwrap()),
                    ("resp_category", decline.resp_category.as_deref().unwrap()),
                ];
                assert_eq!(class_of(&codes), wanted, "{rail:?} {decline:?}");
                if rail == Rail::Enach {
                    // Signzy shows no codes.
                    assert_eq!(class_of(&[]), wanted, "{decline:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_codes_of_one_reason_are_drawn_by_the_seed() {
    let ids: Vec<String> = (0..60).map(|n| format!("m{n}")).collect();
    let codes = async |seed| {
        let mandates = ids.iter().map(|id| juspay(id, Rail::Enach, Notify::None));
        let bench = Bench::with(POOR, Faults::NONE, seed, mandates.collect()).await;
        let mut codes = Vec::new();
        for id in &ids {
            bench.execute("05 05:30", id, id, &[]).await.unwrap();
            let (_, order) = json(bench.order("06 13:00", id).await);
            codes.push(order["bank_error_code"].as_str().unwrap().to_owned());
        }
        codes
    };
    let first = codes(1).await;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for code in &first {
        *counts.entry(code).or_default() += 1;
    }
    assert!(
        counts["04"] > counts["05"] && counts.len() == 2,
        "{counts:?}"
    );
    assert_eq!(first, codes(1).await);
    assert_ne!(first, codes(2).await);
}

#[tokio::test]
async fn an_answer_that_was_lost_turns_out_later_whichever_it_was() {
    for (profile, status, debits) in [
        (Profile::PAYS, "CHARGED", 1),
        (POOR, "AUTHORIZATION_FAILED", 0),
    ] {
        let mandate = juspay("m1", Rail::Upi, Notify::Separate);
        let bench = Bench::with(profile, Faults::NONE, 1, vec![mandate]).await;
        bench.script("m1", Call::Execute, [Then::Declines(Reason::InFlight)]);
        bench.notify("04 01:00", "m1", "n1", "499.00").await;
        let notified = [("mandate.notification_id", "n1")];
        bench
            .execute("05 01:30", "m1", "o1", &notified)
            .await
            .unwrap();
        let (_, order) = json(bench.order("05 02:12", "o1").await);
        let code = order["bank_error_code"].as_str().unwrap();
        assert!(["U67", "UT", "BT", "RB"].contains(&code), "{code}");
        // As long as nobody knows, nothing may be retried, and nothing has been debited.
        let (_, refused) = bench.retry("05 02:15", "m1", "o1").await.unwrap();
        assert!(refused.contains("No scheduled transactions found."));
        assert_eq!(bench.debits("05 02:30"), []);
        let (_, order) = json(bench.order("05 14:00", "o1").await);
        assert_eq!(order["status"], status);
        assert_eq!(bench.debits("31 00:00").len(), debits);
        if debits == 0 {
            let code = order["bank_error_code"].as_str().unwrap();
            assert!(["Z9", "IE"].contains(&code), "{code}");
            let info = &order["additional_info"]["mandate_retry_info"];
            assert_eq!(info["allowed_retry"], "true");
        }
        assert_eq!(bench.broken(), []);
    }
}

/// A card whose payer is asked for an amount: where the order stands at once, and in the end.
async fn asked(amount: &str, category: Option<&str>, approves: u16) -> (String, Value) {
    let mut mandate = juspay("c1", Rail::Card, Notify::Separate);
    mandate.max_amount = Some(rupees("200000.00"));
    mandate.category = category.map(str::to_owned);
    let profile = Profile {
        approves,
        ..Profile::PAYS
    };
    let bench = Bench::with(profile, Faults::NONE, 1, vec![mandate]).await;
    bench.notify("04 01:00", "c1", "n1", amount).await;
    let fields = [("mandate.notification_id", "n1"), ("order.amount", amount)];
    let (_, body) = json(bench.execute("05 01:30", "c1", "o1", &fields).await);
    let at_once = body["status"].as_str().unwrap().to_owned();
    let (_, order) = json(bench.order("05 14:00", "o1").await);
    let charged = usize::from(order["status"] == "CHARGED");
    assert_eq!(bench.debits("31 00:00").len(), charged);
    assert_eq!(bench.broken(), []);
    (at_once, order)
}

#[tokio::test]
async fn above_its_ceiling_a_debit_waits_for_the_payers_approval() {
    for (amount, category, waits) in [
        ("15000.00", None, false),
        ("15000.01", None, true),
        ("15000.01", Some("gym"), true),
        ("15000.01", Some("insurance"), false),
        ("100000.00", Some("mutual_fund"), false),
        ("100000.00", Some("credit_card_bill"), false),
        ("100000.01", Some("insurance"), true),
    ] {
        let (at_once, order) = asked(amount, category, 1000).await;
        let expected = if waits { "PENDING_VBV" } else { "CHARGED" };
        assert_eq!(at_once, expected, "{amount} {category:?}");
        assert_eq!(order["status"], "CHARGED", "{amount} {category:?}");
    }
    let (at_once, order) = asked("15000.01", None, 0).await;
    assert_eq!(at_once, "PENDING_VBV");
    assert_eq!(order["bank_error_code"], "1A");
    // Nobody is asked below it.
    assert_eq!(asked("15000.00", None, 0).await.0, "CHARGED");
}

#[tokio::test]
async fn nach_knows_no_ceiling_and_upi_has_a_code_for_a_request_that_ran_out() {
    let mut mandates = vec![
        juspay("e1", Rail::Enach, Notify::None),
        juspay("m1", Rail::Upi, Notify::Separate),
    ];
    for mandate in &mut mandates {
        mandate.max_amount = Some(rupees("50000.00"));
    }
    let profile = Profile {
        approves: 0,
        ..Profile::PAYS
    };
    let bench = Bench::with(profile, Faults::NONE, 1, mandates).await;
    let amount = ("order.amount", "20000.00");
    bench.notify("04 01:00", "m1", "n1", "20000.00").await;
    let notified = [("mandate.notification_id", "n1"), amount];
    bench
        .execute("05 01:30", "m1", "o1", &notified)
        .await
        .unwrap();
    bench
        .execute("05 05:30", "e1", "o2", &[amount])
        .await
        .unwrap();
    let (_, order) = json(bench.order("05 03:00", "o1").await);
    let code = order["bank_error_code"].as_str().unwrap();
    assert!(["U69", "ZM"].contains(&code), "{code}");
    assert_eq!(bench.debits("31 00:00"), [("o2".to_owned(), day(5))]);
}

fn due(mandate_id: &str, cycle: u32, time: &str) -> Due {
    Due {
        mandate_id: mandate_id.to_owned(),
        cycle: day(cycle),
        amount: rupees("499.00"),
        debit_at: at(time),
    }
}

async fn hourly(profile: Profile, dues: &[Due]) -> Vec<Hourly> {
    let mandate = juspay("m1", Rail::Upi, Notify::Separate);
    let bench = Bench::with(profile, Faults::NONE, 1, vec![mandate]).await;
    let tried = bench.sandbox.hourly(dues);
    // It is only asked what would be: nothing is debited.
    assert_eq!(bench.debits("31 00:00"), []);
    tried
}

#[tokio::test]
async fn hourly_attempts_stop_at_success_and_after_four() {
    let dues = [due("m1", 5, "05 08:30"), due("nobody", 5, "05 08:30")];
    let once = Hourly {
        attempts: 1,
        at_first: true,
        debits: 1,
    };
    assert_eq!(
        hourly(Profile::PAYS, &dues).await,
        [once, Hourly::default()]
    );
    let never = Hourly {
        attempts: 4,
        ..Hourly::default()
    };
    assert_eq!(hourly(POOR, &dues[..1]).await, [never]);
}

#[tokio::test]
async fn hourly_attempts_take_a_lost_answer_for_a_failure_and_collect_again() {
    let lost = Profile {
        technical: 1000,
        in_flight: 1000,
        ..Profile::PAYS
    };
    let again = Hourly {
        attempts: 4,
        at_first: true,
        debits: 4,
    };
    assert_eq!(hourly(lost, &[due("m1", 5, "05 08:30")]).await, [again]);
}

#[tokio::test]
async fn an_account_that_was_closed_stays_so_under_hourly_attempts() {
    // Every cycle is either paid or finds the account closed: after the first that does, none is paid.
    let profile = Profile {
        account_closed: 300,
        ..Profile::PAYS
    };
    let days: Vec<Due> = (1..25).map(|n| due("m1", n, "05 08:30")).collect();
    let paid: Vec<bool> = hourly(profile, &days)
        .await
        .iter()
        .map(|tried| tried.debits == 1)
        .collect();
    let closed = paid.iter().position(|paid| !paid).unwrap();
    assert!(paid[closed..].iter().all(|paid| !paid), "{paid:?}");
}

#[tokio::test]
async fn the_first_hourly_try_meets_the_answer_that_the_first_debit_met() {
    let ids: Vec<String> = (0..80).map(|n| format!("m{n}")).collect();
    let mandates = ids.iter().map(|id| juspay(id, Rail::Enach, Notify::None));
    let bench = Bench::with(Profile::DEMO, Faults::NONE, 5, mandates.collect()).await;
    let dues: Vec<Due> = ids.iter().map(|id| due(id, 5, "05 05:30")).collect();
    let hourly = bench.sandbox.hourly(&dues);
    for id in &ids {
        bench.execute("05 05:30", id, id, &[]).await.unwrap();
        assert_eq!(bench.sandbox.presented(id, day(5)), 1);
    }
    let paid: Vec<String> = bench
        .debits("07 00:00")
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    for (id, hourly) in ids.iter().zip(hourly) {
        assert_eq!(paid.contains(id), hourly.at_first, "{id}");
    }
    assert!((30..65).contains(&paid.len()), "{}", paid.len());
}

#[tokio::test]
async fn only_what_a_bank_could_not_answer_is_collected_late() {
    let faults = Faults {
        late_success: 1000,
        ..Faults::NONE
    };
    let mut toll = juspay("t1", Rail::Card, Notify::None);
    toll.category = Some("fastag".to_owned());
    let bench = Bench::with(POOR, faults, 1, vec![toll.clone()]).await;
    bench.execute("05 08:30", "t1", "o1", &[]).await.unwrap();
    assert_eq!(bench.debits("31 00:00"), []);
    let down = Profile {
        technical: 1000,
        ..POOR
    };
    let bench = Bench::with(down, faults, 1, vec![toll]).await;
    bench.execute("05 08:30", "t1", "o1", &[]).await.unwrap();
    assert_eq!(bench.status("05 08:40", "o1").await, "AUTHORIZATION_FAILED");
    assert_eq!(bench.debits("31 00:00").len(), 1);
    let script = Then::Fault(Fault::LateSuccess);
    bench.script("t1", Call::Execute, [script]);
    bench.execute("20 08:30", "t1", "o2", &[]).await.unwrap();
    assert_eq!(bench.debits("31 00:00").len(), 2);
}
