//! G7: which cycles have their execution, for a reader that knows the calendar.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

/// A mandate's schedule, as its row says, and the cycles that were planned by it.
#[derive(Debug)]
pub struct Schedule {
    pub mandate_id: i64,
    pub mandate_ref: String,
    pub status: String,
    pub frequency: Option<String>,
    pub cron: Option<String>,
    pub time_zone: String,
    pub starts_on: NaiveDate,
    pub ends_on: Option<NaiveDate>,
    pub created_at: DateTime<Utc>,
    pub next_cycle_on: Option<NaiveDate>,
    /// In order. Debits outlive their executions, so they count as well.
    pub planned: Vec<NaiveDate>,
}

/// The next mandates whose cycles follow from their rows, with the cycles of `since` or later and the one before them.
pub async fn schedules_after(
    conn: &mut PgConnection,
    mandate_id: i64,
    since: NaiveDate,
    limit: i64,
) -> sqlx::Result<Vec<Schedule>> {
    sqlx::query_as!(
        Schedule,
        r#"
        select m.id as mandate_id, m.ref as mandate_ref, m.status, m.frequency, m.cron, m.time_zone, m.starts_on, m.ends_on,
               m.created_at, m.next_cycle_on, coalesce(p.planned, '{}') as "planned!"
          from (select * from mandated.mandates
                 where id > $1 and frequency is distinct from 'aspresented' order by id limit $3) m
          cross join lateral (
            select array_agg(c.cycle_on order by c.cycle_on) as planned
              from (select e.cycle_on from mandated.executions e where e.mandate_id = m.id and e.cycle_on >= $2
                    union
                    (select e.cycle_on from mandated.executions e where e.mandate_id = m.id and e.cycle_on < $2
                      order by e.cycle_on desc limit 1)
                    union
                    select d.cycle_on from mandated.debits d where d.mandate_id = m.id and d.cycle_on >= $2) c) p
         order by m.id
        "#,
        mandate_id,
        since,
        limit
    )
    .fetch_all(conn)
    .await
}
