//! Mandates: the registration, its amounts, its schedule, its flow.

use mandated::domain::identifier::check_mandate_id;
use mandated::domain::mandate::check_flow;
use mandated::domain::{Notify, ProviderKind, Rail};

use crate::schema::{accepted, execute, refused, refused_with};
use crate::support::TestDatabase;
use crate::support::row;

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
    refused(pool, same.clone(), "mandates_registration_key").await;
    // Another account may be the same merchant by another address.
    accepted(pool, row::account().with("name", "'juspay_new'")).await;
    let there = same.clone().with("account_id", 2);
    refused(pool, there.clone(), "mandates_registration_key").await;
    let in_capitals = there.with("provider_mandate_id", "'PROVIDER-1'");
    refused(pool, in_capitals, "mandates_registration_key").await;
    accepted(pool, same.with("provider_mandate_id", "'provider-2'")).await;
}

#[tokio::test]
async fn two_providers_may_give_one_id_and_a_mandate_has_its_accounts_provider() {
    let TestDatabase { pool, .. } = &with_account().await;
    accepted(pool, signzy()).await;
    let number = row::mandate().with("provider_mandate_id", "'3290000'");
    accepted(pool, number.clone()).await;
    let by_hand = number
        .with("ref", "'sub-2'")
        .with("provider", "'signzy'")
        .with("rail", "'enach'")
        .with("notify", "'none'");
    // It would be called at the account's provider, where the id may be known.
    refused(pool, by_hand.clone(), "mandates_account_id_fkey").await;
    let elsewhere = by_hand.clone().with("time_zone", "'America/New_York'");
    refused(
        pool,
        elsewhere.with("account_id", 2),
        "mandates_signzy_time_zone_check",
    )
    .await;
    accepted(pool, by_hand.with("account_id", 2)).await;
    let moved = "update mandated.mandates set account_id = 2 where ref = 'sub-1'";
    refused_with(execute(pool, moved).await, "mandates_account_id_fkey");
}

/// The number 2, where account 1 is Juspay's.
fn signzy() -> row::Row {
    row::account()
        .with("name", "'signzy_main'")
        .with("provider", "'signzy'")
}

/// The database and `check_mandate_id` agree: what is inserted by hand is called as its provider writes it too.
#[tokio::test]
async fn a_registration_is_called_in_the_one_way_of_its_provider() {
    let TestDatabase { pool, .. } = &with_account().await;
    accepted(pool, signzy()).await;
    let (longest, longer) = ("x".repeat(100), "x".repeat(101));
    let ids = "6R7GmdPfhecWj24DarETJJ mnd_1-a 3290000 7 03290000 +3290000 3290000/ 3290000? 3290000# ../3290000 %33290000 \
               a.b a. .. a..b a/b a?b a#b a%b a&b a;b a:b a@b a\\b a,b -a _a 123456789012345678 1234567890123456789 ３２９ аb";
    let ids = ids.split_whitespace();
    let mut taken = Vec::new();
    for (number, id) in
        (1..).zip(ids.chain([&*longest, &longer, "", "3290000\n", " 3290000", "a b"]))
    {
        for (account, provider) in [(1, ProviderKind::Juspay), (2, ProviderKind::Signzy)] {
            let row = row::mandate()
                .with("ref", format!("'{provider} {number}'"))
                .with("account_id", account)
                .with("provider", format!("'{provider}'"))
                .with("provider_mandate_id", format!("'{id}'"))
                .with("rail", "'enach'")
                .with("notify", "'none'");
            if check_mandate_id(Some(provider), id).is_ok() {
                accepted(pool, row).await;
                taken.push(format!("{provider} {}", id.len()));
            } else {
                refused(pool, row, "mandates_provider_mandate_id_check").await;
            }
        }
    }
    let of = |provider| taken.iter().filter(|one| one.starts_with(provider)).count();
    assert_eq!((of("juspay"), of("signzy")), (8, 3), "{taken:?}");
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
        row::mandate().with("not_found_days", -1),
        "mandates_not_found_days_check",
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
        row::mandate().with("currency", "'XYZ'"),
        "mandates_currency_check",
    )
    .await;
    let dollars = row::mandate().with("currency", "'USD'");
    refused(pool, dollars.clone(), "mandates_rupees_check").await;
    let by_card = dollars
        .with("ref", "'sub-9'")
        .with("provider_mandate_id", "'provider-9'")
        .with("rail", "'card'");
    accepted(pool, by_card).await;
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
    accepted(pool, signzy()).await;
    let (mut number, mut refusals) = (0, 0);
    for provider in ProviderKind::ALL {
        for rail in Rail::ALL {
            for notify in Notify::ALL {
                for category in [None, Some("fastag"), Some("ncmc"), Some("insurance")] {
                    let flow = format!("{provider} {rail} {notify} {category:?}");
                    number += 1;
                    let account = 1 + i32::from(*provider == ProviderKind::Signzy);
                    let row = row::mandate()
                        .with("ref", format!("'{}'", flow.replace('"', "")))
                        .with("account_id", account)
                        .with("provider_mandate_id", format!("'{number}'"))
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

#[tokio::test]
async fn only_of_a_paused_mandate_a_provider_has_said_so() {
    let TestDatabase { pool, .. } = &with_account().await;
    let said = row::mandate().with("provider_paused_at", "'2026-01-31Z'");
    refused(pool, said.clone(), "mandates_provider_paused_check").await;
    let revoked = said.clone().with("status", "'revoked'");
    refused(pool, revoked, "mandates_provider_paused_check").await;
    accepted(pool, said.with("status", "'paused'")).await;
}

#[tokio::test]
async fn each_rail_has_its_own_words_for_two_debits_a_month() {
    let TestDatabase { pool, .. } = &with_account().await;
    let enach = row::mandate()
        .with("rail", "'enach'")
        .with("notify", "'none'");
    for frequency in ["fortnightly", "bimonthly"] {
        let written = enach.clone().with("frequency", format!("'{frequency}'"));
        refused(pool, written, "mandates_frequency_of_rail_check").await;
    }
    let upi = row::mandate().with("frequency", "'twicemonthly'");
    refused(pool, upi, "mandates_frequency_of_rail_check").await;
    accepted(pool, enach.with("frequency", "'twicemonthly'")).await;
}

/// A row that somebody inserts by hand, without the planning cursor, would be listed as active and never be planned.
#[tokio::test]
async fn a_mandate_is_planned_or_says_that_no_cycle_is_left() {
    let TestDatabase { pool, .. } = &with_account().await;
    let by_hand = row::mandate().with("cycles_over", "default");
    refused(pool, by_hand.clone(), "mandates_is_planned_check").await;
    let planned = by_hand
        .with("next_cycle_on", "'2026-01-31'")
        .with("next_plan_at", "'2026-01-29Z'");
    let both = planned.clone().with("cycles_over", "true");
    refused(pool, both, "mandates_is_planned_check").await;
    accepted(pool, planned).await;
    refused_with(
        execute(
            pool,
            "update mandated.mandates set next_cycle_on = null, next_plan_at = null",
        )
        .await,
        "mandates_is_planned_check",
    );
    let other = row::mandate()
        .with("ref", "'sub-2'")
        .with("provider_mandate_id", "'provider-2'");
    accepted(pool, other.clone()).await;
    let presented = other
        .with("ref", "'sub-3'")
        .with("provider_mandate_id", "'provider-3'")
        .with("cycles_over", "default");
    accepted(pool, presented.with("frequency", "'aspresented'")).await;
}
