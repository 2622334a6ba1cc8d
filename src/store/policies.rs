//! Policies, stored once each under the digest of their content.

use sqlx::PgConnection;

use crate::domain::policy::Policy;

/// The number of a policy; stores it if it is new. Two that write the same one at once get the same number.
pub async fn intern(conn: &mut PgConnection, policy: &Policy) -> sqlx::Result<i64> {
    // A `Value` has its keys sorted, so equal policies are equal texts.
    let body = serde_json::to_value(policy).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let text = body.to_string();
    sqlx::query!(
        "insert into mandated.policies (digest, body)
         values (encode(sha256(convert_to($1, 'UTF8')), 'hex'), $2)
         on conflict (digest) do nothing",
        text,
        body
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        "select id from mandated.policies where digest = encode(sha256(convert_to($1, 'UTF8')), 'hex')",
        text
    )
    .fetch_one(conn)
    .await
}
