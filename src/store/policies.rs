//! Policies: content-addressed and never updated, so that an execution keeps the one it was planned under.

use sqlx::PgConnection;

use super::error::{StoreContext, StoreError};
use crate::domain::policy::Policy;

/// The number of a policy, which it gets when it is new.
pub async fn intern(connection: &mut PgConnection, policy: &Policy) -> Result<i64, StoreError> {
    let body = serde_json::to_value(policy).map_err(|error| StoreError::Corrupt {
        what: "write a policy".to_owned(),
        why: error.to_string(),
    })?;
    // Postgres's own text of jsonb is canonical: the same policy gives the same digest wherever it was built.
    let inserted = sqlx::query_scalar!(
        r#"insert into mandated.policies (digest, body) values (md5($1::jsonb::text), $1)
           on conflict (digest) do nothing returning id"#,
        body
    )
    .fetch_optional(&mut *connection)
    .await
    .context("store a policy")?;
    if let Some(id) = inserted {
        return Ok(id);
    }
    sqlx::query_scalar!(
        "select id from mandated.policies where digest = md5($1::jsonb::text)",
        body
    )
    .fetch_one(connection)
    .await
    .context("find a policy")
}

/// A policy by its number.
pub async fn get(connection: &mut PgConnection, id: i64) -> Result<Policy, StoreError> {
    let body = sqlx::query_scalar!("select body from mandated.policies where id = $1", id)
        .fetch_one(connection)
        .await
        .context("load a policy")?;
    serde_json::from_value(body).map_err(|error| StoreError::Corrupt {
        what: format!("read policy {id}"),
        why: error.to_string(),
    })
}
