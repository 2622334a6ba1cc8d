//! The sandbox's ledger against ours.

use mandated::store::pool::DatabasePool;
use serde::Serialize;

use crate::figures;
use crate::sandbox::Ledger;

/// Two ledgers that know nothing of each other.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Comparison {
    pub(crate) sandbox_debits: u64,
    pub(crate) sandbox_minor: i64,
    pub(crate) our_debits: u64,
    pub(crate) our_minor: i64,
    /// Collected by the provider after our last look-up; the executions are open, and will be looked at.
    pub(crate) not_looked_at_yet: u64,
    pub(crate) not_looked_at_yet_minor: i64,
    pub(crate) other_amounts: u64,
    pub(crate) unknown_to_us: u64,
    pub(crate) unknown_to_them: u64,
    /// What is in one ledger only, or differs. Empty, or something is badly wrong.
    pub(crate) differences: Vec<String>,
}

/// Each debit of theirs against ours, by mandate and by the provider's name for the debit.
pub(crate) async fn compare(
    pool: &DatabasePool,
    ledger: &Ledger,
) -> Result<Comparison, anyhow::Error> {
    let mut ours = figures::debits(pool).await?;
    let open = figures::open_mandates(pool).await?;
    let mut comparison = Comparison {
        our_debits: u64::try_from(ours.len()).unwrap_or(u64::MAX),
        our_minor: ours
            .values()
            .fold(0, |sum, debit| sum.saturating_add(debit.amount_minor)),
        ..Comparison::default()
    };
    for theirs in &ledger.debits {
        comparison.sandbox_debits = comparison.sandbox_debits.saturating_add(1);
        comparison.sandbox_minor = comparison.sandbox_minor.saturating_add(theirs.amount_minor);
        let (mandate, order) = (theirs.mandate_id.clone(), theirs.order_id.clone());
        match ours.remove(&(mandate, order)) {
            Some(debit) if debit.amount_minor == theirs.amount_minor => {}
            Some(debit) => {
                comparison.other_amounts = comparison.other_amounts.saturating_add(1);
                comparison.differences.push(format!(
                    "{} {}: the sandbox debited {}, we have {}",
                    theirs.mandate_id, theirs.order_id, theirs.amount_minor, debit.amount_minor
                ));
            }
            None if open.contains(&theirs.mandate_id) => {
                comparison.not_looked_at_yet = comparison.not_looked_at_yet.saturating_add(1);
                comparison.not_looked_at_yet_minor = comparison
                    .not_looked_at_yet_minor
                    .saturating_add(theirs.amount_minor);
            }
            None => {
                comparison.unknown_to_us = comparison.unknown_to_us.saturating_add(1);
                comparison.differences.push(format!(
                    "{} {}: the sandbox debited {} at {}, we know nothing of it",
                    theirs.mandate_id, theirs.order_id, theirs.amount_minor, theirs.at
                ));
            }
        }
    }
    for ((mandate, order), debit) in ours {
        comparison.unknown_to_them = comparison.unknown_to_them.saturating_add(1);
        comparison.differences.push(format!(
            "{mandate} {order}: we have {}, the sandbox never debited it",
            debit.amount_minor
        ));
    }
    Ok(comparison)
}
