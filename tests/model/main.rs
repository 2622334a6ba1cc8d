//! The protocol as a model, checked in every state that it can reach: claim, intent, call, settle, rescue and reconcile, by two
//! workers, with a provider that may lose answers and crashes anywhere.
//!
//! Time is what may happen: a lease can run out whatever its worker is doing, a call can arrive whenever it likes until the processing
//! time is over. A crash is a worker that forgets; it may come at any moment and as often as it likes, and so may every lost answer.
//! Bounded are the numbers: two workers, two calls on their way, two attempts on an order and one silent one; Juspay's cycle has two
//! orders, Signzy's mandate two cycles.
//!
//! The protocol is the product's own: the workers drive `domain::machine::Machine` and a lost job goes on by `machine::rescue`. A crash
//! is possible after every action, and nothing of the machine survives it. What is written here is all that is around the machine:
//! claim and settlement as `src/store/claim.sql` and `settle.sql` have them (`store.rs`), the provider (`provider.rs`) and the clock
//! (`times.rs`).
//!
//! Left out: notifications, windows, budgets of look-ups, and that a recheck is given up after five answers that did not come.

// For clippy: what helps a test is a test.
#![cfg(test)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unused_self,
    clippy::wildcard_enum_match_arm,
    reason = "numbers are small, and each place names what matters there"
)]

mod lawful;
mod machine;
mod model;
mod properties;
mod protocol;
mod provider;
mod reachable;
mod store;
mod times;
mod worker;
mod world;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Path};

use properties::{FENCE, INTENT, ONE_DEBIT, PROOF};
use protocol::{Action, Broken, Protocol, Style};
use world::{Row, World};

fn juspay(max_orders: u8, max_attempts: u8, broken: Option<Broken>) -> Protocol {
    Protocol::new(Style::Juspay, 1, max_orders, max_attempts, broken)
}

fn signzy(cycles: usize, max_attempts: u8, broken: Option<Broken>) -> Protocol {
    Protocol::new(Style::Signzy, cycles, 1, max_attempts, broken)
}

/// Long enough for a slow machine; a counter-example is found in well under a second.
const PATIENCE: Duration = Duration::from_mins(10);

/// Every state is visited, the properties hold in all of them, and what must be possible is. `at_least` is well below the number of
/// states, and far above that of a model in which something has stopped to happen.
fn holds(protocol: Protocol, at_least: usize) {
    let wanted = protocol.properties().into_iter();
    let wanted = wanted.filter(|property| !property.expectation.discovery_is_failure());
    let wanted: Vec<&str> = wanted.map(|property| property.name).collect();
    let failures = HasDiscoveries::AnyFailures;
    let begun = Instant::now();
    let checker = protocol.checker().threads(2).timeout(PATIENCE);
    let checker = checker.finish_when(failures).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{states} states, up to {depth} actions deep");
    let mut found = checker.discoveries();
    let happens: Vec<bool> = wanted
        .iter()
        .map(|name| found.remove(name).is_some())
        .collect();
    if let Some((name, path)) = found.into_iter().next() {
        panic!("not true: {name}\n{}", story(path));
    }
    for (name, happens) in wanted.iter().zip(happens) {
        assert!(happens, "never happens: {name}");
    }
    // A checker whose time was over says that it is done, too.
    assert!(
        begun.elapsed() < PATIENCE,
        "not all states were visited in {PATIENCE:?}"
    );
    assert!(states >= at_least, "only {states} states");
}

/// Without one of the things that hold the protocol, a property does not hold, and the way there is found.
fn breaks(protocol: Protocol, property: &'static str) {
    let broken = protocol.broken.unwrap();
    let found = HasDiscoveries::AllOf(BTreeSet::from([property]));
    let checker = protocol.checker().threads(2).timeout(PATIENCE);
    let checker = checker.finish_when(found).spawn_bfs().join();
    let path = checker.discovery(property);
    let path = path.unwrap_or_else(|| panic!("{broken:?}, and still: {property}"));
    println!("{broken:?} breaks: {property}\n{}", story(path));
}

#[test]
fn juspay_debits_a_cycle_once_with_retries_and_with_a_new_order() {
    holds(juspay(2, 2, None), 100_000);
}

