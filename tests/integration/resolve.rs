//! `executions resolve`: a person's word closes what nothing has proven, and nothing else.

use std::time::Duration;

use chrono::NaiveDate;
use lab::sandbox::{Call, Reason, Then};
use mandated::cli::print::{Format, Print};
use mandated::domain::resolve::{Refusal, ResolvedAs};
use mandated::domain::{ExecutionId, State, Timestamp};
use mandated::engine::{Engine, job};
use mandated::ops::resolve::resolve;
use mandated::ops::{OpsError, timeline};
use mandated::store::claim::{ClaimRequest, Claimed, claim_due};
use mandated::store::resolve::ResolutionRequest;
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::support::due::{column, execute, scalar};
use crate::support::provider::{Asked, FIRST_ORDER, declined, juspay, order};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, at, live};

mod named;

const ID: ExecutionId = ExecutionId(1);

fn said(resolved_as: ResolvedAs) -> ResolutionRequest<'static> {
    ResolutionRequest {
        resolved_as,
        who: "asha",
        reason: "the provider cannot answer",
        evidence: "settlement report of the week, line 7",
        provider_ref: Some("shop-late-1"),
        order: None,
    }
}

/// One UPI execution under a provider that answers as told, until a time.
async fn lived(
    answer: impl Fn(Asked, &str, Timestamp) -> Value + Send + Sync + 'static,
    until: Timestamp,
) -> (World, Engine, MockServer) {
    let provider = juspay(answer).await;
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, until).await;
    (world, engine, provider)
}

fn nonsense(_: Asked, _: &str, _: Timestamp) -> Value {
    json!({ "what": "is this" })
}

async fn try_to(world: &World, word: ResolutionRequest<'_>) -> Result<State, OpsError> {
    let mut connection = world.pool().acquire().await.unwrap();
    let done = resolve(&mut connection, ID, word, world.clock.now()).await?;
    let mut out = Vec::new();
    done.write(&mut out, Format::Json).unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    Ok(State::parse(json["to"].as_str().unwrap()).unwrap())
}

async fn refusal(world: &World, word: ResolutionRequest<'_>) -> Refusal {
    let error = try_to(world, word).await.unwrap_err();
    let OpsError::Resolve { why, .. } = error else {
        panic!("{error}");
    };
    why
}

/// What is on record: debits, intents, jobs, and resolutions with their events.
async fn record(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('debit %s %s %s', nth_order(order_id), provider_txn, amount_minor) from mandated.debits
         union all select 'intent' from mandated.intents
         union all select 'job ' || step from mandated.jobs
         union all select format('%s to %s as %s by %s', from_state, to_state, resolved_as, who) from mandated.resolutions
         union all select format('event %s %s', from_state, to_state) from mandated.events where kind = 'execution.resolved'",
    )
    .await
}

#[tokio::test]
async fn an_unknown_is_charged_by_a_persons_word_with_its_debit_and_its_record() {
    let (world, _engine, _provider) = lived(nonsense, at("06 12:00")).await;
    assert_eq!(world.stands("a").await.0, "unknown");
    assert_eq!(
        try_to(&world, said(ResolvedAs::Charged)).await.unwrap(),
        State::Charged
    );
    assert_eq!(
        record(&world).await,
        [
            "debit o1 shop-late-1 49900",
            "unknown to charged as charged by asha",
            "event unknown charged"
        ]
    );
    world.audited().await;
    // It is closed: a second word, whatever it says, changes nothing.
    for resolved_as in ResolvedAs::ALL {
        assert_eq!(
            refusal(&world, said(*resolved_as)).await,
            Refusal::NotOpen(State::Charged)
        );
    }
    let mut connection = world.pool().acquire().await.unwrap();
    let shown = timeline::of_execution(&mut connection, ID).await.unwrap();
    let mut out = Vec::new();
    shown.write(&mut out, Format::Text).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains(" as charged by asha, transaction shop-late-1: the provider cannot answer; evidence: settlement report"),
        "{text}"
    );
}

#[tokio::test]
async fn what_was_said_to_have_failed_and_was_collected_after_all_is_found() {
    let found = at("07 12:00");
    let answer = move |asked, id: &str, time| match asked {
        Asked::LookUp if time >= found => order(id, "CHARGED"),
        Asked::Debit | Asked::LookUp => json!({ "what": "is this" }),
    };
    let (world, engine, _provider) = lived(answer, at("06 12:00")).await;
    assert_eq!(
        try_to(&world, said(ResolvedAs::Failed)).await.unwrap(),
        State::Failed
    );
    assert_eq!(
        record(&world).await,
        [
            "job recheck",
            "unknown to failed as failed by asha",
            "event unknown failed"
        ]
    );
    world.audited().await;
    live(&engine, at("09 12:00")).await;
    assert_eq!(
        world.stands("a").await,
        (
            "charged".to_owned(),
            "collected late by the provider".to_owned()
        )
    );
    assert_eq!(
        world.way("a").await,
        "planned executing unknown failed charged"
    );
    let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert_eq!(debits, 1);
    world.audited().await;
}

