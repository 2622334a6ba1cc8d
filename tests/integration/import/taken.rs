//! What an import takes, from which files, and what it makes of it.

use std::io::Read;

use mandated::store::pool::DatabasePool;
use serde_json::Value;

use super::{file, printed, row, run, take, with_accounts};

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
    line 5, description: "two\nlines" has a character that cannot be shown, U+000A LINE FEED: leave it out
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
    line 3, amount: is a number: write it as text, such as "499.50"
    line 4, mandateid: is not a column; did you mean mandate_id?
    line 4, colour: is not a column; the columns are ref account mandate_id customer_id rail notify amount max_amount currency frequency cron time_zone starts_on ends_on debit_at category description metadata
    line 4, mandate_id: is missing
    line 5: is not a JSON object: the key "ref" is there twice
    line 6: is a list: write one object a line, without brackets around it
    line 7: is not a whole JSON object: write one object a line (EOF while parsing an object)
    line 8, ref: is a number: write it as text, such as "6"
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
            ("mandate_id", "3290000"),
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
async fn planning_begins_with_the_first_cycle_whose_debit_is_still_to_come() {
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
    monthly from 2024-01-31 to next 2026-11-30 at 2026-11-28 21:00:00
    monthly from 2024-01-05 to next 2026-12-05 at 2026-12-03 21:00:00
    daily from 2020-01-01 to next 2026-11-21 at 2026-11-20 11:30:00
    yearly from 2020-11-21 to next 2026-11-21 at 2026-11-20 11:30:00
    yearly from 2020-11-20 to next 2027-11-20 at 2027-11-18 21:00:00
    onetime from 2026-11-01 to next at
    onetime from 2026-11-01 to 2026-11-19 next at
    weekly from 2026-01-01 to 2026-10-01 next at
    ");
}

/// Rows made on the fly. At every thousandth it looks how many the database has: the rest is in memory.
struct Endless {
    pool: DatabasePool,
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