#[test]
fn signzy_debits_each_of_two_cycles_once_without_a_key() {
    holds(signzy(2, 2, None), 30_000);
}

#[test]
fn a_cycle_that_ends_on_the_way_is_debited_at_most_once() {
    for (protocol, at_least) in [(juspay(1, 2, None), 50_000), (signzy(1, 2, None), 1_500)] {
        let cycles_end = true;
        let protocol = Protocol {
            cycles_end,
            ..protocol
        };
        holds(protocol, at_least);
    }
}

#[test]
fn without_the_fence_a_lost_worker_undoes_what_another_did() {
    breaks(juspay(1, 2, Some(Broken::NoFence)), FENCE);
    breaks(juspay(1, 2, Some(Broken::NoFence)), INTENT);
    breaks(signzy(1, 2, Some(Broken::NoFence)), ONE_DEBIT);
}

#[test]
fn a_rescue_that_repeats_the_call_debits_twice() {
    breaks(juspay(1, 2, Some(Broken::RescueRepeats)), INTENT);
    breaks(signzy(1, 2, Some(Broken::RescueRepeats)), ONE_DEBIT);
}

#[test]
fn a_lost_call_that_is_looked_up_at_once_is_made_again() {
    breaks(juspay(1, 2, Some(Broken::RescueHurries)), INTENT);
    breaks(signzy(1, 2, Some(Broken::RescueHurries)), ONE_DEBIT);
}

#[test]
fn a_call_without_an_intent_is_made_again() {
    breaks(juspay(1, 2, Some(Broken::NoIntent)), INTENT);
    breaks(signzy(1, 2, Some(Broken::NoIntent)), ONE_DEBIT);
}

#[test]
fn a_provider_that_knows_of_nothing_yet_is_not_believed() {
    breaks(juspay(1, 2, Some(Broken::NotFoundIsBelieved)), INTENT);
    breaks(signzy(1, 2, Some(Broken::NotFoundIsBelieved)), ONE_DEBIT);
}

#[test]
fn a_new_order_beside_one_that_is_not_dead_debits_twice() {
    breaks(juspay(2, 1, Some(Broken::HastyOrder)), ONE_DEBIT);
}

#[test]
fn a_charge_without_a_counter_is_made_twice() {
    breaks(signzy(1, 2, Some(Broken::NoCounter)), ONE_DEBIT);
}

#[test]
fn two_open_intents_of_a_mandate_take_each_others_payments_for_their_own() {
    breaks(signzy(2, 1, Some(Broken::TwoIntents)), PROOF);
}

/// What the protocol does not hold by itself: without a key it needs that nothing leaves after the lease.
#[test]
fn a_charge_that_leaves_after_its_lease_debits_twice() {
    breaks(signzy(1, 2, Some(Broken::LateWithoutKey)), ONE_DEBIT);
}

/// Nor this: "No scheduled transactions found" must mean what the provider's page says.
#[test]
fn an_order_that_is_said_to_be_over_and_is_not_debits_twice() {
    breaks(juspay(2, 2, Some(Broken::NothingToRetryIsALie)), ONE_DEBIT);
}

/// Every state on the way, and what happened in it.
fn story(path: Path<World, Action>) -> String {
    let mut story = String::new();
    for (world, action) in path.into_vec() {
        for row in &world.rows {
            let Row {
                columns,
                lease,
                intent,
                debit,
                over,
            } = row;
            writeln!(
                story,
                "    {columns:?}, lease {lease:?}, {intent:?}, debit {debit:?}, over {over}"
            )
            .unwrap();
        }
        for task in world.tasks() {
            let (token, heard, phase) = (task.token, &task.heard, &task.phase);
            writeln!(story, "    worker {token} heard {heard:?}: {phase:?}").unwrap();
        }
        for payment in &world.payments {
            writeln!(story, "    {payment:?}").unwrap();
        }
        for call in &world.wire {
            writeln!(story, "    {call:?}").unwrap();
        }
        if let Some(action) = action {
            writeln!(story, "{action:?}").unwrap();
        }
    }
    story
}
