//! The answers that no rule knows: counted, listed, and made into rules.

use mandated::cli::print::Format;
use mandated::cli::unmapped::{UnmappedFormat, write};
use mandated::domain::classify::{Classifier, Signals};
use mandated::domain::{Class, ProviderKind, Rail, Timestamp};
use mandated::ops::classify::unmapped;
use mandated::store::pool::DatabasePool;
use mandated::store::unmapped::recent;
use sqlx::AssertSqlSafe;

use crate::support::TestDatabase;
use crate::support::due::due;
use crate::support::row;

const EVER: &str = "2026-01-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Four executions; three of them met answers that nobody knows, and one was collected all the same.
async fn answered() -> TestDatabase {
    let database = due(4).await;
    let pool = &database.pool;
    let unknown = |execution: i32, at: &str| {
        row::attempt()
            .with("execution_id", execution)
            .with("mandate_id", execution)
            .with("at", format!("'{at}'"))
            .with("outcome", "'failed'")
            .with("class", "'unmapped'")
            .with("http_status", 200)
    };
    for (execution, at) in [
        (1, "2026-01-31T01:00Z"),
        (1, "2026-02-02T01:00Z"),
        (2, "2026-02-01T01:00Z"),
        (3, "2026-02-01T02:00Z"),
    ] {
        unknown(execution, at)
            .with("code", "'QX77'")
            .with("message", "'Declined for \"reasons\"'")
            .insert(pool)
            .await
            .unwrap();
    }
    unknown(2, "2026-02-01T03:00Z")
        .with("call", "'retry'")
        .with("message", "'Come again [redacted]'")
        .insert(pool)
        .await
        .unwrap();
    unknown(3, "2026-01-15T03:00Z")
        .with("call", "'order_status'")
        .with("message", "'HTTP 200 without what was asked for'")
        .insert(pool)
        .await
        .unwrap();
    // A code that is known to name no cause, and a failure that has one.
    unknown(1, "2026-02-01T04:00Z")
        .with("code", "'U30'")
        .with("rule", "'upi.no-cause'")
        .with("message", "'Debit failed'")
        .insert(pool)
        .await
        .unwrap();
    unknown(4, "2026-02-01T04:00Z")
        .with("class", "'funds'")
        .with("code", "'Z9'")
        .insert(pool)
        .await
        .unwrap();
    run(pool, "update mandated.executions set state = 'charged', finished_at = '2026-02-02Z' where id = 3").await;
    database
}

async fn run(pool: &DatabasePool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap();
}

async fn shown(pool: &DatabasePool, since: &str, limit: i64, shown: UnmappedFormat) -> String {
    let mut out = Vec::new();
    let found = unmapped(pool, at(since), limit).await.unwrap();
    write(&found, at(since), shown, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn they_are_listed_with_what_they_cost_and_where_to_look() {
    let database = answered().await;
    let pool = &database.pool;
    let text = UnmappedFormat::Lines(Format::Text);
    insta::assert_snapshot!(shown(pool, EVER, 10, text).await);
    insta::assert_snapshot!(shown(pool, "2026-02-01T03:00:00Z", 1, UnmappedFormat::Lines(Format::Json)).await, @r#"{"provider":"juspay","rail":"upi","call":"execute","http_status":200,"code":"QX77","message":"Declined for \"reasons\"","rule":null,"attempts":1,"executions":1,"amount_minor":49900,"currency":"INR","last_at":"2026-02-02T01:00:00Z","example":1}"#);
    insta::assert_snapshot!(shown(pool, "2026-03-01T00:00:00Z", 10, text).await, @"every answer since 2026-03-01 00:00:00 UTC has a class");
}

#[tokio::test]
async fn the_heartbeats_count_is_of_the_last_while() {
    let database = answered().await;
    let count = async |since| recent(&database.pool, at(since)).await.unwrap();
    assert_eq!(count(EVER).await, 7);
    assert_eq!(count("2026-02-01T04:00:00Z").await, 2);
    assert_eq!(count("2026-03-01T00:00:00Z").await, 0);
}

#[tokio::test]
async fn the_rules_to_start_from_match_once_they_are_filled_in() {
    let database = answered().await;
    let file = shown(&database.pool, EVER, 10, UnmappedFormat::Rules).await;
    insta::assert_snapshot!(file);
    // As it is, it is refused: nobody has said what class an answer is.
    let refused = Classifier::with_operator_rules(Some(("rules.toml", &file))).unwrap_err();
    assert!(
        refused.why.starts_with("\"\" is none of funds"),
        "{refused}"
    );
    let half = file.replace("class = \"\"", "class = \"risk\"");
    let refused = Classifier::with_operator_rules(Some(("rules.toml", &half))).unwrap_err();
    assert!(refused.why.contains("empty source"), "{refused}");
    let whole = half.replace("source = \"\"", "source = \"our bank's letter\"");
    let classifier = Classifier::with_operator_rules(Some(("rules.toml", &whole))).unwrap();
    for (codes, messages) in [
        (
            &[("bank_error_code", "QX77")][..],
            &["Declined for \"reasons\""][..],
        ),
        (&[("bank_error_code", "QX77")], &["other words"]),
        (&[], &["Come again [redacted]"]),
        (&[("bank_error_code", "U30")], &["Debit failed"]),
    ] {
        let failure = classifier.classify(&Signals {
            account: "main",
            provider: ProviderKind::Juspay,
            rail: Rail::Upi,
            http_status: 200,
            status: None,
            codes,
            messages,
        });
        assert_eq!(failure.class, Class::Risk, "{codes:?} {messages:?}");
    }
}

/// Eighty thousand attempts around seven unmapped ones.
#[tokio::test]
async fn neither_statement_reads_the_history() {
    let database = answered().await;
    let pool = &database.pool;
    run(
        pool,
        "select mandated.make_partitions('2026-01-01Z', 1);
         insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, class, decision,
           lease_token, worker_id)
         select timestamptz '2026-01-01Z' + n * interval '1 minute', 1, 1, 'execute', 'order-1', 1, 'failed',
                case when n % 3 = 0 then 'funds' end, 'declined', 1, 'worker-1'
           from generate_series(1, 80000) n; analyze mandated.attempts",
    )
    .await;
    for sql in [
        include_str!("../../../src/store/unmapped.sql").to_owned(),
        "select count(*) from mandated.attempts where class = 'unmapped' and at >= $1".to_owned(),
    ] {
        let literal = sql
            .replace("$1", "timestamptz '2026-01-01Z'")
            .replace("$2", "10");
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain {literal}")))
            .fetch_all(pool)
            .await
            .unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains("using attempts_202601_at_idx"), "{plan}");
        assert!(!plan.contains("Seq Scan on attempts_2026"), "{plan}");
        assert!(!plan.contains("Seq Scan on executions"), "{plan}");
    }
}
