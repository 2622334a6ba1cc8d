//! One payer's cycle, lived through once undisturbed, and then once for each point of it with a daemon that is killed there.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use mandated::clock::Clock;
use mandated::store::retention::make_partitions;

use super::daemon::{
    END, agree, intended, killed, leases_end, lives_to_the_end, log, passed, point, received, start,
};
use crate::support::TestDatabase;
use crate::support::process::{Installation, Process};
use crate::support::scenario::Scenario;

/// Daemons of a story that are killed at the same time.
const AT_ONCE: usize = 3;

/// A payer's cycle.
pub(crate) struct CrashScenario {
    /// How long a notification takes and the like is drawn by the provider's id of its mandate.
    pub(crate) begins: fn() -> Scenario,
    /// Where it is disturbed: in which steps, or at which awaits.
    pub(crate) kills: &'static [&'static str],
    /// The awaits that it comes by there.
    pub(crate) awaits: &'static [&'static str],
    /// How it ends, and with how many debits.
    pub(crate) ends: (&'static str, usize),
}

/// A point that a daemon comes by, and can be killed at.
#[derive(Debug, Clone)]
pub(crate) struct KillPoint {
    /// `send.before`
    pub(crate) point: String,
    /// So many times the point is passed before it.
    skipped: usize,
    /// All points that are passed up to it, itself included.
    way: Vec<String>,
    /// The step that it is in.
    pub(crate) step: String,
}

impl KillPoint {
    /// What `FAILPOINTS` says to have a daemon end or stop here.
    pub(crate) fn failpoints(&self, how: &str) -> String {
        format!("{}={}*off->{how}", self.point, self.skipped)
    }

    /// The await that it is before or after.
    pub(crate) fn name(&self) -> &str {
        self.point.rsplit_once('.').unwrap().0
    }

    /// How often the point was passed since the claim of its job.
    fn nth(&self) -> usize {
        let job = self.way.iter().rev();
        let job = job.take_while(|point| *point != "claim.before");
        job.filter(|point| **point == self.point).count()
    }
}

impl CrashScenario {
    /// The payer's mandate, imported.
    pub(crate) async fn prepared(&self) -> TestDatabase {
        let database = TestDatabase::new().await;
        make_partitions(&database.pool, Clock::System.now(), 1)
            .await
            .unwrap();
        let installation = installation(database, (self.begins)()).await;
        installation.works(&["mandates", "import", &installation.mandates()]);
        installation.database
    }

    /// A copy of what was prepared, and a sandbox that has been told the script.
    pub(crate) async fn open(&self, prepared: &TestDatabase) -> Installation {
        installation(prepared.copy().await, (self.begins)()).await
    }

    /// Lives through it, and kills a daemon at each place.
    pub(crate) async fn survives(&self) {
        let prepared = self.prepared().await;
        let places = self.places(&prepared).await;
        let steps = places.iter().map(|place| place.step.as_str());
        let names: BTreeSet<_> = places.iter().map(KillPoint::name).collect();
        let seen: BTreeSet<_> = steps.chain(names.iter().copied()).collect();
        assert!(
            self.kills.iter().all(|kill| seen.contains(kill)),
            "{seen:?}"
        );
        assert_eq!(names, self.awaits.iter().copied().collect());
        let killed = async |place: KillPoint| {
            // Shown when it fails.
            println!("killed at {} in {}", place.point, place.step);
            self.killed_at(&prepared, &place).await;
        };
        stream::iter(places)
            .for_each_concurrent(AT_ONCE, killed)
            .await;
    }

    /// The places where the undisturbed story is to be disturbed: each point of each step once.
    pub(crate) async fn places(&self, prepared: &TestDatabase) -> Vec<KillPoint> {
        let installation = self.open(prepared).await;
        let mut daemon = start(&installation, "");
        lives_to_the_end(&mut daemon).await;
        agree(&installation, self.ends).await;
        let mut once = BTreeSet::new();
        places(&daemon)
            .into_iter()
            .filter(|place| {
                self.kills.contains(&place.step.as_str()) || self.kills.contains(&place.name())
            })
            .filter(|place| once.insert((place.step.clone(), place.point.clone(), place.nth())))
            .collect()
    }

    async fn killed_at(&self, prepared: &TestDatabase, place: &KillPoint) {
        let mut installation = self.open(prepared).await;
        let mut daemon = start(&installation, &place.failpoints("return"));
        killed(&mut daemon).await;
        assert_eq!(passed(&daemon), place.way, "the same way up to its end");
        let ledger = installation.ledger().await;
        let sent = place.way.iter().filter(|point| *point == "send.after");
        assert_eq!(received(&ledger), sent.count(), "calls that arrived");
        intended(&installation, &ledger).await;
        leases_end(&mut installation).await;
        let mut daemon = start(&installation, "");
        lives_to_the_end(&mut daemon).await;
        agree(&installation, self.ends).await;
    }
}

/// A sandbox that has been told the script, and what the daemons need.
pub(crate) async fn installation(database: TestDatabase, scenario: Scenario) -> Installation {
    let scenario = scenario.in_2040();
    let mut installation = Installation::open_on(database, &scenario, "2040-02-01").await;
    installation.set(END.0, END.1);
    installation
}

/// The places that a daemon came by. What is passed up to a settlement belongs to the step that is settled.
fn places(daemon: &Process) -> Vec<KillPoint> {
    let (mut places, mut way): (Vec<KillPoint>, Vec<String>) = (Vec::new(), Vec::new());
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    let mut settled = 0;
    for line in log(daemon) {
        if let Some(point) = point(&line) {
            way.push(point.to_owned());
            let count = passed.entry(point.to_owned()).or_default();
            places.push(KillPoint {
                point: point.to_owned(),
                skipped: *count,
                way: way.clone(),
                step: "plan".to_owned(),
            });
            *count += 1;
        } else if let (Some(step), Some(_)) = (line["step"].as_str(), line["from"].as_str()) {
            let job = places[settled..].iter_mut();
            for place in job.filter(|place| !place.point.starts_with("plan.")) {
                step.clone_into(&mut place.step);
            }
            settled = places.len();
        }
    }
    places
}
