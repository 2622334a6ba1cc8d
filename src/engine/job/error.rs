//! Why a job could not be done.

use crate::domain::machine::Abandoned;
use crate::domain::{IllegalTransition, Step};
use crate::store::StoreError;
use crate::store::claim::Claimed;

/// Why a job could not be done. Its lease runs out, and rescue takes it from there.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("do the {step} step of execution {execution}")]
    Store {
        step: Step,
        execution: i64,
        #[source]
        source: StoreError,
    },
    #[error("settle the {step} step of execution {execution}")]
    Illegal {
        step: Step,
        execution: i64,
        #[source]
        source: IllegalTransition,
    },
    /// Too little of the lease was left to make the call: somebody else may have the job before it is answered.
    #[error("the lease of execution {execution} is nearly over; no call was made")]
    LeaseNearlyOver { execution: i64 },
    #[error("another worker has execution {execution} now; no call was made")]
    LeaseLost { execution: i64 },
    /// The call was dropped: waiting for its turn or connecting took too long, or the answer did.
    #[error("the lease of execution {execution} ended before the provider answered")]
    LeaseOver { execution: i64 },
    #[error(
        "the {step} step of execution {execution} took a result that nothing waited for: please report this"
    )]
    OutOfOrder { step: Step, execution: i64 },
}

impl JobError {
    pub(super) fn store(claimed: &Claimed, source: StoreError) -> Self {
        Self::Store {
            step: claimed.step,
            execution: claimed.execution.id.0,
            source,
        }
    }

    pub(super) fn abandoned(claimed: &Claimed, why: Abandoned) -> Self {
        let (step, execution) = (claimed.step, claimed.execution.id.0);
        match why {
            Abandoned::LeaseLost => Self::LeaseLost { execution },
            Abandoned::LeaseNearlyOver => Self::LeaseNearlyOver { execution },
            Abandoned::LeaseOver => Self::LeaseOver { execution },
            Abandoned::Illegal(source) => Self::Illegal {
                step,
                execution,
                source,
            },
            Abandoned::OutOfOrder => Self::OutOfOrder { step, execution },
        }
    }
}
