//! Which currencies are collected where: what an import says, and what the table refuses by itself.

use mandated::domain::mandate::check_currency;
use mandated::domain::{Currency, ProviderKind, Rail};
use sqlx::AssertSqlSafe;

use super::{file, row, run, take, with_accounts, wrong};

const SIGNZY: [(&str, &str); 4] = [
    ("account", "nach"),
    ("mandate_id", "3290000"),
    ("rail", "enach"),
    ("notify", "none"),
];
const UPI: [(&str, &str); 1] = [("rail", "upi")];
const ENACH: [(&str, &str); 2] = [("rail", "enach"), ("notify", "none")];
const CARD: [(&str, &str); 1] = [("rail", "card")];

fn with(
    flow: &[(&'static str, &'static str)],
    currency: &'static str,
    amount: &'static str,
) -> String {
    let more = [("currency", currency), ("amount", amount)];
    wrong(&[flow, &more[..]].concat())
}

#[test]
fn rupees_alone_are_collected_through_signzy_by_upi_and_by_enach() {
    for (flow, who) in [(&SIGNZY[..], "Signzy"), (&UPI, "UPI"), (&ENACH, "eNACH")] {
        for currency in ["USD", "JPY", "EUR", "KWD", "NPR"] {
            let why = with(flow, currency, "512");
            let says = format!(
                "line 2, currency: {currency:?} cannot be collected: {who} collects rupees only: write INR"
            );
            assert!(why.starts_with(&says), "{why}");
        }
        for currency in ["INP", "XYZ", "inr", "Rs", "₹", "XXX", "XAU", "USDT"] {
            assert!(
                with(flow, currency, "512")
                    .contains("is not a currency: write its three-letter ISO 4217 code"),
                "{currency}"
            );
        }
        assert_eq!(with(flow, "INR", "5.12"), "");
        assert_eq!(with(flow, "", "5.12"), "");
    }
    assert!(with(&UPI, "INP", "1").ends_with("did you mean INR?"));
    assert!(with(&UPI, "rupees", "1").ends_with("did you mean INR?"));
}

#[test]
fn cards_take_every_currency_there_is_in_its_own_decimals() {
    for (currency, amount) in [
        ("USD", "5.12"),
        ("EUR", "0.99"),
        ("GBP", "10"),
        ("JPY", "500"),
        ("KWD", "1.234"),
        ("SGD", "7.5"),
        ("VND", "20000"),
    ] {
        assert_eq!(with(&CARD, currency, amount), "", "{currency}");
    }
    for (currency, amount) in [
        ("JPY", "500.0"),
        ("KWD", "1.2345"),
        ("USD", "5.123"),
        ("VND", "1.5"),
        ("INR", "4.999"),
    ] {
        let why = with(&CARD, currency, amount);
        assert!(
            why.contains(&format!("{amount:?} has more than the")),
            "{why}"
        );
        let (_, hint) = why.rsplit_once("such as ").unwrap();
        assert_eq!(
            wrong(&[("rail", "card"), ("currency", currency), ("amount", hint)]),
            "",
            "{why}"
        );
    }
    for currency in ["XYZ", "INP", "XTS", "HRK", "ZWL"] {
        assert!(
            with(&CARD, currency, "5").contains("is not a currency"),
            "{currency}"
        );
    }
}

/// The table and `check_currency` agree on every combination: a hand-written INSERT gets around neither.
#[tokio::test]
async fn the_table_refuses_what_an_import_refuses() {
    let database = with_accounts().await;
    for &provider in ProviderKind::ALL {
        for &rail in Rail::ALL {
            for (number, code) in (1..).zip(["INR", "USD", "JPY", "KWD", "XYZ", "INP", "inr"]) {
                let flow = match (provider, rail) {
                    (ProviderKind::Signzy, Rail::Upi | Rail::Card) => continue,
                    (_, Rail::Enach) => "none",
                    (ProviderKind::Juspay, Rail::Upi | Rail::Card) => "separate",
                };
                let insert = format!(
                    "insert into mandated.mandates (ref, account_id, provider, provider_mandate_id, customer_id, rail, notify, amount_minor,
                       max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, next_cycle_on,
                       next_plan_at, created_at, updated_at)
                     select '{provider}-{rail}-{code}', id, provider, {number} || case provider when 'juspay' then '{rail}' else '' end, 'c', '{rail}', '{flow}', 512, 512, '{code}',
                       'monthly', 'Asia/Kolkata', '2026-11-30', '06:00', '2026-11-30', now(), now(), now() from mandated.accounts where provider = '{provider}'"
                );
                let done = sqlx::query(AssertSqlSafe(insert))
                    .execute(&database.pool)
                    .await;
                let allowed = Currency::parse(code)
                    .is_ok_and(|currency| check_currency(provider, rail, currency).is_ok());
                assert_eq!(done.is_ok(), allowed, "{provider} {rail} {code}: {done:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_card_in_yen_is_kept_in_yen() {
    let database = with_accounts().await;
    take(
        &database.pool,
        &file(&[row(&[
            ("rail", "card"),
            ("currency", "JPY"),
            ("amount", "500"),
        ])]),
    )
    .await;
    let kept: (i64, String) =
        sqlx::query_as("select amount_minor, currency from mandated.mandates")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert_eq!(kept, (500, "JPY".to_owned()));
    let dollars = file(&[row(&[
        ("ref", "s"),
        ("mandate_id", "s"),
        ("currency", "USD"),
        ("amount", "5.12"),
    ])]);
    assert!(
        !run(&database.pool, dollars.as_bytes(), false)
            .await
            .unwrap()
            .kept
    );
}
