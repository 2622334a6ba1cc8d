//! What a person does to an execution and to a rail: tried sooner, tried once more, left out, held back.

mod at_once;
mod paused_rail;

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::domain::machine::decide::operator::{Declined, OperatorRequestKind};
use mandated::domain::resolve::ResolvedAs;
use mandated::domain::{ExecutionId, State, Step, Timestamp};
use mandated::ops::resolve::resolve;
use mandated::store::claim::{ClaimRequest, Claimed, claim_due};
use mandated::store::mandates::Change;
use mandated::store::operator_requests::{
    GrantedRequest, OperatorRequest, OperatorRequestResult, operate as submit,
};
use mandated::store::resolve::ResolutionRequest;

use crate::support::due::{ATTRIBUTION, column, execute, scalar};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, at};

const ID: ExecutionId = ExecutionId(1);

fn request(world: &World, what: OperatorRequestKind) -> OperatorRequest<'static> {
    OperatorRequest {
        id: ID,
        kind: what,
        attribution: ATTRIBUTION,
        at: world.clock.now(),
    }
}

async fn order_no(world: &World) -> i16 {
    scalar(world.pool(), "select order_no from mandated.executions").await
}

async fn granted(world: &World, what: OperatorRequestKind) -> GrantedRequest {
    let mut conn = world.pool().acquire().await.unwrap();
    match submit(&mut conn, request(world, what)).await.unwrap() {
        OperatorRequestResult::Granted(granted) => granted,
        refused @ (OperatorRequestResult::Held
        | OperatorRequestResult::Declined(_)
        | OperatorRequestResult::NoExecution) => {
            panic!("{refused:?}")
        }
    }
}

async fn declined(world: &World, what: OperatorRequestKind) -> Declined {
    let before: Vec<String> = on_record(world).await;
    let mut conn = world.pool().acquire().await.unwrap();
    let refused = submit(&mut conn, request(world, what)).await.unwrap();
    let OperatorRequestResult::Declined(why) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(on_record(world).await, before, "nothing is half done");
    why
}

/// The execution, its job, and what people did.
async fn on_record(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s %s', state, reason, updated_at) from mandated.executions
         union all select format('%s %s', step, run_at) from mandated.jobs
         union all select format('%s by %s: %s', what, who, reason) from mandated.operator_requests",
    )
    .await
}

async fn next_at(world: &World) -> Timestamp {
    scalar(world.pool(), "select run_at from mandated.jobs").await
}

/// Lives on, a minute at a time, until a mandate's execution has come to a state.
async fn until_it_is(world: &World, reference: &str, state: &str) {
    while !world.way(reference).await.ends_with(state) {
        let soon = world.clock.now() + chrono::TimeDelta::minutes(1);
        assert!(
            soon < at("12 00:00"),
            "never {state}: {}",
            world.way(reference).await
        );
        world.run_until(soon).await;
    }
}

/// A payer whose first debit is declined.
async fn declined_once(flow: Flow, reason: Reason) -> World {
    let world = Scenario::of("a", flow).open().await;
    world.script("a", Call::Execute, [Then::Declines(reason)]);
    world
}

#[tokio::test]
async fn a_retry_that_waits_for_a_payday_is_brought_forward_as_far_as_the_rail_allows() {
    for flow in [Flow::UpiSeparate, Flow::CardSeparate, Flow::Enach] {
        let world = declined_once(flow, Reason::LowBalance).await;
        world.run("05 06:00").await;
        until_it_is(&world, "a", "retrying").await;
        let planned = next_at(&world).await;
        let brought = granted(&world, OperatorRequestKind::Retry).await;
        let next = brought.next_at.unwrap();
        assert!(next < planned, "{flow:?}: {next} is sooner than {planned}");
        assert_eq!(
            (brought.from, brought.to),
            (State::Retrying, State::Retrying)
        );
        // It is as early as can be now.
        let again = declined(&world, OperatorRequestKind::Retry).await;
        assert!(matches!(again, Declined::NotSooner(_)), "{again}");
        world.run_until(next + chrono::TimeDelta::days(4)).await;
        assert_eq!(world.stands("a").await.0, "charged", "{flow:?}");
        let retried = "select max(at) from mandated.attempts where call = 'retry'";
        let retried: Timestamp = scalar(world.pool(), retried).await;
        assert!(retried < planned, "{flow:?}");
        world.agrees().await;
    }
}

