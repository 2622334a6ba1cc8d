//! What a test begins with: whose mandates, what their providers do, and whether the debits are due. It opens as a [`World`], or as
//! processes, as an `Installation`.

use std::time::Duration;

pub(crate) use lab::flow::Flow;
use lab::sandbox::{Call, Faults, Script, Then};
use mandated::store::pool::DatabasePool;

use super::TestDatabase;
use super::running::all_due;
use super::world::World;

/// The flows in which we make the first debit. A watched payment is the provider's.
pub(crate) const DEBITED_BY_US: [Flow; 7] = [
    Flow::UpiSeparate,
    Flow::UpiProvider,
    Flow::UpiExempt,
    Flow::CardSeparate,
    Flow::CardProvider,
    Flow::Enach,
    Flow::SignzyOnDemand,
];

/// A mandate of 499.00 rupees, unless it is said, at seven in the morning; its ref is the provider's id too. Signzy's are numbers.
#[derive(Debug, Clone)]
pub(crate) struct Payer {
    pub(crate) reference: String,
    pub(crate) flow: Flow,
    pub(crate) rupees: u32,
    frequency: &'static str,
    pub(crate) starts_on: String,
    pub(crate) ends_on: String,
    /// What is sent with its orders, as JSON.
    metadata: &'static str,
}

impl Payer {
    fn line(&self) -> String {
        let Self {
            reference,
            flow,
            rupees,
            frequency,
            starts_on,
            ends_on,
            metadata,
        } = self;
        let metadata = metadata.replace('"', "\"\"");
        let [account, rail, notify, category] = flow.columns();
        format!(
            "{reference},{account},{reference},customer_{reference},{rail},{notify},{rupees}.00,1000.00,INR,{frequency},\
             Asia/Kolkata,{starts_on},{ends_on},07:00,{category},Gym,\"{metadata}\"\n"
        )
    }
}

const HEADER: &str = "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,currency,frequency,time_zone,\
                      starts_on,ends_on,debit_at,category,description,metadata\n";

/// Everybody pays and nothing goes wrong unless it is said. What is said holds for all mandates that were named before.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) payers: Vec<Payer>,
    pub(crate) script: Vec<Script>,
    pub(crate) faults: Faults,
    due: bool,
}

impl Scenario {
    /// Nobody yet.
    pub(crate) const fn new() -> Self {
        Self {
            payers: Vec::new(),
            script: Vec::new(),
            faults: Faults::NONE,
            due: false,
        }
    }

    /// One mandate.
    pub(crate) fn of(reference: impl Into<String>, flow: Flow) -> Self {
        Self::new().mandate(reference, flow)
    }

    /// A mandate of each of these flows, numbered from 900 on.
    pub(crate) fn flows(flows: impl IntoIterator<Item = Flow>) -> Self {
        Self::new().more(flows)
    }

    /// The same beside those that were named before.
    pub(crate) fn more(self, flows: impl IntoIterator<Item = Flow>) -> Self {
        flows.into_iter().fold(self, |scenario, flow| {
            let number = 900 + scenario.payers.len();
            scenario.mandate(number.to_string(), flow)
        })
    }

    /// So many mandates of a flow, numbered from 900 on.
    pub(crate) fn many(count: usize, flow: Flow) -> Self {
        Self::flows(std::iter::repeat_n(flow, count))
    }

    /// One more mandate, with one cycle: on 5 February 2027, and open for a month.
    pub(crate) fn mandate(mut self, reference: impl Into<String>, flow: Flow) -> Self {
        self.payers.push(Payer {
            reference: reference.into(),
            flow,
            rupees: 499,
            frequency: "monthly",
            starts_on: "2027-02-05".to_owned(),
            ends_on: "2027-03-04".to_owned(),
            metadata: "",
        });
        self
    }

    fn each(mut self, change: impl FnMut(&mut Payer)) -> Self {
        self.payers.iter_mut().for_each(change);
        self
    }

    pub(crate) fn every(self, frequency: &'static str) -> Self {
        self.each(|payer| payer.frequency = frequency)
    }

    /// The day of the first cycle.
    pub(crate) fn from(self, starts_on: &str) -> Self {
        self.each(|payer| starts_on.clone_into(&mut payer.starts_on))
    }

    /// The last day; nothing for a mandate without an end.
    pub(crate) fn until(self, ends_on: &str) -> Self {
        self.each(|payer| ends_on.clone_into(&mut payer.ends_on))
    }

    /// No two pay the same: by their places, from 101.00 on.
    pub(crate) fn different_amounts(mut self) -> Self {
        for (payer, rupees) in self.payers.iter_mut().zip(101..) {
            payer.rupees = rupees;
        }
        self
    }

    pub(crate) fn metadata(self, metadata: &'static str) -> Self {
        self.each(|payer| payer.metadata = metadata)
    }

    /// What the provider does with the next calls about each mandate.
    pub(crate) fn provider(mut self, call: Call, steps: impl IntoIterator<Item = Then>) -> Self {
        let steps: Vec<Then> = steps.into_iter().collect();
        for payer in &self.payers {
            self.script.extend(steps.iter().cloned().map(|then| Script {
                mandate_id: payer.reference.clone(),
                call,
                then,
            }));
        }
        self
    }

    /// Providers that go wrong by chance.
    pub(crate) const fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Providers that take their time.
    pub(crate) const fn slow(self, millis: u64) -> Self {
        self.faults(Faults {
            slow: 1000,
            slow_for: Duration::from_millis(millis),
            ..Faults::NONE
        })
    }

    /// It is seven on the 5th, and every debit is due.
    pub(crate) const fn due(mut self) -> Self {
        self.due = true;
        self
    }

    /// The file of `mandates import`.
    pub(crate) fn file(&self) -> String {
        let lines = self.payers.iter().map(Payer::line);
        lines.fold(HEADER.to_owned(), |file, line| file + &line)
    }

    /// With a database of its own.
    pub(crate) async fn open(&self) -> World {
        let database = TestDatabase::new().await;
        let mut world = self.open_on(database.pool.clone()).await;
        world.database = Some(database);
        world
    }

    /// On a database that the test looks after.
    pub(crate) async fn open_on(&self, pool: DatabasePool) -> World {
        let world = World::on(pool, self).await;
        if self.due {
            all_due(&world).await;
        }
        world
    }
}
