//! One losing test for every constraint, and the row next to it that is accepted.

use mandated::domain::mandate::check_flow;
use mandated::domain::{Notify, ProviderKind, Rail, State};
use sqlx::query_scalar;

use super::{accepted, execute, refused, refused_with, with_execution};
use crate::support::TestDatabase;
use crate::support::row::{self, Row};

/// A new constraint needs a test in this file.
#[tokio::test]
async fn every_constraint_is_tested_here() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let constraints: Vec<String> = query_scalar(
        "select con.conname from pg_constraint con join pg_class c on c.oid = con.conrelid
          where con.connamespace = 'mandated'::regnamespace and not c.relispartition
            and c.relname <> '_sqlx_migrations' and con.contype in ('c', 'f', 'p', 'u')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(constraints.len() > 60, "{constraints:?}");
    // Keys that an identity column fills, and lists that `words` compares with the enums.
    let tested_elsewhere = |name: &str| {
        let words = [
            "_state_check",
            "_step_check",
            "_status_check",
            "_provider_check",
            "_frequency_check",
        ];
        [
            "accounts_pkey",
            "mandates_pkey",
            "policies_pkey",
            "executions_pkey",
            "attempts_pkey",
            "events_pkey",
        ]
        .contains(&name)
            || words.iter().any(|end| name.ends_with(end))
    };
    let source = include_str!("constraints.rs");
    let untested: Vec<&String> = constraints
        .iter()
        .filter(|name| !tested_elsewhere(name) && !source.contains(&format!("\"{name}\"")))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

mod installation_and_accounts {
    use super::*;

    #[tokio::test]
    async fn there_is_one_installation() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        let second = execute(
            pool,
            "insert into mandated.installation (tag) values ('ab12')",
        )
        .await;
        refused_with(second, "installation_pkey");
        let second = "insert into mandated.installation (singleton, tag) values (false, 'ab12')";
        refused_with(execute(pool, second).await, "installation_singleton_check");
        let long = execute(pool, "update mandated.installation set tag = 'ab123'").await;
        refused_with(long, "installation_tag_check");
    }

    #[tokio::test]
    async fn an_account_has_one_row_and_a_pause_has_a_reason() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        let paused = row::account().with("paused_until", "'infinity'");
        refused(pool, paused.clone(), "accounts_pause_check").await;
        refused(
            pool,
            row::account().with("pause_reason", "'401'"),
            "accounts_pause_check",
        )
        .await;
        accepted(pool, paused.with("pause_reason", "'401'")).await;
        refused(pool, row::account(), "accounts_name_key").await;
    }
}

mod mandates {
    use super::*;

    async fn with_account() -> TestDatabase {
        let database = TestDatabase::new().await;
        accepted(&database.pool, row::account()).await;
        database
    }

    #[tokio::test]
    async fn a_registration_is_imported_once() {
        let TestDatabase { pool, .. } = &with_account().await;
        accepted(pool, row::mandate()).await;
        refused(
            pool,
            row::mandate().with("provider_mandate_id", "'provider-2'"),
            "mandates_ref_key",
        )
        .await;
        let same = row::mandate().with("ref", "'sub-2'");
        refused(
            pool,
            same.clone(),
            "mandates_account_id_provider_mandate_id_key",
        )
        .await;
        accepted(pool, same.with("provider_mandate_id", "'provider-2'")).await;
    }

    #[tokio::test]
    async fn amounts_are_positive_and_within_the_maximum() {
        let TestDatabase { pool, .. } = &with_account().await;
        refused(
            pool,
            row::mandate().with("amount_minor", 0),
            "mandates_amount_minor_check",
        )
        .await;
        let nothing = row::mandate()
            .with("amount_minor", "null")
            .with("frequency", "'aspresented'");
        refused(
            pool,
            nothing.with("max_amount_minor", 0),
            "mandates_max_amount_minor_check",
        )
        .await;
        let above = row::mandate().with("amount_minor", 500_001);
        refused(pool, above.clone(), "mandates_max_amount_check").await;
        accepted(pool, above.with("amount_minor", 500_000)).await;
    }