#[tokio::test]
async fn what_has_failed_is_collected_after_all_with_a_new_notification_and_a_new_order() {
    for (flow, reason) in [
        (Flow::UpiSeparate, Reason::CustomerStop),
        (Flow::UpiProvider, Reason::CustomerStop),
        (Flow::UpiExempt, Reason::CustomerStop),
        (Flow::CardSeparate, Reason::NotApproved),
        (Flow::CardProvider, Reason::NotApproved),
    ] {
        let world = declined_once(flow, reason).await;
        world.run("14 00:00").await;
        assert_eq!(world.stands("a").await.0, "failed", "{flow:?}");
        // The mandate itself is sound.
        let again = granted(&world, OperatorRequestKind::Retry).await;
        assert_eq!((again.from, again.to), (State::Failed, State::Planned));
        assert_eq!(order_no(&world).await, 2);
        world.run("20 00:00").await;
        assert_eq!(world.stands("a").await.0, "charged", "{flow:?}");
        assert_eq!(
            on_record(&world).await.pop().unwrap(),
            "retry by asha: said so"
        );
        world.agrees().await;
    }
}

#[tokio::test]
async fn a_new_order_waits_until_the_old_one_is_dead_and_its_budget_is_the_policys() {
    let world = declined_once(Flow::UpiSeparate, Reason::CustomerStop).await;
    world.run("14 00:00").await;
    // As if it had failed a moment ago.
    let now = world.clock.now();
    execute(
        world.pool(),
        &format!("update mandated.executions set failed_at = '{now}'"),
    )
    .await;
    let first = granted(&world, OperatorRequestKind::Retry).await;
    assert_eq!(
        (first.to, first.next_step),
        (State::Failed, Some(Step::Recheck))
    );
    let why = declined(&world, OperatorRequestKind::Retry).await;
    assert!(matches!(why, Declined::NotDead(_)), "{why}");
    let lookup_times = first.next_at.unwrap() + chrono::TimeDelta::minutes(5);
    let ended = "select finished_at from mandated.executions";
    let before: Timestamp = scalar(world.pool(), ended).await;
    world.run_until(lookup_times).await;
    assert_eq!(world.stands("a").await.0, "failed");
    // It came to its end when it did, and not when somebody asked: the look-up that was promised is enough.
    assert!(before < now, "{before}");
    let after: Timestamp = scalar(world.pool(), ended).await;
    assert_eq!(after, before);
    execute(
        world.pool(),
        "update mandated.executions set order_no = 3, order_id = 'spent'",
    )
    .await;
    assert_eq!(
        declined(&world, OperatorRequestKind::Retry).await,
        Declined::NoOrder(3)
    );
    // A bank that returned an eNACH debit may not be asked again in this cycle: its attempts are for the cycle.
    let world = declined_once(Flow::Enach, Reason::CustomerStop).await;
    world.run("20 00:00").await;
    assert_eq!(world.stands("a").await.0, "failed");
    assert_eq!(
        declined(&world, OperatorRequestKind::Retry).await,
        Declined::NoOrder(1)
    );
}

#[tokio::test]
async fn a_cycle_that_is_left_out_is_not_debited_and_can_be_taken_up_again() {
    for flow in Flow::ALL {
        if flow == Flow::SignzyWatched {
            continue;
        }
        let reference = if flow == Flow::SignzyOnDemand {
            "900"
        } else {
            "a"
        };
        let world = Scenario::of(reference, flow).open().await;
        // Before it is handed over to a provider that debits by itself.
        world.run("03 12:00").await;
        if world.way(reference).await.is_empty() {
            until_it_is(&world, reference, "planned").await;
        }
        let before = world.ledger().calls.len();
        let skipped = granted(&world, OperatorRequestKind::Skip).await;
        assert_eq!((skipped.to, skipped.next_step), (State::Skipped, None));
        world.run("10 00:00").await;
        assert_eq!(world.ledger().calls.len(), before, "{flow:?}");
        assert_eq!(
            declined(&world, OperatorRequestKind::Skip).await,
            Declined::Ended(State::Skipped)
        );
        assert_eq!(
            granted(&world, OperatorRequestKind::Retry).await.to,
            State::Planned
        );
        world.run("16 00:00").await;
        assert_eq!(world.stands(reference).await.0, "charged", "{flow:?}");
        world.agrees().await;
    }
}

