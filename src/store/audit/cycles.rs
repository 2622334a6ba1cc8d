//! G7: which cycles have their execution, for a reader that knows the calendar.

use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::domain::cycle::Terms;
use crate::store::rows::{self, TermsRow};

/// A mandate's schedule and the cycles that were planned by it.
#[derive(Debug)]
pub struct Schedule {
    pub mandate_id: i64,
    pub mandate_ref: String,
    pub terms: Terms,
    pub next_cycle_on: Option<NaiveDate>,
    /// In order, and not empty. Debits outlive their executions, so they count as well.
    pub planned: Vec<NaiveDate>,
}

/// The next mandates that have cycles: those of `since` or later, and the one before them.
pub async fn schedules_after(
    conn: &mut PgConnection,
    mandate_id: i64,
    since: NaiveDate,
    limit: i64,
) -> sqlx::Result<Vec<Schedule>> {
    let rows = sqlx::query!(
        r#"
        select m.id, m.ref, m.frequency, m.cron, m.time_zone, m.starts_on, m.ends_on, m.debit_at, m.next_cycle_on,
               p.planned as "planned!"
          from mandated.mandates m
          cross join lateral (
            select array_agg(c.cycle_on order by c.cycle_on) as planned
              from (select e.cycle_on from mandated.executions e where e.mandate_id = m.id and e.cycle_on >= $2
                    union
                    (select e.cycle_on from mandated.executions e where e.mandate_id = m.id and e.cycle_on < $2
                      order by e.cycle_on desc limit 1)
                    union
                    select d.cycle_on from mandated.debits d where d.mandate_id = m.id and d.cycle_on >= $2) c) p
         where m.id > $1 and m.frequency is distinct from 'aspresented' and p.planned is not null
         order by m.id limit $3
        "#,
        mandate_id,
        since,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let terms = TermsRow {
                id: row.id,
                frequency: row.frequency.as_deref(),
                cron: row.cron.as_deref(),
                time_zone: &row.time_zone,
                starts_on: row.starts_on,
                ends_on: row.ends_on,
                debit_at: row.debit_at,
            };
            Ok(Schedule {
                mandate_id: row.id,
                mandate_ref: row.r#ref,
                terms: rows::terms(&terms).map_err(|error| sqlx::Error::Decode(error.into()))?,
                next_cycle_on: row.next_cycle_on,
                planned: row.planned,
            })
        })
        .collect()
}