    #[tokio::test]
    async fn only_presented_cycles_may_lack_an_amount() {
        let TestDatabase { pool, .. } = &with_account().await;
        let variable = row::mandate().with("amount_minor", "null");
        refused(pool, variable.clone(), "mandates_fixed_amount_check").await;
        let by_cron = variable
            .clone()
            .with("frequency", "null")
            .with("cron", "'0 6 1 * *'");
        refused(pool, by_cron, "mandates_fixed_amount_check").await;
        accepted(pool, variable.with("frequency", "'aspresented'")).await;
    }

    #[tokio::test]
    async fn the_schedule_is_one_and_its_dates_are_in_order() {
        let TestDatabase { pool, .. } = &with_account().await;
        let both = row::mandate().with("cron", "'0 6 1 * *'");
        refused(pool, both.clone(), "mandates_schedule_check").await;
        refused(
            pool,
            row::mandate().with("frequency", "null"),
            "mandates_schedule_check",
        )
        .await;
        refused(
            pool,
            row::mandate().with("ends_on", "'2026-01-30'"),
            "mandates_dates_check",
        )
        .await;
        refused(
            pool,
            row::mandate().with("next_cycle_on", "'2026-01-31'"),
            "mandates_cursor_check",
        )
        .await;
        refused(
            pool,
            row::mandate().with("next_plan_at", "'2026-01-29Z'"),
            "mandates_cursor_check",
        )
        .await;
        accepted(
            pool,
            both.with("frequency", "null")
                .with("ends_on", "'2026-01-31'"),
        )
        .await;
    }

    #[tokio::test]
    async fn its_texts_have_a_shape() {
        let TestDatabase { pool, .. } = &with_account().await;
        refused(pool, row::mandate().with("ref", "''"), "mandates_ref_check").await;
        refused(
            pool,
            row::mandate().with("currency", "'inr'"),
            "mandates_currency_check",
        )
        .await;
        refused(
            pool,
            row::mandate().with("metadata", "'[]'"),
            "mandates_metadata_check",
        )
        .await;
        refused(
            pool,
            row::mandate().with("rail", "'cash'"),
            "mandates_rail_check",
        )
        .await;
        refused(
            pool,
            row::mandate().with("notify", "'never'"),
            "mandates_notify_check",
        )
        .await;
        refused(
            pool,
            row::mandate().with("account_id", 2),
            "mandates_account_id_fkey",
        )
        .await;
    }

    /// The database and `check_flow` agree on every combination: neither can be got around by the other.
    #[tokio::test]
    async fn the_flows_are_those_that_exist() {
        let TestDatabase { pool, .. } = &with_account().await;
        let mut refusals = 0;
        for provider in ProviderKind::ALL {
            for rail in Rail::ALL {
                for notify in Notify::ALL {
                    for category in [None, Some("fastag"), Some("ncmc"), Some("insurance")] {
                        let flow = format!("{provider} {rail} {notify} {category:?}");
                        let row = row::mandate()
                            .with("ref", format!("'{}'", flow.replace('"', "")))
                            .with(
                                "provider_mandate_id",
                                format!("'{}'", flow.replace('"', "")),
                            )
                            .with("provider", format!("'{provider}'"))
                            .with("rail", format!("'{rail}'"))
                            .with("notify", format!("'{notify}'"))
                            .with(
                                "category",
                                category.map_or("null".to_owned(), |word| format!("'{word}'")),
                            );
                        let Err(_) = check_flow(*provider, *rail, *notify, category) else {
                            row.insert(pool)
                                .await
                                .unwrap_or_else(|error| panic!("{flow}: {error}"));
                            continue;
                        };
                        refusals += 1;
                        let error = row.insert(pool).await.expect_err(&flow);
                        let constraint = error
                            .as_database_error()
                            .and_then(|error| error.constraint());
                        assert!(
                            ["mandates_flow_check", "mandates_exempt_check"]
                                .contains(&constraint.unwrap_or_default()),
                            "{flow}: {error}"
                        );
                    }
                }
            }
        }
        assert_eq!(refusals, 40, "of 72");
    }
}

