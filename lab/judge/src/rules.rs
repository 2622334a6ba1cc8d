//! The rules, one file a subject. Each is a function from what happened to the breach, if it is one.

pub(crate) mod card_declines;
pub(crate) mod cycle_bounds;
pub(crate) mod early_debit;
pub(crate) mod look_ups;
pub(crate) mod maximum_amount;
pub(crate) mod missing_notification;
pub(crate) mod nach_presentations;
pub(crate) mod notified_amount;
pub(crate) mod peak_hours;
pub(crate) mod retry_while_pending;
pub(crate) mod second_debit;
pub(crate) mod second_in_period;
pub(crate) mod signzy_retries;
pub(crate) mod stale_notification;
#[cfg(test)]
pub(crate) mod test_facts;
pub(crate) mod upi_attempts;
