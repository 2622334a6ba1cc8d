//! How often a mandate is collected.

mod cron;
mod cron_hint;

use super::text::text_enum;

pub use self::cron::{CronError, CronSchedule};

text_enum!(
    /// How often, in the words of Juspay's `mandate.frequency`.
    Frequency {
        /// Once, on the first day.
        Onetime = "onetime",
        /// Every day.
        Daily = "daily",
        /// Every 7 days.
        Weekly = "weekly",
        /// Once a half month, 15 days apart: a half month, not 14 days, is the period of a UPI mandate ("Juspay P2M mandate creation").
        Fortnightly = "fortnightly",
        /// The same in NACH's words: two debits a calendar month, its BIMN ("`LotusPay`, Mandate frequencies").
        Twicemonthly = "twicemonthly",
        /// Every month.
        Monthly = "monthly",
        /// Every 2 months.
        Bimonthly = "bimonthly",
        /// Every 3 months.
        Quarterly = "quarterly",
        /// Every 6 months.
        Halfyearly = "halfyearly",
        /// Every 12 months.
        Yearly = "yearly",
        /// Whenever the merchant presents a cycle.
        Aspresented = "aspresented",
    }
);

/// When the cycles of a mandate are.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// A frequency, anchored to the first day.
    Every(Frequency),
    /// A cron expression; its time of day takes the place of `debit_at`.
    Cron(Box<CronSchedule>),
}