mod executions {
    use super::*;

    #[tokio::test]
    async fn a_cycle_has_one_execution_and_an_order_one_owner() {
        let TestDatabase { pool, .. } = &with_execution().await;
        let other = row::execution().with("id", 2).with("order_id", "'order-2'");
        refused(pool, other.clone(), "executions_mandate_id_cycle_on_key").await;
        let other = other.with("cycle_on", "'2026-02-28'");
        refused(
            pool,
            other.clone().with("order_id", "'order-1'"),
            "executions_order_id_key",
        )
        .await;
        refused(
            pool,
            other.clone().with("mandate_id", 2),
            "executions_mandate_id_fkey",
        )
        .await;
        refused(
            pool,
            other.clone().with("account_id", 2),
            "executions_account_id_fkey",
        )
        .await;
        refused(
            pool,
            other.clone().with("policy_id", 2),
            "executions_policy_id_fkey",
        )
        .await;
        let referenced = other.with("notification_ref", "'reference-1'");
        accepted(pool, referenced.clone()).await;
        let third = referenced
            .with("id", 3)
            .with("order_id", "'order-3'")
            .with("cycle_on", "'2026-03-31'");
        refused(pool, third, "executions_notification_ref_key").await;
    }

    #[tokio::test]
    async fn its_amount_is_positive_and_within_the_maximum() {
        let TestDatabase { pool, .. } = &with_execution().await;
        let next = row::execution()
            .with("id", 2)
            .with("order_id", "'order-2'")
            .with("cycle_on", "'2026-02-28'");
        refused(
            pool,
            next.clone().with("amount_minor", 0),
            "executions_amount_minor_check",
        )
        .await;
        refused(
            pool,
            next.clone().with("amount_minor", 500_001),
            "executions_max_amount_check",
        )
        .await;
        refused(
            pool,
            next.clone().with("currency", "'rupees'"),
            "executions_currency_check",
        )
        .await;
        accepted(pool, next.with("amount_minor", 500_000)).await;
    }

    #[tokio::test]
    async fn it_is_finished_exactly_in_a_final_state() {
        let TestDatabase { pool, .. } = &with_execution().await;
        for state in State::ALL
            .iter()
            .filter(|state| **state != State::Executing)
        {
            let (right, wrong) = if state.is_final() {
                ("now()", "null")
            } else {
                ("null", "now()")
            };
            let set = |at| {
                format!("update mandated.executions set state = '{state}', finished_at = {at}")
            };
            refused_with(
                execute(pool, &set(wrong)).await,
                "executions_finished_check",
            );
            execute(pool, &set(right)).await.unwrap();
        }
        let executing = execute(
            pool,
            "update mandated.executions set state = 'executing', finished_at = null",
        )
        .await;
        refused_with(executing, "executions_state_check");
    }

    #[tokio::test]
    async fn its_times_and_counters_make_sense() {
        let TestDatabase { pool, .. } = &with_execution().await;
        for (change, constraint) in [
            ("closes_at = debit_at", "executions_dates_check"),
            ("delivered_at = now()", "executions_delivered_check"),
            ("order_no = 0", "executions_order_no_check"),
            ("notification_no = -1", "executions_notification_no_check"),
            ("debits_tried = -1", "executions_debits_tried_check"),
            ("lookups = -1", "executions_lookups_check"),
            ("tries = -1", "executions_tries_check"),
        ] {
            refused_with(
                execute(pool, &format!("update mandated.executions set {change}")).await,
                constraint,
            );
        }
        let delivered =
            "update mandated.executions set delivered_at = now(), notification_ref = 'reference-1'";
        execute(pool, delivered).await.unwrap();
    }

