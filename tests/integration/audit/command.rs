//! `mandated audit` as a program: what it prints, and its exit codes.

use std::process::Output;

use crate::support::database::forget_environments;
use crate::support::due::execute;
use crate::support::process::Installation;
use crate::support::scenario::{Flow, Scenario};

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    (output.status.code(), text.concat())
}

#[tokio::test]
async fn the_audit_fails_when_a_guarantee_is_broken_or_a_provider_disagrees_or_is_silent() {
    let mut installation =
        Installation::open(&Scenario::of("900", Flow::UpiExempt).in_2040()).await;
    installation.prepare();
    installation.set("MANDATED__CLOCK__END", "2040-02-07T00:00:00+05:30");
    assert!(installation.run().ended().await.success());
    installation.set("MANDATED__CLOCK__START", "2040-02-08T00:00:00+05:30");
    installation.set("MANDATED__CLOCK__END", "2040-02-09T00:00:00+05:30");
    let holds = installation.works(&["audit", "--provider", "--since", "30days"]);
    assert!(
        holds.contains("Every guarantee holds.") && holds.contains("1 executions compared"),
        "{holds}"
    );
    let recent = installation.works(&["audit", "--provider", "--since", "1h"]);
    assert!(recent.contains("Nothing was compared."), "{recent}");

    let asked = ["audit", "--provider", "--mandate", "900"];
    installation.set(
        "MANDATED__ACCOUNTS__JUSPAY_MAIN__BASE_URL",
        "http://127.0.0.1:9",
    );
    forget_environments(&installation.database.pool).await;
    let (code, text) = said(&installation.output(&asked));
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("not answered: 1, the provider was not reached")
            && text.contains("error: not every question was answered"),
        "{text}"
    );

    execute(&installation.database.pool, "delete from mandated.debits").await;
    let (code, text) = said(&installation.output(&["audit"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("GUARANTEES ARE BROKEN."), "{text}");
}

#[tokio::test]
async fn what_is_unknown_is_listed_and_resolved_with_a_name_and_evidence() {
    let mut installation =
        Installation::open(&Scenario::of("900", Flow::UpiExempt).in_2040()).await;
    installation.prepare();
    installation.set("MANDATED__CLOCK__END", "2040-02-04T00:00:00+05:30");
    assert!(installation.run().ended().await.success());
    // The cycle is planned six hours ahead, so it is not there yet.
    installation.set("MANDATED__CLOCK__START", "2040-02-04T00:00:00+05:30");
    installation.set("MANDATED__CLOCK__END", "2040-02-05T06:00:00+05:30");
    assert!(installation.run().ended().await.success());
    execute(
        &installation.database.pool,
        "update mandated.executions set state = 'unknown', sent_at = timestamptz '2040-02-03T21:00:00+05:30', class = 'in_flight'",
    )
    .await;
    let listed = installation.works(&["executions", "list", "--state", "unknown"]);
    assert!(
        listed.contains("unknown   3h 0m   in_flight   499.00 INR"),
        "{listed}"
    );
    let resolve = [
        "executions",
        "resolve",
        "1",
        "--as",
        "failed",
        "--by",
        "asha",
        "--reason",
        "the bank has no debit",
    ];
    let (code, text) = said(&installation.output(&resolve));
    assert!(
        code == Some(2) && text.contains("--evidence <TEXT>"),
        "{text}"
    );
    let empty = [&resolve[..], &["--evidence", ""]].concat();
    let (code, text) = said(&installation.output(&empty));
    assert!(
        code == Some(1) && text.contains("--evidence is empty"),
        "{text}"
    );
    let proven = [&resolve[..], &["--evidence", "settlement report, line 7"]].concat();
    let done = installation.works(&proven);
    assert!(done.contains("unknown became failed"), "{done}");
    let shown = installation.works(&["executions", "show", "1"]);
    assert!(
        shown.contains(
            "as failed by asha: the bank has no debit; evidence: settlement report, line 7"
        ),
        "{shown}"
    );
    let (code, text) = said(&installation.output(&proven));
    assert!(code == Some(1) && text.contains("it is failed"), "{text}");
}
