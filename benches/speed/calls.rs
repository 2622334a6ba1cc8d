//! The bench's own calls to the sandbox: what has to be known there before a debit, and the floor of the daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use chrono::{SecondsFormat, TimeDelta};
use mandated::clock::Clock;
use reqwest::{Client, RequestBuilder};
use tokio::task::JoinSet;

use crate::figures::Run;
use crate::process::{API_KEY, MERCHANT, Sandbox};
use crate::world::{Due, notice, order};

/// Mandates told to the sandbox by one request.
const REGISTERED_AT_ONCE: i64 = 5_000;
/// Enough to keep the sandbox busy.
const AT_ONCE: usize = 64;

/// Who calls.
#[derive(Debug, Clone)]
struct Caller {
    client: Client,
    url: String,
    due: Due,
}

/// Makes the mandates known, and notifies their payers, as it was done 26 hours ago.
pub(crate) async fn prepare(sandbox: &Sandbox, due: Due) -> anyhow::Result<()> {
    let caller = Caller::new(sandbox, due)?;
    let last = due.first.saturating_add(due.count);
    let mut from = due.first;
    while from < last {
        let to = from.saturating_add(REGISTERED_AT_ONCE).min(last);
        let lines: Vec<String> = (from..to)
            .map(|id| {
                format!(
                    r#"{{"provider":"juspay","mandate_id":"mandate-{id}","customer_id":"customer-{id}","rail":"card","notify":"separate","max_amount":"5000.00"}}"#
                )
            })
            .collect();
        let told = caller
            .client
            .post(format!("{}sandbox/mandates", caller.url))
            .body(lines.join("\n"));
        told.send().await?.error_for_status()?;
        from = to;
    }
    let delivered = Clock::System.now().checked_sub_signed(TimeDelta::hours(27));
    let delivered = delivered.context("27 hours ago")?;
    let header = delivered.to_rfc3339_opts(SecondsFormat::Millis, true);
    caller
        .all(AT_ONCE, move |caller, id| {
            let form = [
                ("command", "pre_debit_notify".to_owned()),
                ("object_reference_id", notice(id)),
                (
                    "source_info",
                    format!(
                        r#"{{"amount":"499.00","txn_date":"{}"}}"#,
                        delivered.timestamp()
                    ),
                ),
                ("description", "Gold plan, monthly".to_owned()),
            ];
            caller
                .post(&format!("mandates/mandate-{id}"), id)
                .header("x-simulated-time", &header)
                .form(&form)
        })
        .await?;
    Ok(())
}

/// The floor: the requests that the daemon sends, from a loop that does nothing else.
pub(crate) async fn debit_all(
    sandbox: &Sandbox,
    due: Due,
    in_flight: usize,
) -> anyhow::Result<Run> {
    let caller = Caller::new(sandbox, due)?;
    caller
        .all(in_flight, |caller, id| {
            let form = [
                ("order.order_id", order(id)),
                ("order.amount", "499.00".to_owned()),
                ("order.currency", "INR".to_owned()),
                ("order.customer_id", format!("customer-{id}")),
                ("mandate_id", format!("mandate-{id}")),
                ("mandate.notification_id", notice(id)),
                ("merchant_id", MERCHANT.to_owned()),
                ("format", "json".to_owned()),
                ("order.udf1", "web".to_owned()),
                ("order.description", "Gold plan, monthly".to_owned()),
            ];
            caller.post("txns", id).form(&form)
        })
        .await
}

/// How many debits the sandbox made, and how many of them were the second of a cycle.
pub(crate) async fn ledger(sandbox: &Sandbox) -> anyhow::Result<(usize, usize)> {
    let asked = client()?.get(format!("{}sandbox/ledger", sandbox.url));
    let ledger: serde_json::Value = serde_json::from_str(&asked.send().await?.text().await?)?;
    let list = |name: &str| ledger.get(name).and_then(|list| list.as_array());
    let second = list("violations").map_or(0, |list| {
        let rules = list.iter().filter_map(|one| one.get("rule")?.as_str());
        rules.filter(|rule| *rule == "second_debit").count()
    });
    Ok((list("debits").map_or(0, Vec::len), second))
}

fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().pool_max_idle_per_host(1024).build()?)
}

impl Caller {
    fn new(sandbox: &Sandbox, due: Due) -> anyhow::Result<Self> {
        Ok(Self {
            client: client()?,
            url: sandbox.url.clone(),
            due,
        })
    }

    /// With the headers of every call about a mandate.
    fn post(&self, path: &str, id: i64) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.url))
            .basic_auth(API_KEY, Some(""))
            .header("x-merchantid", MERCHANT)
            .header("x-routing-id", format!("customer-{id}"))
            .header("accept", "application/json")
    }

    /// Sends one request for each, so many at once.
    async fn all(
        &self,
        at_once: usize,
        request: impl Fn(&Self, i64) -> RequestBuilder + Clone + Send + Sync + 'static,
    ) -> anyhow::Result<Run> {
        let last = self.due.first.saturating_add(self.due.count);
        let next = Arc::new(AtomicI64::new(self.due.first));
        let started = std::time::Instant::now();
        let mut senders = JoinSet::new();
        for _ in 0..at_once {
            let (caller, next, request) = (self.clone(), Arc::clone(&next), request.clone());
            senders.spawn(async move {
                loop {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    if id >= last {
                        return anyhow::Ok(());
                    }
                    let sent = request(&caller, id).send();
                    let answer = sent.await?;
                    let status = answer.status();
                    let body = answer.bytes().await?;
                    anyhow::ensure!(
                        status.is_success(),
                        "the sandbox answers {status}: {body:?}"
                    );
                }
            });
        }
        while let Some(ended) = senders.join_next().await {
            ended??;
        }
        Ok(Run {
            count: self.due.count,
            took: started.elapsed(),
        })
    }
}