#[tokio::test]
async fn a_collection_that_was_given_back_is_resolved_as_refunded_and_as_nothing_else() {
    let answer = |asked, id: &str, time| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        // No money, and the provider says that it will not try again. Then it does.
        Asked::LookUp if id == FIRST_ORDER && time < at("06 20:00") => declined(id, "Z9", false),
        Asked::LookUp => order(id, "CHARGED"),
    };
    let (world, engine, _provider) = lived(answer, at("09 00:00")).await;
    assert!(world.stands("a").await.1.starts_with("refund due: order "),);
    for resolved_as in [ResolvedAs::Charged, ResolvedAs::Failed] {
        let why = refusal(&world, said(resolved_as)).await;
        assert!(
            matches!(why, Refusal::RefundDue | Refusal::Proven),
            "{why:?}"
        );
    }
    assert_eq!(
        try_to(&world, said(ResolvedAs::Refunded)).await.unwrap(),
        State::Charged
    );
    let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert_eq!(debits, 1, "the cycle's own debit stands");
    // The provider still calls both orders charged: what was given back does not come up again.
    live(&engine, at("20 00:00")).await;
    assert_eq!(world.stands("a").await.0, "charged");
    world.audited().await;
}

/// Signzy tells no payment by an order of ours. One without a name would be found again, and taken for another cycle's.
#[tokio::test]
async fn a_charge_at_signzy_names_its_payment_and_no_other_cycles() {
    let world = Scenario::of("900", Flow::SignzyOnDemand)
        .provider(Call::Execute, [Then::Declines(Reason::Technical)])
        .open()
        .await;
    world.run("05 08:00").await;
    execute(
        world.pool(),
        "with closed as (delete from mandated.intents), gone as (delete from mandated.jobs),
              other as (insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, provider_txn, proven_at)
                        values (1, '2027-01-05', 9, 'order-0', 'shop-late-1', now()))
         update mandated.executions set state = 'review', finished_at = now(), provider_ref = null",
    )
    .await;
    let charged = said(ResolvedAs::Charged);
    let unnamed = ResolutionRequest {
        provider_ref: None,
        ..charged
    };
    assert_eq!(refusal(&world, unnamed).await, Refusal::PaymentNotNamed);
    let other = NaiveDate::from_ymd_opt(2027, 1, 5).unwrap();
    assert_eq!(
        refusal(&world, charged).await,
        Refusal::PaymentOfCycle(other)
    );
    assert!(
        record(&world)
            .await
            .iter()
            .all(|line| !line.contains(" as "))
    );
    // A bank's reference is no payment of Signzy's: nothing that is looked up has it.
    let banks = ResolutionRequest {
        provider_ref: Some("UTR512345678"),
        ..charged
    };
    assert_eq!(refusal(&world, banks).await, Refusal::PaymentNotNamed);
    let named = ResolutionRequest {
        provider_ref: Some("4711"),
        ..charged
    };
    assert_eq!(try_to(&world, named).await.unwrap(), State::Charged);
}

#[tokio::test]
async fn what_goes_on_by_itself_is_not_a_persons_to_close() {
    let answer = |_, id: &str, _| order(id, "PENDING_VBV");
    let (world, _engine, _provider) = lived(answer, at("05 12:00")).await;
    for resolved_as in ResolvedAs::ALL {
        assert_eq!(
            refusal(&world, said(*resolved_as)).await,
            Refusal::NotOpen(State::Pending)
        );
    }
    // After its cycle it is.
    execute(
        world.pool(),
        "update mandated.executions set closes_at = '2027-02-05T12:00+05:30'",
    )
    .await;
    assert_eq!(
        refusal(&world, said(ResolvedAs::Refunded)).await,
        Refusal::NothingToRefund
    );
    assert_eq!(
        try_to(&world, said(ResolvedAs::Failed)).await.unwrap(),
        State::Failed
    );
}

