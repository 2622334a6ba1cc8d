//! Keys, tokens, VPAs, account numbers, phone numbers and e-mails reach neither the log, nor the history, nor an error message.

mod chatter;
mod commands;

use std::time::Duration;

use base64::Engine as _;
use lab::sandbox::Faults;
use mandated::ops::audit::detector;
use mandated::provider::Answered;
use mandated::store::claim::{ClaimRequest, claim_due};
use mandated::store::mandates::find;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

use crate::support::due::{column, execute};
use crate::support::log::Log;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{KEY, World, at, live};
use chatter::Chatter;

const EMAIL: &str = "asha.rao@example.in";
const PHONE: &str = "9876543210";
const SPACED: &str = "98765 43210";
const VPA: &str = "asha@okbank";
const ACCOUNT: &str = "50100012345678";
const CARD: &str = "4111111111111111";
const TOKEN: &str = "tok8b1c77e0d2";
const UMRN: &str = "KKBK7000000000001";

/// What a merchant has sent along with every order.
const METADATA: &str = r#"{"order.customer_email":"asha.rao@example.in","order.customer_phone":"9876543210",
    "order.billing_address_phone":"+91 98765 43210","udf1":"asha@okbank","udf2":50100012345678,
    "order.metadata":{"card":"4111111111111111","vpa":"asha@okbank"}}"#;

/// Everything of a log, a table or a message in which none of it may be.
fn assert_clean(what: &str, text: &str) {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{KEY}:"));
    for secret in [
        EMAIL, PHONE, SPACED, VPA, ACCOUNT, CARD, TOKEN, UMRN, KEY, &basic,
    ] {
        let found = text.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret} is in {what}");
    }
}

/// Four of each flow. Signzy takes no metadata.
fn scenario() -> Scenario {
    let (juspay, signzy) = Flow::ALL.split_at(6);
    Scenario::flows(juspay.repeat(4))
        .metadata(METADATA)
        .more(signzy.repeat(4))
}

/// Every answer and every sentence that is kept, as somebody else than the redaction judges them.
async fn assert_nobody_is_in(world: &World) {
    let bodies: Vec<String> = column(
        world.pool(),
        "select body from mandated.attempts where body is not null",
    )
    .await;
    let sentences: Vec<String> = column(
        world.pool(),
        "select message from mandated.attempts where message is not null
         union all select decision from mandated.attempts
         union all select reason from mandated.events
         union all select reason from mandated.executions
         union all select status_reason from mandated.mandates where status_reason is not null",
    )
    .await;
    assert!(!bodies.is_empty() && !sentences.is_empty());
    for body in bodies {
        assert_eq!(detector::in_answer(&body), None, "{body}");
    }
    for sentence in sentences {
        assert_eq!(detector::in_text(&sentence), None, "{sentence}");
    }
}

/// Every row of every table but the mandates', whose metadata is the merchant's own and kept to be sent.
async fn history(world: &World) -> String {
    let mut rows: Vec<String> = column(
        world.pool(),
        "select ref || ' ' || status || ' ' || coalesce(status_reason, '') from mandated.mandates",
    )
    .await;
    for table in [
        "accounts",
        "executions",
        "notifications",
        "jobs",
        "intents",
        "debits",
        "attempts",
        "events",
        "policies",
        "account_faults",
        "operator_requests",
        "resolutions",
    ] {
        let sql = format!("select t::text from mandated.{table} t");
        rows.extend(column::<String>(world.pool(), &sql).await);
    }
    rows.join("\n")
}

#[tokio::test]
async fn no_struct_shows_them_in_its_debug_text() {
    let world = scenario().open().await;
    world.run_until(at("05 06:00")).await;
    let mut conn = world.pool().acquire().await.unwrap();
    let stored = find(&mut conn, "900").await.unwrap().unwrap();
    assert!(stored.mandate.metadata.values().any(|value| value == EMAIL));
    execute(
        world.pool(),
        "update mandated.jobs set run_at = '2027-01-01'",
    )
    .await;
    let request = ClaimRequest {
        account: world.engine.accounts[0].id,
        now: world.clock.now(),
        limit: 10,
        lease: Duration::from_mins(1),
        worker: "worker-1",
        since: None,
    };
    let claimed = claim_due(world.pool(), &request).await.unwrap();
    assert!(!claimed.is_empty());
    let body = format!(r#"{{"email":"{EMAIL}","vpa":"{VPA}"}}"#);
    let answered = Answered::noted(200, [("x-phone", PHONE)], body, world.clock.now());
    let text = format!("{:?} {stored:#?} {claimed:?} {answered:?}", world.engine);
    assert!(
        text.contains("order.customer_email"),
        "the names are no secret"
    );
    assert_clean("a debug text", &text);
}

#[tokio::test]
async fn nothing_of_the_payers_is_left_of_a_rough_month_in_every_flow() {
    let faults = Faults {
        slow: 0,
        ..Faults::DEMO
    };
    let world = scenario().faults(faults).open().await;
    let log = Log::filtered("trace");
    world.run_until(at("28 23:59")).await;
    let history = history(&world).await;
    assert!(history.contains("charged") && history.contains("[redacted]"));
    assert_clean("the history", &history);
    assert_nobody_is_in(&world).await;
    let log = log.text();
    assert!(log.contains(r#""level":"TRACE""#), "all of it is captured");
    assert_clean("the log", &log);
}

#[tokio::test]
async fn nothing_of_the_payers_is_left_of_answers_that_are_full_of_them() {
    let world = scenario().open().await;
    let provider = MockServer::start().await;
    Mock::given(any())
        .respond_with(Chatter::default())
        .mount(&provider)
        .await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    let log = Log::filtered("trace");
    live(&engine, at("28 23:59")).await;
    let history = history(&world).await;
    for outcome in [
        "charged",
        "failed",
        "refused",
        "unknown",
        "account_refused",
        "pending",
        "not_found",
    ] {
        assert!(
            history.contains(&format!(",{outcome},")),
            "nothing was {outcome}"
        );
    }
    assert!(history.contains("[redacted]"));
    assert_clean("the history", &history);
    assert_nobody_is_in(&world).await;
    assert_clean("the log", &log.text());
}
