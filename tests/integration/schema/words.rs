//! The words in the CHECK lists are the words of the enums, no more and no fewer.

use std::collections::BTreeSet;

use mandated::domain::resolve::ResolvedAs;
use mandated::domain::schedule::Frequency;
use mandated::domain::{Currency, MandateStatus, Notify, ProviderKind, Rail, State, Step};
use mandated::store::pool::DatabasePool;
use sqlx::query_scalar;

use crate::support::TestDatabase;

/// The quoted words of a constraint.
async fn list(pool: &DatabasePool, constraint: &str) -> BTreeSet<String> {
    let definition: String =
        query_scalar("select pg_get_constraintdef(oid) from pg_constraint where conname = $1")
            .bind(constraint)
            .fetch_one(pool)
            .await
            .expect(constraint);
    definition
        .split('\'')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn words<T: Copy + Into<&'static str>>(all: &[T]) -> BTreeSet<String> {
    all.iter().map(|value| (*value).into().to_owned()).collect()
}

#[tokio::test]
async fn the_lists_in_the_database_are_the_enums() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let stored: Vec<State> = State::ALL
        .iter()
        .copied()
        .filter(|state| *state != State::Executing)
        .collect();
    let r#final: Vec<State> = State::ALL
        .iter()
        .copied()
        .filter(|state| state.is_final())
        .collect();
    for (constraint, words) in [
        ("executions_state_check", words(&stored)),
        ("executions_finished_check", words(&r#final)),
        ("jobs_step_check", words(Step::ALL)),
        ("mandates_status_check", words(MandateStatus::ALL)),
        ("mandates_rail_check", words(Rail::ALL)),
        ("rails_rail_check", words(Rail::ALL)),
        ("mandates_notify_check", words(Notify::ALL)),
        ("mandates_provider_check", words(ProviderKind::ALL)),
        ("accounts_provider_check", words(ProviderKind::ALL)),
        ("mandates_frequency_check", words(Frequency::ALL)),
        (
            "mandates_currency_check",
            Currency::codes().map(str::to_owned).collect(),
        ),
        ("resolutions_resolved_as_check", words(ResolvedAs::ALL)),
    ] {
        assert_eq!(list(pool, constraint).await, words, "{constraint}");
    }
}

#[tokio::test]
async fn an_intent_is_for_the_steps_that_move_money() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let steps: Vec<Step> = Step::ALL
        .iter()
        .copied()
        .filter(|step| step.moves_money())
        .collect();
    assert_eq!(list(pool, "intents_kind_check").await, words(&steps));
}
