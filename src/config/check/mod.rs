//! Combinations that cannot work. Each message names the keys, their values and the reason.

mod accounts;
mod database_url;
mod process;
mod rails;

use std::time::Duration;

use super::Config;
use super::error::Problem;

/// Collects problems under the key that they are about.
struct Checks<'a>(&'a mut Vec<Problem>);

impl Checks<'_> {
    fn require(&mut self, holds: bool, key: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.0
                .push(Problem::new(key, None, format!("{key} {}", message())));
        }
    }

    fn positive(&mut self, key: &str, value: impl Into<u64>) {
        let value = value.into();
        self.require(value > 0, key, || "must be at least 1, not 0".to_owned());
    }

    fn lasting(&mut self, key: &str, value: Duration) {
        self.require(!value.is_zero(), key, || {
            "must be longer than 0s".to_owned()
        });
    }
}

pub(super) fn all(config: &Config, problems: &mut Vec<Problem>) {
    let mut checks = Checks(problems);
    database_url::check(config, &mut checks);
    process::check(config, &mut checks);
    rails::check(config, &mut checks);
    accounts::check(config, &mut checks);
}

/// A duration as people would write it: "25h", not "1day 1h"; "400days", not "1year 1month ...".
fn show(duration: Duration) -> String {
    let (hours, days) = (duration.as_secs() / 3600, duration.as_secs() / 86_400);
    if days > 2 && duration == Duration::from_hours(days.saturating_mul(24)) {
        format!("{days}days")
    } else if hours > 0 && duration == Duration::from_hours(hours) {
        format!("{hours}h")
    } else {
        humantime::format_duration(duration).to_string()
    }
}
