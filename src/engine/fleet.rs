//! The daemons of one database share what an account allows: calls at once, and calls a second.
//!
//! Each beats in `mandated.daemons` every few seconds and divides the limits by the daemons that it sees there. Shares only grow
//! when somebody is gone, and only shrink when somebody is there: as long as any two that call see each other, all of them together
//! stay within the limit, whatever else they see (`part`). So a daemon that joins calls nothing until all others have seen it and
//! made room; and one whose last beat is old calls nothing before the others may take it for gone.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Account, Engine};
use crate::store::fleet::{Member, Terms, beat, join, leave};
use crate::store::{self, StoreError};

/// What its troubles are called.
const NAME: &str = "beat in the fleet";

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

/// The part of a limit that a daemon has, by its rank among so many: the first ones have what is left over. It never grows when
/// there are more of them, nor with the rank.
fn part(limit: usize, members: usize, rank: usize) -> usize {
    let even = limit.checked_div(members).unwrap_or(limit);
    let over = limit.checked_rem(members).unwrap_or(0);
    even.saturating_add(usize::from(rank < over))
}

/// This process among the daemons.
#[derive(Debug)]
pub struct Fleet {
    engine: Engine,
    id: Option<i64>,
    /// The number it had before it had to join anew.
    before: Option<i64>,
    /// The daemons as it saw them last, itself among them, in order.
    seen: Vec<i64>,
    made_room_for: Vec<i64>,
    /// Until when it has a share; none while it waits for the others.
    until: Option<Instant>,
    /// How many there were when it last said so, and whether it had a share.
    said: (usize, bool),
}

impl Fleet {
    /// From now on nothing is called before the others have made room.
    pub fn new(engine: Engine) -> Self {
        let fleet = Self {
            engine,
            id: None,
            before: None,
            seen: Vec::new(),
            made_room_for: Vec::new(),
            until: None,
            said: (0, false),
        };
        fleet.stop();
        fleet
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
                    self.engine.troubles.works(NAME);
                    pause
                }
                Err(problem) => {
                    self.engine.failed(NAME, problem).await;
                    SOON
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = alone.cancelled() => {}
            }
        }
        if let Some(id) = self.id {
            // Without it the others wait until it is gone.
            let left = leave(&self.engine.pool, id);
            drop(store::within(SOON, "leave the fleet", left).await);
        }
    }

    /// One turn; says when the next one is due.
    async fn turn(&mut self) -> Result<Duration, StoreError> {
        let sent = Instant::now();
        if self.until.is_some_and(|until| sent >= until) {
            self.lost();
        }
        // With a clock that nobody shares its lanes claim nothing: what it does not use is for the others.
        self.engine.check_clock().await?;
        let limit = ANSWER.min(self.engine.settings.answer_timeout);
        let Some(id) = self.id else {
            let worker = &self.engine.settings.worker_id;
            let accounts = self.engine.accounts.iter().map(|account| account.id.0);
            let accounts: Vec<i16> = accounts.collect();
            let joined = join(&self.engine.pool, worker, &accounts, self.before);
            let id = store::within(limit, "join the fleet", joined).await?;
            (self.id, self.before) = (Some(id), None);
            return Ok(Duration::ZERO);
        };
        let seen = beat(&self.engine.pool, id, &self.made_room_for, TERMS);
        let seen = store::within(limit, NAME, seen).await?;
        if seen.iter().all(|member| member.id != id) {
            self.lost();
            return Ok(Duration::ZERO);
        }
        Ok(self.see(id, &seen, sent))
    }

    /// Takes the share that is left beside the others, and makes room for them.
    fn see(&mut self, id: i64, seen: &[Member], sent: Instant) -> Duration {
        self.seen = seen.iter().map(|member| member.id).collect();
        self.seen.sort_unstable();
        let is_in = self.until.is_some() || seen.iter().all(|member| member.has_made_room);
        let mut is_room = true;
        if is_in {
            self.until = sent.checked_add(TERMS.kept);
        }
        for account in self.engine.accounts.iter() {
            let shares = |member: &&Member| member.accounts.contains(&account.id.0);
            let sharing = seen.iter().filter(shares).count();
            let before = seen.iter().filter(shares).filter(|other| other.id < id);
            let places = part(account.max_in_flight, sharing, before.count());
            if let Some(until) = self.until {
                let members = u32::try_from(sharing).unwrap_or(u32::MAX);
                account.client().pace().share(places, members, until);
            }
            is_room &= account.client().pace().in_flight() <= places;
        }
        self.say(is_in);
        if is_room && self.made_room_for != self.seen {
            // Who joins waits for this.
            self.made_room_for.clone_from(&self.seen);
            return Duration::ZERO;
        }
        if is_in && is_room { EVERY } else { SOON }
    }

    /// The others may count it as gone: its share is theirs, and it begins anew.
    fn lost(&mut self) {
        self.stop();
        self.before = self.id.take().or(self.before);
        self.until = None;
        self.made_room_for.clear();
    }

    fn stop(&self) {
        for account in self.engine.accounts.iter() {
            account.client().pace().stop();
        }
    }

    /// One line when there are more of them or fewer, or when this one has a share that had none.
    fn say(&mut self, is_in: bool) {
        let now = (self.seen.len(), is_in);
        if self.said == now {
            return;
        }
        self.said = now;
        let members = self.seen.len();
        let share = |account: &Account| {
            let (name, client) = (&account.name, account.client());
            let pace = client.pace();
            let a_minute = pace.calls_in(Duration::from_mins(1));
            format!("{name} {} at once, {a_minute} a minute", pace.places())
        };
        let shares: Vec<String> = self.engine.accounts.iter().map(share).collect();
        info!(
            worker.id = self.engine.settings.worker_id.as_str(),
            members,
            shares = if is_in {
                shares.join("; ")
            } else {
                "none until the others have made room".to_owned()
            },
            "fleet"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(limit: usize, seen: &BTreeSet<usize>, id: usize) -> usize {
        part(
            limit,
            seen.len(),
            seen.iter().position(|other| *other == id).unwrap(),
        )
    }

    #[test]
    fn all_parts_together_are_the_limit() {
        for limit in [0, 1, 2, 7, 64] {
            for members in 1..=10 {
                let parts = (0..members).map(|rank| part(limit, members, rank));
                assert_eq!(parts.sum::<usize>(), limit, "{limit} by {members}");
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
