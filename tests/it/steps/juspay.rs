//! Juspay: the error tables, the samples and the transport failures of `/txns` and `/ecr/mandate/retry`.

use std::fmt::Write;
use std::time::Duration;

use mandated::domain::{MandateStatus, Notify, ProviderKind, Rail, State, Step};

use super::support::{COLUMNS, Followed, Scene};
use crate::juspay::support::{Stage, brief, documented, execute, retry};
use crate::juspay::tables::error_rows;

const PAGE: &str = "<html><body>502 Bad Gateway</body></html>";

fn first_debit() -> Scene {
    Scene::execute(ProviderKind::Juspay, Rail::Upi, Notify::Separate)
}

/// Ten hours after the debit, at 16:10.
fn first_retry() -> Scene {
    Scene::retry(
        ProviderKind::Juspay,
        Rail::Upi,
        Notify::Separate,
        Duration::from_secs(10 * 3600),
    )
}

/// One answer to `/txns` and what follows.
async fn executed(stage: &Stage, status: u16, body: &str) -> (String, Followed) {
    stage.say(status, body).await;
    let order = order_in(body).unwrap_or("1738237998");
    let reply = execute(&stage.juspay, order).await;
    (brief(&reply.outcome), first_debit().follow(&reply))
}

async fn retried(stage: &Stage, status: u16, body: &str) -> (String, Followed) {
    stage.say(status, body).await;
    let order = order_in(body).unwrap_or("recu_1731322009");
    let reply = retry(&stage.juspay, order).await;
    (brief(&reply.outcome), first_retry().follow(&reply))
}

/// The order that a sample is about.
fn order_in(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once("\"order_id\"")?;
    rest.split('"').nth(1)
}

#[tokio::test]
async fn every_row_of_the_error_tables() {
    let stage = Stage::new().await;
    let mut table = format!("{:<52} http  {:<24} {COLUMNS}\n", "POST /txns", "outcome");
    for (status, description, body) in error_rows() {
        let (outcome, followed) = executed(&stage, status, &body).await;
        let description: String = description.chars().take(52).collect();
        writeln!(
            table,
            "{description:<52} {status:<5} {outcome:<24} {followed}"
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}