    #[tokio::test]
    async fn a_policy_is_stored_once() {
        let TestDatabase { pool, .. } = &with_execution().await;
        refused(pool, row::policy(), "policies_digest_key").await;
    }

    #[tokio::test]
    async fn a_notification_is_delivered_exactly_when_it_says_when() {
        let TestDatabase { pool, .. } = &with_execution().await;
        let notification = row::notification;
        refused(
            pool,
            notification().with("state", "'delivered'"),
            "notifications_delivered_check",
        )
        .await;
        refused(
            pool,
            notification().with("delivered_at", "now()"),
            "notifications_delivered_check",
        )
        .await;
        refused(
            pool,
            notification().with("amount_minor", 0),
            "notifications_amount_minor_check",
        )
        .await;
        refused(
            pool,
            notification().with("notification_no", 0),
            "notifications_notification_no_check",
        )
        .await;
        refused(
            pool,
            notification().with("execution_id", 2),
            "notifications_execution_id_fkey",
        )
        .await;
        accepted(
            pool,
            notification()
                .with("state", "'delivered'")
                .with("delivered_at", "now()"),
        )
        .await;
        let second = notification().with("reference", "'reference-2'");
        refused(pool, second, "notifications_pkey").await;
        let second = notification().with("notification_no", 2);
        refused(pool, second, "notifications_reference_key").await;
    }
}

mod jobs {
    use super::*;

    #[tokio::test]
    async fn an_execution_has_one_job() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        accepted(pool, row::job()).await;
        refused(pool, row::job().with("step", "'lookup'"), "jobs_pkey").await;
    }

    #[tokio::test]
    async fn a_lease_has_an_end_a_token_and_a_holder() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        let until = |row: Row| row.with("lease_until", "now()");
        let token = |row: Row| row.with("lease_token", 1);
        let worker = |row: Row| row.with("worker_id", "'worker-1'");
        refused(pool, until(row::job()), "jobs_lease_check").await;
        refused(pool, token(worker(row::job())), "jobs_lease_check").await;
        refused(pool, worker(row::job()), "jobs_worker_check").await;
        refused(pool, until(token(row::job())), "jobs_worker_check").await;
        accepted(pool, until(token(worker(row::job())))).await;
    }

    #[tokio::test]
    async fn its_window_ends_after_it_starts() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        refused(
            pool,
            row::job().with("run_before", "'2026-01-31T00:30Z'"),
            "jobs_window_check",
        )
        .await;
        accepted(
            pool,
            row::job().with("run_before", "'2026-01-31T00:30:01Z'"),
        )
        .await;
    }
}

mod intents {
    use super::*;