#[tokio::test]
async fn what_is_skipped_after_an_attempt_is_rechecked_and_a_late_success_is_kept() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.script("a", Call::Execute, [Then::Fault(Fault::LateSuccess)]);
    world.run("05 06:00").await;
    until_it_is(&world, "a", "retrying").await;
    let skipped = granted(&world, OperatorRequestKind::Skip).await;
    assert!(skipped.next_at.is_some(), "{skipped:?}");
    world.run("14 00:00").await;
    assert_eq!(world.stands("a").await.0, "charged");
    world.agrees().await;
}

#[tokio::test]
async fn no_operator_request_ends_what_is_open_or_over() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.run("05 06:00").await;
    assert!(matches!(
        declined(&world, OperatorRequestKind::Retry).await,
        Declined::GoesOn(_)
    ));
    // The debit is with the provider.
    world.script("a", Call::Execute, [Then::Fault(Fault::AnswerLost)]);
    world.run("05 06:00").await;
    until_it_is(&world, "a", "unknown").await;
    assert_eq!(
        declined(&world, OperatorRequestKind::Skip).await,
        Declined::DebitOpen(State::Unknown)
    );
    world.run("08 00:00").await;
    assert_eq!(world.stands("a").await.0, "charged");
    for what in [OperatorRequestKind::Retry, OperatorRequestKind::Skip] {
        assert_eq!(
            declined(&world, what).await,
            Declined::Ended(State::Charged)
        );
    }
    // Even if the state were lost, the debit is known.
    execute(
        world.pool(),
        "update mandated.executions set state = 'failed'",
    )
    .await;
    assert_eq!(
        declined(&world, OperatorRequestKind::Retry).await,
        Declined::Collected
    );
}

#[tokio::test]
async fn a_mandate_that_is_paused_or_revoked_and_a_cycle_that_is_over_are_refused() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.run("05 06:00").await;
    granted(&world, OperatorRequestKind::Skip).await;
    world.change("a", Change::Pause).await;
    assert!(matches!(
        declined(&world, OperatorRequestKind::Retry).await,
        Declined::Mandate(_)
    ));
    world.change("a", Change::Resume).await;
    world
        .clock
        .advance_to(at("28 00:00") + chrono::TimeDelta::days(7));
    assert!(matches!(
        declined(&world, OperatorRequestKind::Retry).await,
        Declined::CycleOver(_)
    ));
    let watched = Scenario::of("900", Flow::SignzyWatched).open().await;
    watched.run("05 06:00").await;
    assert_eq!(
        declined(&watched, OperatorRequestKind::Skip).await,
        Declined::Watched
    );
}

/// A worker that is killed in the middle of a call has noted nothing of it.
#[tokio::test]
async fn what_a_person_said_has_failed_may_have_been_sent_whatever_is_noted_of_it() {
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    world.run("05 06:00").await;
    let now = world.clock.now();
    let claimed = claim(&world).await;
    assert!(claimed[0].opened, "the call may have left");
    execute(
        world.pool(),
        "update mandated.jobs set lease_token = null, lease_until = null, worker_id = null, step = 'lookup'",
    )
    .await;
    execute(
        world.pool(),
        "update mandated.executions set state = 'unknown'",
    )
    .await;
    let mut conn = world.pool().acquire().await.unwrap();
    let said = ResolutionRequest {
        resolved_as: ResolvedAs::Failed,
        who: "asha",
        reason: "the provider has lost its log",
        evidence: "ticket 7",
        provider_ref: None,
        order: None,
    };
    resolve(&mut conn, ID, said, now).await.unwrap();
    let before = claimed[0].order_id.clone();
    // It is looked at first, and that look-up is planned.
    let why = declined(&world, OperatorRequestKind::Retry).await;
    assert!(matches!(why, Declined::NotDead(_)), "{why}");
    world.run("08 00:00").await;
    let again = granted(&world, OperatorRequestKind::Retry).await;
    assert_eq!(order_no(&world).await, 2, "never the same order");
    assert_ne!(again.order_id, before);
}

async fn claim(world: &World) -> Vec<Claimed> {
    let request = ClaimRequest {
        account: world.engine.accounts[0].id,
        now: at("05 07:30"),
        limit: 10,
        lease: std::time::Duration::from_mins(1),
        worker: "worker-9",
        since: None,
    };
    claim_due(world.pool(), &request).await.unwrap()
}
