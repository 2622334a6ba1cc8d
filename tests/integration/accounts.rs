//! `accounts`: a person pauses and resumes them, and says who and why.

use std::time::Duration;

use mandated::domain::AccountId;
use mandated::ops::OpsError;
use mandated::ops::accounts::{pause, resume};
use mandated::store::accounts::{self, Pause};
use mandated::store::pauses::Attribution;
use mandated::store::pool::DatabasePool;

use crate::support::due::{claim, column, due, execute, now};
use crate::support::process::Installation;

const NAME: Option<&str> = Some("juspay_main");
const ATTRIBUTION: Attribution<'_> = Attribution {
    who: "asha",
    reason: "the provider is down",
};

async fn on_record(pool: &DatabasePool) -> Vec<String> {
    column(
        pool,
        "select format('%s %s %s: %s', what, who, until is null, reason) from mandated.operator_requests order by id",
    )
    .await
}

#[tokio::test]
async fn nothing_of_a_paused_account_is_claimed_until_it_is_resumed() {
    let database = due(3).await;
    let pool = &database.pool;
    let mut conn = pool.acquire().await.unwrap();
    pause(&mut conn, NAME, ATTRIBUTION, None, now())
        .await
        .unwrap();
    assert!(claim(pool, 3, "worker-1").await.is_empty());
    // The daemons' own, shorter pause does not end a person's.
    let soon = now() + Duration::from_secs(1);
    accounts::pause(pool, AccountId(1), Pause::Refused, soon, "refused", now())
        .await
        .unwrap();
    let until: Vec<bool> = column(
        pool,
        "select paused_until > now() + interval '50 years' from mandated.accounts where name = 'juspay_main'",
    )
    .await;
    assert_eq!(until, [true]);
    let again = Attribution {
        reason: "it is back",
        ..ATTRIBUTION
    };
    resume(&mut conn, None, again, now()).await.unwrap();
    assert_eq!(claim(pool, 3, "worker-1").await.len(), 3);
    assert_eq!(
        on_record(pool).await,
        [
            "pause asha f: the provider is down",
            "resume asha t: it is back"
        ]
    );
}

#[tokio::test]
async fn a_pause_with_an_end_ends_by_itself() {
    let database = due(1).await;
    let mut conn = database.pool.acquire().await.unwrap();
    let an_hour = Duration::from_hours(1);
    let before = now() - Duration::from_mins(61);
    pause(&mut conn, NAME, ATTRIBUTION, Some(an_hour), before)
        .await
        .unwrap();
    assert_eq!(claim(&database.pool, 1, "worker-1").await.len(), 1);
}

#[tokio::test]
async fn words_that_say_nothing_or_too_much_change_nothing() {
    let database = due(1).await;
    let mut conn = database.pool.acquire().await.unwrap();
    for (name, said) in [
        (
            NAME,
            Attribution {
                who: " ",
                ..ATTRIBUTION
            },
        ),
        (
            NAME,
            Attribution {
                reason: "",
                ..ATTRIBUTION
            },
        ),
        (
            NAME,
            Attribution {
                reason: "asked by payer@example.com",
                ..ATTRIBUTION
            },
        ),
        (Some("juspay_man"), ATTRIBUTION),
    ] {
        let refused = pause(&mut conn, name, said, None, now()).await;
        let refused = refused.unwrap_err();
        let is_known = matches!(refused, OpsError::Words(_) | OpsError::NoAccount(_));
        assert!(is_known, "{refused}");
    }
    assert_eq!(on_record(&database.pool).await, [""; 0]);
    assert_eq!(claim(&database.pool, 1, "worker-1").await.len(), 1);
}

#[tokio::test]
async fn the_commands_say_what_they_did() {
    let installation = Installation::at("http://127.0.0.1:1").await;
    installation.works(&["migrate"]);
    let why = ["--by", "asha", "--reason", "an outage"];
    let said = installation.works(&[&["accounts", "pause", "juspay_main"][..], &why].concat());
    assert_eq!(said, "juspay_main: paused\n");
    let listed = installation.works(&["accounts", "list"]);
    assert!(listed.contains("an outage, by asha"), "{listed}");
    let said = installation.works(&[&["accounts", "resume", "--all"][..], &why].concat());
    assert_eq!(said, "juspay_main: resumed\n");
    let said = installation.works(&[&["accounts", "resume", "--all"][..], &why].concat());
    assert_eq!(said, "no account was resumed\n");
    let none = installation.output(&[&["accounts", "pause", "juspay_man"][..], &why].concat());
    assert_eq!(none.status.code(), Some(1));
    let words = String::from_utf8(none.stderr).unwrap();
    assert!(
        words.contains("there is no account \"juspay_man\""),
        "{words}"
    );
    assert_eq!(
        installation.output(&["accounts", "pause"]).status.code(),
        Some(2)
    );
}

#[tokio::test]
async fn nothing_of_a_recovering_account_is_claimed_though_it_is_resumed() {
    let database = due(3).await;
    let pool = &database.pool;
    execute(
        pool,
        "update mandated.accounts set recovering_since = '2026-01-30Z'",
    )
    .await;
    assert!(claim(pool, 3, "worker-1").await.is_empty());
    let mut conn = pool.acquire().await.unwrap();
    resume(&mut conn, None, ATTRIBUTION, now()).await.unwrap();
    assert!(claim(pool, 3, "worker-1").await.is_empty());
    execute(pool, "update mandated.accounts set recovering_since = null").await;
    assert_eq!(claim(pool, 3, "worker-1").await.len(), 3);
}
