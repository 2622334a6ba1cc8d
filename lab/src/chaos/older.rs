//! Older states of the database, kept for a restore or a fail-over.

use mandated::domain::Timestamp;

use crate::postgres::{Dump, PrivatePostgres};

/// The operator keeps dumps, and replicas that receive nothing more.
#[derive(Debug, Default)]
pub(super) struct Older {
    pub(super) dumps: Vec<(u32, Timestamp, Dump)>,
    pub(super) replicas: Vec<(u32, Timestamp, PrivatePostgres)>,
    /// How many databases were made of dumps.
    pub(super) made: u32,
}

impl Older {
    pub(super) fn dump(&mut self, number: u32) -> Option<(Timestamp, Dump)> {
        let index = self.dumps.iter().position(|dump| dump.0 == number)?;
        let (_, since, dump) = self.dumps.swap_remove(index);
        Some((since, dump))
    }

    pub(super) fn replica(&mut self, number: u32) -> Option<(Timestamp, PrivatePostgres)> {
        let index = self.replicas.iter().position(|one| one.0 == number)?;
        let (_, since, replica) = self.replicas.swap_remove(index);
        Some((since, replica))
    }
}
