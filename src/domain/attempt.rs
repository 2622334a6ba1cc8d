//! One call to a provider, in the words that are stored of it: which call it was, and what it came to.

use super::MandateStatus;
use super::text::text_enum;

text_enum!(
    /// Which call was made.
    Call {
        /// Have the payer notified.
        Notify = "notify",
        /// Ask what became of a notification.
        NotificationStatus = "notification_status",
        /// Debit.
        Execute = "execute",
        /// Ask what became of an order.
        OrderStatus = "order_status",
        /// Have the provider retry.
        Retry = "retry",
        /// Ask where a mandate stands.
        MandateStatus = "mandate_status",
    }
);

text_enum!(
    /// What a call came to, of whichever kind it was.
    AttemptOutcome {
        /// The order was collected.
        Charged = "charged",
        /// The notification was delivered.
        Delivered = "delivered",
        /// The provider works on it.
        Pending = "pending",
        /// It failed for good, or the mandate has.
        Failed = "failed",
        /// Documented as not processed.
        Refused = "refused",
        /// An earlier call landed.
        AlreadyExists = "already_exists",
        /// The provider does not know what was asked about.
        NotFound = "not_found",
        /// Collected and given back.
        Reversed = "reversed",
        /// Something that only a person can judge.
        Unrecognized = "unrecognized",
        /// The answer is about somebody else's debit.
        Contradicted = "contradicted",
        /// No byte of the request left.
        NotSent = "not_sent",
        /// The provider may have done it.
        Unknown = "unknown",
        /// The credentials are refused.
        AccountRefused = "account_refused",
        /// Too many calls.
        Throttled = "throttled",
        /// The mandate is active.
        Active = "active",
        /// The mandate is paused.
        Paused = "paused",
        /// The mandate is revoked.
        Revoked = "revoked",
        /// The mandate has expired.
        Expired = "expired",
        /// All cycles of the mandate are done.
        Completed = "completed",
    }
);

impl From<MandateStatus> for AttemptOutcome {
    fn from(status: MandateStatus) -> Self {
        match status {
            MandateStatus::Active => Self::Active,
            MandateStatus::Paused => Self::Paused,
            MandateStatus::Revoked => Self::Revoked,
            MandateStatus::Expired => Self::Expired,
            MandateStatus::Completed => Self::Completed,
            MandateStatus::Failed => Self::Failed,
        }
    }
}

text_enum!(
    /// Where a notification stands.
    NotificationState {
        /// The provider took it, or may have.
        Requested = "requested",
        /// The payer's bank accepted it.
        Delivered = "delivered",
        /// It failed for good.
        Failed = "failed",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandates_status_is_stored_in_its_own_word() {
        for status in MandateStatus::ALL {
            assert_eq!(AttemptOutcome::from(*status).as_str(), status.as_str());
        }
    }
}
