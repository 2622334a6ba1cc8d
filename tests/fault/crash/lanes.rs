//! Killed between the loops of a daemon on the machine's clock: the simulation has none of them.

use chrono::TimeDelta;
use mandated::clock::Clock;
use mandated::store::retention::make_partitions;

use super::daemon::{END, agree, killed, leases_end, lives_to_the_end, start};
use crate::support::TestDatabase;
use crate::support::database::forget_environments;
use crate::support::due::scalar;
use crate::support::process::Installation;
use crate::support::scenario::{Flow, Scenario};

/// The awaits that only they have.
pub(crate) const AWAITS: [&str; 5] = ["claim.clock", "hand_over", "linger", "next_due", "take"];

/// A shop on the machine's clock with one debit that is due now.
async fn due_now() -> Installation {
    let database = TestDatabase::new().await;
    make_partitions(&database.pool, Clock::System.now(), 1)
        .await
        .unwrap();
    let yesterday: String = scalar(
        &database.pool,
        "select (now() at time zone 'Asia/Kolkata')::date - 1 || ''",
    )
    .await;
    let scenario = Scenario::of("9007", Flow::Enach).from(&yesterday).until("");
    let mut installation = Installation::open_on(database, &scenario, &yesterday).await;
    installation.set("MANDATED__CLOCK__MODE", "system");
    installation.set("MANDATED__CLOCK__START", "");
    installation.set("MANDATED__RAILS__ENACH__JITTER", "0s");
    let presented = scenario.every("aspresented");
    std::fs::write(installation.mandates(), presented.file()).unwrap();
    installation.works(&["mandates", "import", &installation.mandates()]);
    installation.works(&["executions", "add", "9007", "--cycle", &yesterday]);
    installation
}

#[tokio::test]
async fn between_the_loops() {
    for name in AWAITS {
        for edge in ["before", "after"] {
            let mut installation = due_now().await;
            let point = format!("{name}.{edge}");
            let mut daemon = start(&installation, &format!("{point}=return"));
            let passed = killed(&mut daemon).await;
            assert!(passed.contains(&point), "{passed:?}");
            leases_end(&mut installation).await;
            let now = Clock::System.now();
            installation.set("MANDATED__CLOCK__MODE", "simulated");
            installation.set("MANDATED__CLOCK__START", &now.to_rfc3339());
            installation.set(END.0, &(now + TimeDelta::days(12)).to_rfc3339());
            forget_environments(&installation.database.pool).await;
            let mut daemon = start(&installation, "");
            lives_to_the_end(&mut daemon).await;
            agree(&installation, ("charged", 1)).await;
        }
    }
}
