//! The judge's own calendar: days and hours in India, and the cycles of a mandate.
//!
//! It shares nothing with the calendar that it checks. The product works a cycle out by arithmetic from the first
//! day; here the days are walked through one after another.

mod cron_days;
mod cycles;
pub mod india;
mod periods;
mod recurrence;

pub use self::cron_days::{CronDays, CronDaysError};
pub use self::cycles::Cycles;
pub use self::periods::PeriodLength;
pub use self::recurrence::{Recurrence, Term};