#[tokio::test]
async fn words_without_a_name_a_reason_or_evidence_are_refused_and_change_nothing() {
    let (world, _engine, _provider) = lived(nonsense, at("06 12:00")).await;
    let word = said(ResolvedAs::Charged);
    for word in [
        ResolutionRequest { who: " ", ..word },
        ResolutionRequest { reason: "", ..word },
        ResolutionRequest {
            evidence: "\t",
            ..word
        },
        ResolutionRequest {
            evidence: "payer@okbank said so",
            ..word
        },
    ] {
        let error = try_to(&world, word).await.unwrap_err();
        assert!(matches!(error, OpsError::Words(_)), "{error}");
        assert!(!error.to_string().contains("okbank"), "{error}");
    }
    assert_eq!(world.stands("a").await.0, "unknown");
    let mut connection = world.pool().acquire().await.unwrap();
    let nobody = resolve(&mut connection, ExecutionId(99), word, world.clock.now()).await;
    assert!(matches!(nobody, Err(OpsError::NoExecution(_))));
}

async fn claim(world: &World, engine: &Engine) -> Claimed {
    let request = ClaimRequest {
        account: engine.accounts[0].id,
        now: world.clock.now(),
        limit: 10,
        lease: Duration::from_mins(2),
        worker: "worker-1",
        since: None,
    };
    let mut claimed = claim_due(world.pool(), &request).await.unwrap();
    claimed.pop().unwrap()
}

/// A worker that looks the order up right now is waited for; one that has lost its lease writes nothing over a person's word.
#[tokio::test]
async fn a_worker_and_a_person_never_both_decide() {
    let answer = |asked, id: &str, time| match asked {
        Asked::LookUp if time >= at("06 12:00") => declined(id, "ZA", false),
        Asked::Debit | Asked::LookUp => json!({ "what": "is this" }),
    };
    let (world, engine, _provider) = lived(answer, at("06 11:00")).await;
    world.outage("06 20:00");
    let claimed = claim(&world, &engine).await;
    let held = try_to(&world, said(ResolvedAs::Charged)).await.unwrap_err();
    assert!(matches!(held, OpsError::Held(_)), "{held}");
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    let done = job::run(&engine.worker(&engine.accounts[0]), claimed, deadline)
        .await
        .unwrap();
    assert_eq!(done.to_state, State::Failed);
    // Its lease runs out before it has settled, and somebody else takes the job back.
    execute(
        world.pool(),
        "update mandated.jobs set lease_until = now() - interval '1 second'",
    )
    .await;
    let held = try_to(&world, said(ResolvedAs::Charged)).await.unwrap_err();
    assert!(matches!(held, OpsError::Held(_)), "{held}");
    engine.rescuer().tick().await.unwrap();
    assert_eq!(
        try_to(&world, said(ResolvedAs::Charged)).await.unwrap(),
        State::Charged
    );
    let settled = mandated::store::settle::settle(
        world.pool(),
        &[done.settlement],
        &done.attempts,
        world.clock.now(),
        "worker-1",
        crate::support::due::FAULTS,
    )
    .await
    .unwrap();
    assert!(settled.executions.is_empty(), "the late worker wrote");
    assert_eq!(world.stands("a").await.0, "charged");
    world.audited().await;
}

/// Claims and resolutions of one job at once: whoever comes second sees what the first one did.
#[tokio::test]
async fn whoever_comes_second_sees_what_the_first_one_did() {
    let (world, engine, _provider) = lived(nonsense, at("06 11:00")).await;
    for _ in 0..20 {
        execute(
            world.pool(),
            "update mandated.jobs set lease_until = null, lease_token = null, worker_id = null, run_at = '2027-02-06T10:00+05:30'",
        )
        .await;
        let request = ClaimRequest {
            account: engine.accounts[0].id,
            now: world.clock.now(),
            limit: 10,
            lease: Duration::from_mins(2),
            worker: "worker-1",
            since: None,
        };
        let (claimed, word) = tokio::join!(
            claim_due(world.pool(), &request),
            try_to(&world, said(ResolvedAs::Failed))
        );
        let claimed = claimed.unwrap();
        match word {
            Ok(state) => {
                assert_eq!(state, State::Failed);
                assert!(claimed.is_empty(), "both have it: {claimed:?}");
                return;
            }
            Err(OpsError::Held(_)) => assert_eq!(claimed.len(), 1),
            Err(other) => panic!("{other}"),
        }
    }
    // The claim was always first: then the person comes once it is over.
    execute(
        world.pool(),
        "update mandated.jobs set lease_until = null, lease_token = null, worker_id = null",
    )
    .await;
    try_to(&world, said(ResolvedAs::Failed)).await.unwrap();
}
