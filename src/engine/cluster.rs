//! The daemons of one database share what an account allows: calls at once, and calls a second.
//!
//! Each beats in `mandated.daemons` every few seconds and divides the limits by the daemons that it sees there. Shares only grow
//! when somebody is gone, and only shrink when somebody is there: as long as any two that call see each other, all of them together
//! stay within the limit, whatever else they see (`share`). So a daemon that joins calls nothing until all others have seen it and
//! made room; and one whose last beat is old calls nothing before the others may take it for gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Account, Accounts, Database};
use crate::clock::Clock;
use crate::store::cluster::{Member, Terms, join, leave, renew};
use crate::store::environment::Heartbeat;
use crate::store::{self, StoreError};

/// What its failures are called.
const NAME: &str = "beat in the cluster";

/// Between two beats.
const EVERY: Duration = Duration::from_secs(2);

/// The same while the others have to make room, and after a beat that failed.
const SOON: Duration = Duration::from_millis(500);

/// A beat whose answer takes longer has failed: whoever looks meanwhile does not see it.
const ANSWER: Duration = Duration::from_secs(5);

/// A beat is worth a share for 12 seconds from when it was sent. The others count it for longer by more than an answer may take.
const TERMS: Terms = Terms {
    kept: Duration::from_secs(12),
    gone: Duration::from_secs(20),
};

/// The share of a limit that a daemon has, by its rank among so many: the first ones have what is left over. It never grows when
/// there are more of them, nor with the rank.
fn share(limit: usize, members: usize, rank: usize) -> usize {
    let even = limit.checked_div(members).unwrap_or(limit);
    let over = limit.checked_rem(members).unwrap_or(0);
    even.saturating_add(usize::from(rank < over))
}

/// Where this process stands among the daemons.
#[derive(Debug)]
enum Membership {
    /// It is not one of them: it has just started, or the others may count it as gone. It joins in the place of the number it had.
    Outside { before: Option<i64> },
    /// It has a number and no share: some of the others have not made room yet.
    Joining { id: i64, acknowledged: Vec<i64> },
    /// It has a share until its last beat is too old.
    Sharing {
        id: i64,
        acknowledged: Vec<i64>,
        until: Instant,
    },
}

/// This process among the daemons.
#[derive(Debug)]
pub struct Cluster {
    database: Database,
    clock: Clock,
    accounts: Accounts,
    worker: Arc<str>,
    membership: Membership,
    /// How many there were when it last said so, and whether it had a share.
    logged: (usize, bool),
}

impl Cluster {
    /// From now on nothing is called before the others have made room.
    pub fn new(database: Database, clock: Clock, accounts: Accounts, worker: Arc<str>) -> Self {
        let cluster = Self {
            database,
            clock,
            accounts,
            worker,
            membership: Membership::Outside { before: None },
            logged: (0, false),
        };
        cluster.stop();
        cluster
    }

