//! `mandates import`: what it refuses, in which words, and that it changes nothing when it does.

use std::fmt::Write as _;
use std::io::Read;
use std::time::Duration;

use chrono::{NaiveTime, TimeZone, Utc};
use indicatif::ProgressBar;
use mandated::admin::Format;
use mandated::admin::import::{ImportError, Options, Report, import};
use mandated::domain::policy::Policy;
use mandated::domain::window::{Windows, WindowsText};
use mandated::domain::{Instant, ProviderKind, Rail};
use serde_json::{Map, Value};
use sqlx::PgPool;

use crate::support::TestDatabase;

/// 20 November 2026, 11:30 in India.
pub(crate) fn now() -> Instant {
    Utc.with_ymd_and_hms(2026, 11, 20, 6, 0, 0).unwrap()
}

/// UPI debits between 21:31 and 09:59 and in the early afternoon, everything else at any time.
pub(crate) fn policy(_provider: ProviderKind, rail: Rail) -> Policy {
    let ranges = match rail {
        Rail::Upi => vec!["13:01-16:59".to_owned(), "21:31-09:59".to_owned()],
        Rail::Card | Rail::Enach => Vec::new(),
    };
    let text = WindowsText {
        time_zone: "Asia/Kolkata".to_owned(),
        ranges,
    };
    let windows = Windows::try_from(text).unwrap();
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    Policy {
        rail,
        debit_windows: windows.clone(),
        notify_windows: windows,
        jitter: Duration::ZERO,
        notify_lead: hours(2),
        notify_to_debit: hours(25),
        notification_validity: hours(48),
        notification_tries: 3,
        max_attempts: 4,
        min_gap: hours(1),
        max_orders: 1,
        provider_retry_horizon: hours(10),
        processing_time: Duration::from_secs(120),
        lookup_after: vec![Duration::from_secs(60)],
        lookup_every: hours(1),
        lookup_window: hours(2),
        review_after: hours(72),
        verify_after: hours(24),
        retry: std::collections::BTreeMap::new(),
    }
}

fn check_metadata(provider: ProviderKind, fields: &Map<String, Value>) -> Result<(), String> {
    match fields.keys().find(|key| !key.starts_with("udf")) {
        Some(key) => Err(format!("{provider} has no field {key}")),
        None => Ok(()),
    }
}

pub(crate) async fn with_accounts() -> TestDatabase {
    let database = TestDatabase::new().await;
    sqlx::query("insert into mandated.accounts (name, provider) values ('main', 'juspay'), ('nach', 'signzy')")
        .execute(&database.pool)
        .await
        .unwrap();
    sqlx::query("select mandated.make_partitions('2026-11-01Z', 2)")
        .execute(&database.pool)
        .await
        .unwrap();
    database
}

async fn run(pool: &PgPool, input: impl Read, skip_invalid: bool) -> Result<Report, ImportError> {
    let options = Options {
        skip_invalid,
        now: now(),
        horizon: Duration::from_secs(6 * 3_600),
        policy: &policy,
        check_metadata: &check_metadata,
    };
    import(pool, input, &options, &ProgressBar::hidden()).await
}

/// Imports a text that is expected to be taken.
pub(crate) async fn take(pool: &PgPool, text: &str) {
    let report = run(pool, text.as_bytes(), false).await.unwrap();
    assert!(report.kept, "{:?}", report.problems);
}

fn printed(report: &Report) -> String {
    let mut out = Vec::new();
    report.write(&mut out, Format::Text).unwrap();
    String::from_utf8(out).unwrap()
}

async fn mandates(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select ref from mandated.mandates order by id")
        .fetch_all(pool)
        .await
        .unwrap()
}

const HEADER: &str = "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,currency,frequency,cron,time_zone,starts_on,ends_on,debit_at,category,description,metadata";

/// A good row, with some columns replaced.
fn row(changes: &[(&str, &str)]) -> String {
    let good = [
        ("ref", "sub-1"),
        ("account", "main"),
        ("mandate_id", "mandate-1"),
        ("customer_id", "customer-1"),
        ("rail", "upi"),
        ("notify", "separate"),
        ("amount", "499.00"),
        ("frequency", "monthly"),
        ("starts_on", "2026-11-30"),
    ];
    let value = |column: &str| {
        let changed = changes.iter().find(|(name, _)| *name == column);
        changed
            .or_else(|| good.iter().find(|(name, _)| *name == column))
            .map_or("", |(_, value)| *value)
    };
    let cells: Vec<String> = HEADER
        .split(',')
        .map(|column| format!("\"{}\"", value(column).replace('"', "\"\"")))
        .collect();
    cells.join(",")
}

