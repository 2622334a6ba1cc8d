//! A merchant with providers that go on whatever becomes of his database, and the program as an operator has it on his machine.

use std::path::Path;
use std::process::Output;

use lab::sandbox::{self, Credentials, Faults, Ledger, Options, Profile, Sandbox};
use mandated::clock::Clock;
use mandated::domain::{ProviderKind, Timestamp};

use super::books::Payers;
use crate::support::process::{Installation, Process, START};
use crate::support::scenario::{Flow, Scenario};

/// The flows that a database may forget.
pub(super) const FLOWS: [Flow; 7] = [
    Flow::UpiSeparate,
    Flow::UpiProvider,
    Flow::CardSeparate,
    Flow::CardProvider,
    Flow::Enach,
    Flow::SignzyOnDemand,
    Flow::SignzyWatched,
];

/// Weekly cycles on Mondays, the last one on 19 March 2040.
pub(super) const LAST: &str = "2040-03-19";
/// Everything has come to its end by then.
pub(super) const END: &str = "2040-04-10T00:00:00+05:30";

/// Calls of every kind go wrong, most of them after they were done.
pub(super) const ROUGH: Faults = Faults {
    answer_lost: 60,
    error_after: 40,
    reset_before: 20,
    duplicate: 20,
    truncated: 20,
    html: 10,
    ..Faults::NONE
};

pub(super) struct Shop {
    pub(super) sandbox: Sandbox,
    /// What the operator has in his environment: the database, the clock.
    pub(super) installation: Installation,
    pub(super) payers: Payers,
}

/// So many mandates of each flow, numbered from `first` on, with weekly cycles from a day on.
pub(super) fn weekly(first: usize, each: usize, from: &str) -> Scenario {
    let flows = FLOWS
        .iter()
        .flat_map(|flow| std::iter::repeat_n(*flow, each));
    let scenario = flows.enumerate().fold(Scenario::new(), |scenario, one| {
        scenario.mandate((first + one.0).to_string(), one.1)
    });
    scenario.every("weekly").from(from).until(LAST)
}

impl Shop {
    /// The providers know all of these mandates; nobody has imported any.
    pub(super) async fn open(known: &[&Scenario], faults: Faults) -> Self {
        let sandbox = providers(faults).await;
        let from = "2040-02-01".parse().unwrap();
        for scenario in known {
            let name = Path::new("the payers");
            let file = scenario.file();
            let registered = sandbox::parse_mandates(name, &file, "signzy_main", from).unwrap();
            sandbox.register(registered);
            for script in scenario.script.clone() {
                sandbox
                    .script(&script.mandate_id, script.call, script.then)
                    .unwrap();
            }
        }
        let url = sandbox.base_url(ProviderKind::Juspay);
        let mut installation = Installation::at(url.as_str().trim_end_matches('/')).await;
        installation.set("MANDATED__CLOCK__MODE", "simulated");
        installation.set("MANDATED__CLOCK__START", START);
        let payers = known.iter().flat_map(|scenario| scenario.payers.clone());
        Self {
            sandbox,
            installation,
            payers: Payers(payers.collect()),
        }
    }

    /// The database that the operator works on from now on.
    pub(super) fn works_on(&mut self, url: &str) {
        self.installation.set("MANDATED__DATABASE__URL", url);
    }

    /// The time of the operator's commands, and of the daemons that he starts.
    pub(super) fn at(&mut self, time: &str) {
        self.installation.set("MANDATED__CLOCK__START", time);
    }

    /// A file of mandates; its path.
    pub(super) fn write(&self, scenario: &Scenario) -> String {
        let path = self.installation.mandates();
        std::fs::write(&path, scenario.file()).unwrap();
        path
    }

    pub(super) fn import(&self, scenario: &Scenario) {
        let file = self.write(scenario);
        self.installation.works(&["mandates", "import", &file]);
    }

    /// A daemon lives until a time.
    pub(super) async fn live(&mut self, until: &str) {
        self.installation.set("MANDATED__CLOCK__END", until);
        let mut daemon = self.installation.run();
        ends_well(&mut daemon).await;
        self.installation.forget("MANDATED__CLOCK__END");
        self.at(until);
    }

    /// What a command is refused with: the exit code, and what it says.
    pub(super) fn refused(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let Output { status, stderr, .. } = self.installation.output(arguments);
        (status.code(), String::from_utf8(stderr).unwrap())
    }

    /// The ledger of the providers, up to a time.
    pub(super) fn ledger(&self, until: &str) -> Ledger {
        self.sandbox.settle(time(until));
        self.sandbox.ledger()
    }
}

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) async fn ends_well(daemon: &mut Process) {
    let status = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{}\n{}", daemon.err(), daemon.out());
}

async fn providers(faults: Faults) -> Sandbox {
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: 7,
        profile: Profile::PAYS,
        faults,
        juspay: Credentials {
            merchant_id: "sandbox".to_owned(),
            api_key: "sandbox-juspay-key".to_owned(),
        },
        signzy_key: "sandbox-signzy-key".to_owned(),
        clock: Clock::simulated(time(START)),
    };
    sandbox::start(options).await.unwrap()
}
