//! Why an attempt failed.

use super::text::text_enum;

text_enum!(
    /// The class of a failure. Its meaning is here, what follows from it is policy.
    Class {
        /// The payer's balance does not cover the debit.
        Funds = "funds",
        /// A technical fault with proof that no money moved.
        Transient = "transient",
        /// A limit of the payer's bank or account; it resets.
        Limit = "limit",
        /// Too many calls.
        Throttled = "throttled",
        /// The payer must do something first (approve, set a PIN, bring documents).
        CustomerAction = "customer_action",
        /// The payer does not want this debit.
        CustomerStop = "customer_stop",
        /// The mandate is paused.
        MandatePaused = "mandate_paused",
        /// The mandate is revoked, expired or unknown.
        MandateDead = "mandate_dead",
        /// The payer's account is closed, frozen or cannot carry a mandate.
        AccountDead = "account_dead",
        /// The card or token must be replaced.
        Instrument = "instrument",
        /// Declined on suspicion of fraud.
        Risk = "risk",
        /// A court, a death, an insolvency.
        Legal = "legal",
        /// The provider says that our request was wrong.
        OurRequest = "our_request",
        /// The mandate does not allow this debit: a wrong day, frequency or recurrence.
        OutsideMandate = "outside_mandate",
        /// The merchant's own side is not set up or is blocked.
        PayeeSide = "payee_side",
        /// The payer was not notified, or not in time.
        Notification = "notification",
        /// Money may have moved: reconcile.
        InFlight = "in_flight",
        /// The cycle was collected before: reconcile.
        AlreadyCollected = "already_collected",
        /// Another cycle of the mandate was debited in this period, and the rail allows no second debit in it.
        PeriodUsed = "period_used",
        /// The provider holds nothing that it could retry.
        NothingToRetry = "nothing_to_retry",
        /// No rule matched.
        Unmapped = "unmapped",
    }
);

impl Class {
    /// Whether a failure of this class leaves open that money moved. Nothing follows but a status look-up.
    pub const fn is_unproven(self) -> bool {
        matches!(self, Self::InFlight | Self::AlreadyCollected)
    }
}