fn file(rows: &[String]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

#[tokio::test]
async fn every_bad_cell_is_named_with_its_reason() {
    let database = with_accounts().await;
    let long = "x".repeat(101);
    let cases: &[&[(&str, &str)]] = &[
        &[("ref", "")],
        &[("ref", &long)],
        &[("ref", "with space")],
        &[("account", "")],
        &[("account", "mian")],
        &[("mandate_id", "")],
        &[("customer_id", "")],
        &[("rail", "upii")],
        &[("rail", "cash")],
        &[("notify", "")],
        &[("notify", "none")],
        &[("rail", "enach"), ("notify", "separate")],
        &[("account", "nach"), ("notify", "provider")],
        &[
            ("account", "nach"),
            ("rail", "enach"),
            ("notify", "separate"),
        ],
        &[("amount", "499.001")],
        &[("amount", "4,99")],
        &[("amount", "0")],
        &[("amount", "-1")],
        &[("amount", "")],
        &[("amount", ""), ("frequency", "aspresented")],
        &[("max_amount", "498.99")],
        &[("currency", "rupee")],
        &[("currency", "JPY")],
        &[("frequency", "montly")],
        &[("frequency", "")],
        &[("cron", "0 6 1 * *")],
        &[("frequency", ""), ("cron", "every day")],
        &[("frequency", ""), ("cron", "* * * * *")],
        &[
            ("frequency", ""),
            ("cron", "0 6 1 * *"),
            ("debit_at", "07:00"),
        ],
        &[("time_zone", "Asia/Kolkatta")],
        &[("time_zone", "IST+5:30")],
        &[("starts_on", "")],
        &[("starts_on", "30/11/2026")],
        &[("starts_on", "2026-02-30")],
        &[("ends_on", "2026-11-29")],
        &[("ends_on", "soon")],
        &[("debit_at", "6 am")],
        &[("debit_at", "24:00")],
        &[("category", "Fast Tag")],
        &[(
            "description",
            "a description that is longer than what banks will show to a payer",
        )],
        &[("metadata", "udf1=x")],
        &[("metadata", "[1]")],
        &[("metadata", r#"{"colour": "red"}"#)],
        &[
            ("ref", ""),
            ("rail", "cash"),
            ("amount", "x"),
            ("starts_on", "x"),
        ],
    ];
    let mut table = String::new();
    for case in cases {
        let report = run(&database.pool, file(&[row(case)]).as_bytes(), false)
            .await
            .unwrap();
        assert_eq!((report.kept, report.invalid), (false, 1), "{case:?}");
        for problem in &report.problems {
            writeln!(table, "{problem}").unwrap();
        }
    }
    assert!(mandates(&database.pool).await.is_empty());
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_wrong_header_is_refused_before_any_row_is_read() {
    let database = with_accounts().await;
    let text = "ref,account,mandate_id,customer,rail,amount,frequency,starts_on,ref\n";
    let error = run(&database.pool, text.as_bytes(), true)
        .await
        .unwrap_err();
    insta::assert_snapshot!(error.to_string(), @r"
    the header is wrong
    line 1, customer: is not a column; did you mean customer_id?
    line 1, ref: is there twice
    ");
    let error = run(
        &database.pool,
        "ref;account;rail\n1;main;upi\n".as_bytes(),
        true,
    )
    .await
    .unwrap_err();
    insta::assert_snapshot!(error.to_string(), @r"
    the header is wrong
    line 1: has its columns separated by ';': write commas
    ");
    let error = run(&database.pool, "\n \n".as_bytes(), false)
        .await
        .unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"the file is empty: it needs a header line with the columns, or JSON Lines");
}

#[tokio::test]
async fn one_bad_row_undoes_all_unless_it_is_to_be_skipped() {
    let database = with_accounts().await;
    let text = file(&[
        row(&[]),
        row(&[
            ("ref", "sub-2"),
            ("mandate_id", "mandate-2"),
            ("amount", "free"),
        ]),
        row(&[("ref", "sub-3"), ("mandate_id", "mandate-3")]),
    ]);
    let refused = run(&database.pool, text.as_bytes(), false).await.unwrap();
    insta::assert_snapshot!(printed(&refused), @r#"
    line 3, amount: "free" is not an amount: write a decimal number, such as 499.00
    Nothing was imported: 1 bad row. Mend them, or take only the good ones with --skip-invalid.
    "#);
    assert!(mandates(&database.pool).await.is_empty());

    let skipped = run(&database.pool, text.as_bytes(), true).await.unwrap();
    insta::assert_snapshot!(printed(&skipped), @r#"
    line 3, amount: "free" is not an amount: write a decimal number, such as 499.00
    2 imported, 0 unchanged, 1 invalid
    "#);
    assert_eq!(mandates(&database.pool).await, ["sub-1", "sub-3"]);
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing() {
    let database = with_accounts().await;
    let text = file(&[
        row(&[
            ("metadata", r#"{"udf1": 1e2, "udf2": "b"}"#),
            ("description", "Magazine, monthly"),
        ]),
        row(&[
            ("ref", "sub-2"),
            ("mandate_id", "mandate-2"),
            ("frequency", ""),
            ("cron", "30 6 1 * *"),
        ]),
    ]);
    take(&database.pool, &text).await;
    sqlx::query(
        "update mandated.mandates set status = 'paused', next_cycle_on = '2026-12-31', next_plan_at = '2026-12-29Z'",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    let everything = "select string_agg(to_jsonb(m)::text, ' ' order by id) || (select count(*) from mandated.events) from mandated.mandates m";
    let before: String = sqlx::query_scalar(everything)
        .fetch_one(&database.pool)
        .await
        .unwrap();

    let again = run(&database.pool, text.as_bytes(), false).await.unwrap();
    assert_eq!((again.imported, again.unchanged, again.invalid), (0, 2, 0));
    let after: String = sqlx::query_scalar(everything)
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_registered_mandate_is_never_changed_by_another_file() {
    let database = with_accounts().await;
    take(&database.pool, &file(&[row(&[])])).await;
    let text = file(&[
        row(&[
            ("amount", "599.00"),
            ("starts_on", "2026-12-01"),
            ("description", "new"),
        ]),
        row(&[("ref", "sub-9")]),
        row(&[("ref", "sub-2"), ("mandate_id", "mandate-2")]),
        row(&[("ref", "sub-2"), ("mandate_id", "mandate-3")]),
        row(&[("ref", "sub-3"), ("mandate_id", "mandate-2")]),
    ]);
    let report = run(&database.pool, text.as_bytes(), false).await.unwrap();
    insta::assert_snapshot!(printed(&report), @r#"
    line 2, amount: differs from the mandate that is registered under this ref; an import never changes one
    line 2, max_amount: differs from the mandate that is registered under this ref; an import never changes one
    line 2, starts_on: differs from the mandate that is registered under this ref; an import never changes one
    line 2, description: differs from the mandate that is registered under this ref; an import never changes one
    line 3, mandate_id: is registered already, as ref "sub-1"
    line 5, ref: is on line 4 already
    line 6, mandate_id: is on line 4 already
    Nothing was imported: 4 bad rows. Mend them, or take only the good ones with --skip-invalid.
    "#);
    assert_eq!(mandates(&database.pool).await, ["sub-1"]);
}

/// The two rows are a thousand lines apart, so they come to the database in different batches.
#[tokio::test]
async fn a_repetition_names_the_line_of_the_first_however_far_it_is() {
    let database = with_accounts().await;
    let mut rows: Vec<String> = (0..1_500)
        .map(|n| {
            row(&[
                ("ref", &format!("sub-{n}")),
                ("mandate_id", &format!("mandate-{n}")),
            ])
        })
        .collect();
    rows.push(row(&[("ref", "sub-7"), ("mandate_id", "other")]));
    rows.push(row(&[("ref", "other"), ("mandate_id", "mandate-1499")]));
    let report = run(&database.pool, file(&rows).as_bytes(), true)
        .await
        .unwrap();
    assert_eq!((report.imported, report.invalid), (1_500, 2));
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "line 1502, ref: is on line 9 already",
            "line 1503, mandate_id: is on line 1501 already"
        ]
    );
}

#[tokio::test]
async fn spreadsheet_files_are_read_and_lines_are_counted_as_an_editor_does() {
    let database = with_accounts().await;
    let text = "\u{feff}ref, account ,mandate_id,customer_id,rail,notify,amount,frequency,starts_on,description\r\n\
                \r\n\
                sub-1,main,mandate-1,customer-1,upi,separate,499.00,monthly,2026-11-30,\"Magazine, \"\"weekly\"\"\"\r\n\
                \r\n\
                sub-2,main,mandate-2,customer-2,upi,separate,499.00,monthly,2026-11-30,\"two\r\nlines\"\r\n\
                sub-3,main,mandate-3\r\n\
                sub-4,main,mandate-4,customer-4,upi,separate,x,monthly,2026-11-30,";
    let report = run(&database.pool, text.as_bytes(), true).await.unwrap();
    insta::assert_snapshot!(printed(&report), @r#"
    line 5, description: has a control character in it
    line 7: has 3 fields where the header has 10: is a quote or a comma missing?
    line 8, amount: "x" is not an amount: write a decimal number, such as 499.00
    1 imported, 0 unchanged, 3 invalid
    "#);
    let description: String = sqlx::query_scalar("select description from mandated.mandates")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(description, "Magazine, \"weekly\"");
}

#[tokio::test]
async fn text_that_is_not_utf8_names_its_column() {
    let database = with_accounts().await;
    let mut bytes =
        b"ref,account,mandate_id,customer_id,rail,notify,amount,frequency,starts_on,description\n"
            .to_vec();
    bytes.extend(b"sub-1,main,m1,c1,upi,separate,499.00,monthly,2026-11-30,caf\xe9\n");
    let report = run(&database.pool, &bytes[..], false).await.unwrap();
    assert_eq!(
        report.problems[0].to_string(),
        "line 2, description: is not UTF-8 text"
    );
}

#[tokio::test]
async fn a_missing_quote_is_an_error_and_not_a_row() {
    let database = with_accounts().await;
    let mut text = file(&[row(&[])]);
    text.push_str("\"sub-2,main,");
    text.push_str(&"x,\n".repeat(500_000));
    let error = run(&database.pool, text.as_bytes(), true)
        .await
        .unwrap_err();
    let ImportError::Read(cause) = error else {
        panic!("{error}")
    };
    assert!(
        cause.to_string().contains("is a closing quote missing?"),
        "{cause}"
    );
    assert!(mandates(&database.pool).await.is_empty());
}

#[tokio::test]
async fn json_lines_have_the_same_columns() {
    let database = with_accounts().await;
    let text = r#"{"ref":"sub-1","account":"main","mandate_id":"m1","customer_id":"c1","rail":"card","notify":"provider","amount":"499.00","frequency":"monthly","starts_on":"2026-11-30","ends_on":null,"metadata":{"udf1":"a"}}

{"ref":"sub-2","account":"main","mandate_id":"m2","customer_id":"c2","rail":"card","notify":"provider","amount":499.5,"frequency":"monthly","starts_on":"2026-11-30"}
{"ref":"sub-3","account":"main","mandateid":"m3","customer_id":"c3","rail":"card","notify":"provider","amount":"1","frequency":"monthly","starts_on":"2026-11-30","colour":"red"}
{"ref":"sub-4","ref":"sub-5"}
[1, 2]
{"ref":"sub-6"
{"ref":6,"account":"main","mandate_id":"m6","customer_id":"c6","rail":"card","notify":"provider","amount":"1","frequency":"monthly","starts_on":"2026-11-30"}
"#;
    let report = run(&database.pool, text.as_bytes(), true).await.unwrap();
    insta::assert_snapshot!(printed(&report), @r#"
    line 3, amount: is a number: write it as text, such as "499.5"
    line 4, mandateid: is not a column; did you mean mandate_id?
    line 4, colour: is not a column; the columns are ref account mandate_id customer_id rail notify amount max_amount currency frequency cron time_zone starts_on ends_on debit_at category description metadata
    line 4, mandate_id: is missing
    line 5: is not a JSON object: the key "ref" is there twice
    line 6: is not a JSON object: invalid type: sequence, expected an object with the columns as its keys
    line 7: is not a JSON object: EOF while parsing an object
    line 8, ref: is not text: put it in quotes
    1 imported, 0 unchanged, 6 invalid
    "#);
    let metadata: Value = sqlx::query_scalar("select metadata from mandated.mandates")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(metadata, serde_json::json!({"udf1": "a"}));
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    let database = with_accounts().await;
    let rows = [
        row(&[]),
        row(&[
            ("ref", "sub-2"),
            ("mandate_id", "m2"),
            ("rail", "enach"),
            ("notify", ""),
        ]),
        row(&[
            ("ref", "sub-3"),
            ("mandate_id", "m3"),
            ("account", "nach"),
            ("rail", "enach"),
            ("notify", "none"),
            ("customer_id", ""),
            ("frequency", "aspresented"),
            ("amount", ""),
            ("max_amount", "10000"),
        ]),
    ];
    take(&database.pool, &file(&rows)).await;
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', ref, provider, notify, amount_minor, max_amount_minor, currency, time_zone, debit_at,
                          metadata, status, 'cursor', next_cycle_on, next_plan_at at time zone 'UTC')
           from mandated.mandates order by id",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    insta::assert_snapshot!(rows.join("\n"), @r"
    sub-1 juspay separate 49900 49900 INR Asia/Kolkata 06:00:00 {} active cursor 2026-11-30 2026-11-28 15:30:00
    sub-2 juspay none 49900 49900 INR Asia/Kolkata 06:00:00 {} active cursor 2026-11-30 2026-11-29 18:30:00
    sub-3 signzy none 1000000 INR Asia/Kolkata 06:00:00 {} active cursor
    ");
    let events: i64 = sqlx::query_scalar(
        "select count(*) from mandated.events e join mandated.mandates m on m.id = e.mandate_id
          where e.kind = 'mandate.imported' and e.mandate_ref = m.ref and e.to_state = 'active'",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert_eq!(events, 3);
}

/// Imported on 20 November 2026: what has closed is past, what is open is collected.
#[tokio::test]
async fn planning_begins_with_the_first_cycle_that_is_still_open() {
    let database = with_accounts().await;
    let cases = [
        ("monthly", "2026-12-05", ""),
        ("monthly", "2024-01-31", ""),
        ("monthly", "2024-01-05", ""),
        ("daily", "2020-01-01", ""),
        ("yearly", "2020-11-21", ""),
        ("yearly", "2020-11-20", ""),
        ("onetime", "2026-11-01", ""),
        ("onetime", "2026-11-01", "2026-11-19"),
        ("weekly", "2026-01-01", "2026-10-01"),
    ];
    let rows: Vec<String> = (0..)
        .zip(cases)
        .map(|(n, (frequency, starts_on, ends_on))| {
            let (reference, mandate_id) = (format!("sub-{n}"), format!("m{n}"));
            row(&[
                ("ref", &reference),
                ("mandate_id", &mandate_id),
                ("rail", "card"),
                ("frequency", frequency),
                ("starts_on", starts_on),
                ("ends_on", ends_on),
            ])
        })
        .collect();
    take(&database.pool, &file(&rows)).await;
    let cursors: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', frequency, 'from', starts_on, 'to', ends_on, 'next', next_cycle_on, 'at',
                          next_plan_at at time zone time_zone) from mandated.mandates order by id",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    insta::assert_snapshot!(cursors.join("\n"), @r"
    monthly from 2026-12-05 to next 2026-12-05 at 2026-12-03 21:00:00
    monthly from 2024-01-31 to next 2026-10-31 at 2026-11-20 11:30:00
    monthly from 2024-01-05 to next 2026-11-05 at 2026-11-20 11:30:00
    daily from 2020-01-01 to next 2026-11-20 at 2026-11-20 11:30:00
    yearly from 2020-11-21 to next 2025-11-21 at 2026-11-20 11:30:00
    yearly from 2020-11-20 to next 2026-11-20 at 2026-11-20 11:30:00
    onetime from 2026-11-01 to next 2026-11-01 at 2026-11-20 11:30:00
    onetime from 2026-11-01 to 2026-11-19 next at
    weekly from 2026-01-01 to 2026-10-01 next at
    ");
}

/// Rows made on the fly. At every thousandth it looks how many the database has: the rest is in memory.
struct Endless {
    pool: PgPool,
    next: i64,
    rows: i64,
    rest: Vec<u8>,
    most_in_memory: i64,
}

impl Endless {
    fn row(&mut self) -> Vec<u8> {
        let n = self.next;
        self.next += 1;
        if n == 0 {
            return b"ref,account,mandate_id,customer_id,rail,notify,amount,frequency,starts_on\n"
                .to_vec();
        }
        if n % 1_000 == 0 {
            // A sequence is outside of transactions: it shows how many were inserted before the commit.
            let inserted = sqlx::query_scalar::<_, i64>(
                "select case when is_called then last_value else 0 end from mandated.mandates_id_seq",
            );
            let inserted = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current()
                    .block_on(inserted.fetch_one(&self.pool))
                    .unwrap()
            });
            self.most_in_memory = self.most_in_memory.max(n - inserted);
        }
        format!("sub-{n},main,mandate-{n},customer-{n},card,separate,{n}.50,monthly,2026-11-30\n")
            .into_bytes()
    }
}

impl Read for &mut Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.rest.is_empty() && self.next <= self.rows {
            self.rest = self.row();
        }
        let read = self.rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.rest[..read]);
        self.rest.drain(..read);
        Ok(read)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_to_the_database_while_the_file_is_read() {
    let database = with_accounts().await;
    let mut endless = Endless {
        pool: database.pool.clone(),
        next: 0,
        rows: 20_000,
        rest: Vec::new(),
        most_in_memory: 0,
    };
    let report = run(&database.pool, &mut endless, false).await.unwrap();
    assert_eq!((report.imported, report.invalid), (20_000, 0));
    assert!(
        (1..2_000).contains(&endless.most_in_memory),
        "{}",
        endless.most_in_memory
    );
}