    /// Beats until this process does nothing else any more, and leaves.
    pub async fn run(mut self, alone: CancellationToken) {
        while !alone.is_cancelled() {
            let turn = tokio::select! {
                turn = self.turn() => turn,
                () = alone.cancelled() => break,
            };
            let pause = match turn {
                Ok(pause) => {
                    self.database.health.recovered(NAME);
                    pause
                }
                Err(problem) => {
                    self.database.failed(NAME, problem).await;
                    SOON
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = alone.cancelled() => {}
            }
        }
        if let Membership::Joining { id, .. } | Membership::Sharing { id, .. } = self.membership {
            // Without it the others wait until it is gone.
            let left = leave(&self.database.pool, id);
            drop(store::within(SOON, "leave the cluster", left).await);
        }
    }

    /// One turn; says when the next one is due.
    async fn turn(&mut self) -> Result<Duration, StoreError> {
        let sent = Instant::now();
        if let Membership::Sharing { id, until, .. } = self.membership
            && sent >= until
        {
            self.lost(id);
        }
        // With a clock that nobody shares its lanes claim nothing: what it does not use is for the others.
        self.database.check(&self.clock).await?;
        let limit = ANSWER.min(self.database.answer_timeout);
        let pool = &self.database.pool;
        let (id, acknowledged) = match &self.membership {
            Membership::Outside { before } => {
                let accounts: Vec<i16> = self.accounts.iter().map(|account| account.id.0).collect();
                let joined = join(pool, &self.worker, &accounts, *before);
                let id = store::within(limit, "join the cluster", joined).await?;
                self.membership = Membership::Joining {
                    id,
                    acknowledged: Vec::new(),
                };
                return Ok(Duration::ZERO);
            }
            Membership::Joining { id, acknowledged }
            | Membership::Sharing {
                id, acknowledged, ..
            } => (*id, acknowledged),
        };
        let seen = renew(pool, id, acknowledged, TERMS);
        let seen = store::within(limit, NAME, seen).await?;
        let Some(me) = seen.iter().find(|member| member.id == id) else {
            self.lost(id);
            return Ok(Duration::ZERO);
        };
        self.database.beaten(Heartbeat {
            daemon: id,
            beats: me.beats,
        });
        Ok(self.see(id, &seen, sent))
    }

    /// Takes the share that is left beside the others, and makes room for them.
    fn see(&mut self, id: i64, seen: &[Member], sent: Instant) -> Duration {
        let mut members: Vec<i64> = seen.iter().map(|member| member.id).collect();
        members.sort_unstable();
        let has_share = matches!(self.membership, Membership::Sharing { .. })
            || seen.iter().all(|member| member.has_acknowledged);
        let until = sent.checked_add(TERMS.kept).filter(|_| has_share);
        let mut is_room = true;
        for account in self.accounts.iter() {
            let shares = |member: &&Member| member.accounts.contains(&account.id.0);
            let sharing = seen.iter().filter(shares).count();
            let before = seen.iter().filter(shares).filter(|other| other.id < id);
            let at_once = share(account.max_in_flight, sharing, before.count());
            let client = account.client();
            if let Some(until) = until {
                let members = u32::try_from(sharing).unwrap_or(u32::MAX);
                client.limiter().share(at_once, members, until);
            }
            is_room &= client.limiter().in_flight.calls() <= at_once;
        }
        self.say(members.len(), until.is_some());
        let is_news = self.advance(id, until, is_room.then_some(members));
        if is_news {
            // Who joins waits for this.
            return Duration::ZERO;
        }
        if until.is_some() && is_room {
            EVERY
        } else {
            SOON
        }
    }

    /// Where it stands after a beat, and whether there are others to acknowledge than before.
    fn advance(&mut self, id: i64, until: Option<Instant>, members: Option<Vec<i64>>) -> bool {
        let outside = Membership::Outside { before: None };
        let known = match std::mem::replace(&mut self.membership, outside) {
            Membership::Outside { .. } => Vec::new(),
            Membership::Joining { acknowledged, .. } | Membership::Sharing { acknowledged, .. } => {
                acknowledged
            }
        };
        let is_news = members.as_ref().is_some_and(|members| *members != known);
        let acknowledged = members.unwrap_or(known);
        self.membership = match until {
            Some(until) => Membership::Sharing {
                id,
                acknowledged,
                until,
            },
            None => Membership::Joining { id, acknowledged },
        };
        is_news
    }

    /// The others may count it as gone: its share is theirs, and it begins anew.
    fn lost(&mut self, id: i64) {
        self.stop();
        self.membership = Membership::Outside { before: Some(id) };
    }

    fn stop(&self) {
        for account in self.accounts.iter() {
            account.client().limiter().stop();
        }
    }

    /// One line when there are more of them or fewer, or when this one has a share that had none.
    fn say(&mut self, members: usize, has_share: bool) {
        if self.logged == (members, has_share) {
            return;
        }
        self.logged = (members, has_share);
        let share = |account: &Account| {
            let (name, client) = (&account.name, account.client());
            let limiter = client.limiter();
            let a_minute = limiter.rate.calls_in(Duration::from_mins(1));
            format!(
                "{name} {} at once, {a_minute} a minute",
                limiter.in_flight.max()
            )
        };
        let shares: Vec<String> = self.accounts.iter().map(|account| share(account)).collect();
        info!(
            worker.id = &*self.worker,
            members,
            shares = if has_share {
                shares.join("; ")
            } else {
                "none until the others have made room".to_owned()
            },
            "cluster"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(limit: usize, seen: &BTreeSet<usize>, id: usize) -> usize {
        share(
            limit,
            seen.len(),
            seen.iter().position(|other| *other == id).unwrap(),
        )
    }

    #[test]
    fn all_shares_together_are_the_limit() {
        for limit in [0, 1, 2, 7, 64] {
            for members in 1..=10 {
                let shares = (0..members).map(|rank| share(limit, members, rank));
                assert_eq!(shares.sum::<usize>(), limit, "{limit} by {members}");
            }
        }
    }

    proptest! {
        #[test]
        fn whoever_sees_at_least_all_that_call_stays_within_the_limit_with_them(
            limit in 0_usize..200,
            calling in prop::collection::btree_set(0_usize..20, 1..8),
            others in prop::collection::vec(prop::collection::btree_set(0_usize..20, 0..8), 20),
        ) {
            let called: usize = calling
                .iter()
                .map(|id| of(limit, &calling.union(&others[*id]).copied().collect(), *id))
                .sum();
            prop_assert!(called <= limit, "{called} of {limit}");
        }
    }
}
