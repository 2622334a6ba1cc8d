//! A snapshot that is held open for long: no dead row younger than it can be removed, and the hot tables grow.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::log_values::chain;
use crate::store;
use crate::store::bloat::{OldestSnapshot, oldest_snapshot};
use crate::store::pool::DatabasePool;

const NAME: &str = "look for the oldest snapshot";

/// The heartbeat does not wait longer for it.
const LIMIT: Duration = Duration::from_secs(2);

/// When a snapshot that is held open is worth a line of its own.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// A warning when it is older,
    pub warn_after: Duration,
    /// so often.
    pub every: Duration,
}

/// What this process remembers of the oldest snapshot between two heartbeats.
#[derive(Debug, Default)]
pub struct Watch {
    /// The one that was seen last, and since when.
    seen: Option<(OldestSnapshot, Instant)>,
    /// Whether it was said that Postgres does not tell.
    is_refused: bool,
    /// The holders that were spoken of.
    logged: BTreeMap<(String, Option<i32>, Option<String>), Instant>,
}

impl Watch {
    /// For how many seconds the oldest snapshot has been held; nothing when nobody says. Warns when that is too long.
    pub(super) async fn look(
        &mut self,
        pool: &DatabasePool,
        rules: Rules,
        worker: &str,
    ) -> Option<u64> {
        let found = match store::within(LIMIT, NAME, oldest_snapshot(pool)).await {
            Ok(found) => found,
            Err(problem) => {
                // What passes by itself the other loops say too.
                if !problem.kind().passes() && !std::mem::replace(&mut self.is_refused, true) {
                    warn!(
                        worker.id = worker,
                        error = %chain(&problem),
                        "nobody says how old the oldest snapshot is"
                    );
                }
                return None;
            }
        };
        let Some(snapshot) = found else {
            self.seen = None;
            return Some(0);
        };
        let now = Instant::now();
        let age = self.age(&snapshot, now);
        if age >= rules.warn_after.as_secs() && self.is_news(&snapshot, rules.every, now) {
            warn!(
                worker.id = worker,
                holder = snapshot.holder,
                holder_pid = snapshot.pid,
                holder_name = snapshot.name,
                oldest_snapshot_s = age,
                "a snapshot is held open for long: rows that are done with cannot be removed, and the hot tables grow; {}",
                advice(&snapshot.holder)
            );
        }
        Some(age)
    }

    /// For how many seconds a snapshot has been held. Where nobody tells, as long as it has been seen.
    fn age(&mut self, snapshot: &OldestSnapshot, now: Instant) -> u64 {
        if let Some(age) = snapshot.age_s {
            self.seen = None;
            return u64::try_from(age).unwrap_or_default();
        }
        match &self.seen {
            Some((seen, since)) if seen == snapshot => now.duration_since(*since).as_secs(),
            Some(_) | None => {
                self.seen = Some((snapshot.clone(), now));
                0
            }
        }
    }

    /// Whether nothing was said of its holder for long enough.
    fn is_news(&mut self, snapshot: &OldestSnapshot, every: Duration, now: Instant) -> bool {
        self.logged.retain(|_, at| now.duration_since(*at) < every);
        let OldestSnapshot {
            holder, pid, name, ..
        } = snapshot.clone();
        match self.logged.entry((holder, pid, name)) {
            Entry::Vacant(holder) => {
                holder.insert(now);
                true
            }
            Entry::Occupied(_) => false,
        }
    }
}

fn advice(holder: &str) -> &'static str {
    match holder {
        "prepared transaction" => {
            "end it with `commit prepared` or `rollback prepared` and its name"
        }
        "replication slot" => {
            "see to the standby or consumer of this slot; one that nobody needs goes with `pg_drop_replication_slot`"
        }
        // Postgres says what there can be, and these are all.
        _ => "end what this session does, or the session: `select pg_terminate_backend(PID)`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(xmin: &str, pid: i32, age_s: Option<i64>) -> OldestSnapshot {
        OldestSnapshot {
            holder: "session".to_owned(),
            pid: Some(pid),
            name: Some("report".to_owned()),
            xmin: xmin.to_owned(),
            age_s,
        }
    }

    #[test]
    fn a_snapshot_is_as_old_as_postgres_says_or_as_it_has_been_seen() {
        let mut watch = Watch::default();
        let now = Instant::now();
        let later = now + Duration::from_mins(10);
        assert_eq!(watch.age(&held("700", 1, None), now), 0);
        assert_eq!(watch.age(&held("700", 1, None), later), 600);
        assert_eq!(watch.age(&held("701", 1, None), later), 0, "a later one");
        let even_later = later + Duration::from_mins(10);
        assert_eq!(watch.age(&held("701", 2, None), even_later), 0, "another's");
        for (age_s, age) in [(900, 900), (30, 30), (-1, 0)] {
            assert_eq!(watch.age(&held("701", 2, Some(age_s)), even_later), age);
        }
    }

    #[test]
    fn each_holder_is_news_once_a_period() {
        let hour = Duration::from_hours(1);
        let mut watch = Watch::default();
        let now = Instant::now();
        assert!(watch.is_news(&held("700", 1, None), hour, now));
        assert!(!watch.is_news(&held("700", 1, None), hour, now));
        assert!(
            !watch.is_news(&held("701", 1, None), hour, now),
            "the same one"
        );
        assert!(
            watch.is_news(&held("701", 2, None), hour, now),
            "another one"
        );
        assert!(watch.is_news(&held("701", 1, None), hour, now + hour));
    }
}
