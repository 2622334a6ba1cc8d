//! What an import refuses, in which words, and that it changes nothing when it does.

use std::fmt::Write as _;

use mandated::ops::import::ImportError;

use super::{file, mandates, printed, row, run, take, with_accounts};

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
        &[
            ("account", "nach"),
            ("mandate_id", "3290000"),
            ("notify", "provider"),
        ],
        &[
            ("account", "nach"),
            ("mandate_id", "3290000"),
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

/// The whole file is in doubt: its good rows may have other letters than their bytes say.
#[tokio::test]
async fn text_that_is_not_utf8_is_not_imported_with_bad_rows_skipped_either() {
    let database = with_accounts().await;
    let mut bytes =
        b"ref,account,mandate_id,customer_id,rail,notify,amount,frequency,starts_on,description\n"
            .to_vec();
    bytes.extend(b"sub-1,main,m1,c1,upi,separate,499.00,monthly,2026-11-30,coffee\n");
    bytes.extend(b"sub-2,main,m2,c2,upi,separate,499.00,monthly,2026-11-30,caf\xe9\n");
    let error = run(&database.pool, &bytes[..], true).await.unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"the file is not UTF-8: line 3, description has the byte 0xE9, as Windows-1252 and Latin-1 write their letters; save it as UTF-8 (spreadsheets call it CSV UTF-8)");
    assert!(mandates(&database.pool).await.is_empty());
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