    #[tokio::test]
    async fn no_debit_before_24_hours_after_delivery() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        // The debit is at 2026-01-31T00:30Z.
        let delivered = |at: &str| row::intent().with("delivered_at", at);
        refused(
            pool,
            delivered("'2026-01-30T00:30:01Z'"),
            "intents_delivered_check",
        )
        .await;
        refused(
            pool,
            delivered("'2026-01-31T00:30Z'"),
            "intents_delivered_check",
        )
        .await;
        refused(pool, delivered("null"), "intents_delivered_check").await;
        refused(
            pool,
            delivered("null").with("kind", "'retry'"),
            "intents_delivered_check",
        )
        .await;
        accepted(pool, delivered("'2026-01-30T00:30:00Z'")).await;
    }

    #[tokio::test]
    async fn no_execution_date_within_24_hours_where_the_provider_notifies() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        // The debit is at 2026-01-31T00:30Z.
        let handed_over = |at: &str| {
            row::intent()
                .with("notice", "'provider'")
                .with("delivered_at", "null")
                .with("notified_amount_minor", "null")
                .with("opened_at", at)
        };
        refused(
            pool,
            handed_over("'2026-01-30T00:30:01Z'"),
            "intents_execution_date_check",
        )
        .await;
        accepted(pool, handed_over("'2026-01-30T00:30:00Z'")).await;
        // A retry of it is covered by the notification of its first execution.
        let retry = handed_over("'2026-01-31T00:30Z'").with("kind", "'retry'");
        accepted(pool, retry.with("execution_id", 2).with("mandate_id", 2)).await;
    }

    #[tokio::test]
    async fn the_amount_is_the_one_notified_positive_and_within_the_maximum() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        for wrong in ["49901", "49899", "null"] {
            let intent = row::intent().with("notified_amount_minor", wrong);
            refused(pool, intent, "intents_notified_amount_check").await;
        }
        let exempt = row::intent()
            .with("notice", "'exempt'")
            .with("notified_amount_minor", "null");
        refused(
            pool,
            exempt.clone().with("amount_minor", 500_001),
            "intents_max_amount_check",
        )
        .await;
        refused(
            pool,
            exempt.with("amount_minor", 0),
            "intents_amount_minor_check",
        )
        .await;
        let most = row::intent()
            .with("amount_minor", 500_000)
            .with("notified_amount_minor", 500_000);
        accepted(pool, most).await;
    }

    #[tokio::test]
    async fn money_never_moves_before_its_intent() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        let late = row::intent().with("opened_at", "'2026-01-31T00:30:01Z'");
        refused(pool, late, "intents_debit_at_check").await;
    }

    #[tokio::test]
    async fn a_mandate_has_one_open_intent() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        accepted(pool, row::intent()).await;
        let other_cycle = row::intent()
            .with("execution_id", 2)
            .with("cycle_on", "'2026-02-28'");
        refused(pool, other_cycle, "intents_mandate_id_key").await;
        refused(pool, row::intent().with("mandate_id", 2), "intents_pkey").await;
        accepted(
            pool,
            row::intent().with("execution_id", 2).with("mandate_id", 2),
        )
        .await;
    }

    #[tokio::test]
    async fn its_kind_and_notice_are_known() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        refused(
            pool,
            row::intent().with("kind", "'notify'"),
            "intents_kind_check",
        )
        .await;
        refused(
            pool,
            row::intent().with("notice", "'none'"),
            "intents_notice_check",
        )
        .await;
    }
}

mod history {
    use super::*;

    #[tokio::test]
    async fn a_cycle_is_collected_once() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        // Enough mandates to fill every hash partition.
        for mandate in 1..=20 {
            let debit = row::debit().with("mandate_id", mandate);
            accepted(pool, debit.clone()).await;
            let again = debit.with("execution_id", 2).with("order_id", "'order-2'");
            let error = again.insert(pool).await.expect_err("a second debit");
            let constraint = error.as_database_error().unwrap().constraint().unwrap();
            // Each partition has its own part of "debits_pkey".
            assert!(
                constraint.starts_with("debits_") && constraint.ends_with("_pkey"),
                "{error}"
            );
            accepted(
                pool,
                row::debit()
                    .with("mandate_id", mandate)
                    .with("cycle_on", "'2026-02-28'"),
            )
            .await;
        }
        refused(
            pool,
            row::debit().with("amount_minor", 0),
            "debits_amount_minor_check",
        )
        .await;
    }

    #[tokio::test]
    async fn an_attempt_is_a_call_that_took_time() {
        let TestDatabase { pool, .. } = &TestDatabase::new().await;
        refused(
            pool,
            row::attempt().with("latency_ms", -1),
            "attempts_latency_ms_check",
        )
        .await;
        refused(
            pool,
            row::attempt().with("call", "'guess'"),
            "attempts_call_check",
        )
        .await;
        accepted(pool, row::attempt()).await;
    }
}
