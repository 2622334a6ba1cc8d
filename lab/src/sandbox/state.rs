//! Everything the sandbox remembers.

use std::collections::{BTreeMap, HashMap};

use judge::Timestamp;
use mandated::domain::ProviderKind;

use super::Credentials;
use super::collection;
use super::fault::{Call, Fault, Then};
use super::ledger::Ledger;
use super::mandate::{Mandate, World};
use super::registration::Registration;
use super::signzy::schedule;

/// Both providers.
#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) juspay: Credentials,
    pub(super) signzy_key: String,
    pub(super) mandates: HashMap<String, Mandate>,
    /// Juspay's orders by id: the mandate of each.
    pub(super) orders: HashMap<String, String>,
    /// Juspay's notifications by reference: the mandate of each.
    pub(super) references: HashMap<String, String>,
    pub(super) ledger: Ledger,
    /// How often each fault befell a call.
    pub(super) faults: BTreeMap<Fault, u64>,
    /// The latest time that a simulated caller has named.
    pub(super) latest: Option<Timestamp>,
}

impl State {
    pub(super) fn new(world: World, juspay: Credentials, signzy_key: String) -> Self {
        Self {
            world,
            juspay,
            signzy_key,
            mandates: HashMap::new(),
            orders: HashMap::new(),
            references: HashMap::new(),
            ledger: Ledger::default(),
            faults: BTreeMap::new(),
            latest: None,
        }
    }

    pub(super) fn register(&mut self, registration: Registration) {
        self.mandates
            .entry(registration.mandate_id.clone())
            .or_insert_with(|| Mandate::new(registration));
    }

    /// Whether the mandate is known.
    pub(super) fn script(&mut self, mandate_id: &str, call: Call, then: Then) -> bool {
        self.mandates
            .get_mut(mandate_id)
            .map(|mandate| mandate.script(call, then))
            .is_some()
    }

    /// The mandate of this provider with this id.
    pub(super) fn mandate(&self, provider: ProviderKind, id: &str) -> Option<&Mandate> {
        self.mandates
            .get(id)
            .filter(|mandate| mandate.terms.provider == provider)
    }

    /// The time to settle to when nobody says what time it is: simulated callers set the pace.
    pub(super) fn time(&self, clock: Timestamp) -> Timestamp {
        self.latest.unwrap_or(clock)
    }

    pub(super) const fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// Plays everything that happens by itself up to an instant.
    pub(super) fn settle(&mut self, now: Timestamp) {
        for mandate in self.mandates.values_mut() {
            settle(mandate, now, &self.world, &mut self.ledger);
        }
    }

    /// How often each fault befell a call or an order.
    pub(super) fn faults(&self) -> BTreeMap<Fault, u64> {
        let mut faults = self.faults.clone();
        for mandate in self.mandates.values() {
            let (late, silent) = mandate.surprises();
            count(&mut faults, Fault::LateSuccess, late);
            count(&mut faults, Fault::SilentRetry, silent);
        }
        faults
    }
}

/// Counts a fault that befell a call.
pub(super) fn count(faults: &mut BTreeMap<Fault, u64>, fault: Fault, more: u64) {
    let times = faults.entry(fault).or_default();
    *times = times.saturating_add(more);
}

/// Plays what happens to a mandate by itself up to an instant.
pub(super) fn settle(mandate: &mut Mandate, now: Timestamp, world: &World, ledger: &mut Ledger) {
    match mandate.terms.provider {
        ProviderKind::Juspay => {
            // An order is taken out while it is played: it changes its mandate as it goes.
            let mut orders = std::mem::take(&mut mandate.orders);
            for order in orders.values_mut() {
                collection::settle(mandate, order, now, world, ledger);
            }
            mandate.orders = orders;
        }
        ProviderKind::Signzy => schedule::settle(mandate, now, world, ledger),
    }
    mandate.wake(now);
}
