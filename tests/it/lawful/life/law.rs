//! The rules that every call is judged by before it is made.

use chrono::{TimeDelta, Timelike};
use chrono_tz::Asia::Kolkata;
use mandated::domain::{Instant, Notify, ProviderKind, Rail, Step};

use super::Life;
use crate::lawful::bank::Stands;

impl Life {
    /// The law, spelt out once more.
    pub(super) fn judge(&self, step: Step, debited: Option<Instant>) -> Result<(), String> {
        let number = self.execution.progress.order_no;
        let order = self.bank.order(number);
        for other in self.bank.orders() {
            match other.stands {
                // Nobody can know that before the second look.
                Stands::Charged if other.after_all => {}
                Stands::Charged => return Err("a debit of what was collected".to_owned()),
                Stands::Working { .. } => return Err("a debit beside an open one".to_owned()),
                Stands::Nowhere | Stands::Failed(_) => {}
            }
        }
        let most = self.policy.max_attempts_in_30_days;
        self.heard.judge(debited.unwrap_or(self.now), most)?;
        if step == Step::Execute && order.attempts > 0 {
            return Err("an order was executed a second time".to_owned());
        }
        let most = match (self.execution.provider, self.rail) {
            (ProviderKind::Juspay, Rail::Upi) | (ProviderKind::Signzy, _) => 4,
            (ProviderKind::Juspay, Rail::Enach) => 3,
            (ProviderKind::Juspay, Rail::Card) => 2,
        };
        // What the provider does by itself it does without us: only ours can be one too many.
        if order.attempts >= most {
            return Err(format!("too many attempts: {}", order.attempts + 1));
        }
        if debited.is_none() {
            self.lawful_hour("a debit")?;
        }
        if self.execution.notify == Notify::Separate {
            let told = self.told.ok_or("a debit without a notification")?;
            if self.now < told + TimeDelta::hours(24) {
                return Err("a debit before its 24 hours".to_owned());
            }
            if self.now > told + TimeDelta::hours(48) {
                return Err("a debit after its 48 hours".to_owned());
            }
        }
        if self.now >= self.execution.cycle.closes_at {
            return Err("a debit after its cycle".to_owned());
        }
        if self.rail == Rail::Enach && step == Step::Retry {
            self.presented_again(order.failed_at)?;
        }
        Ok(())
    }

    fn presented_again(&self, returned: Option<Instant>) -> Result<(), String> {
        let local = |at: Instant| at.with_timezone(&Kolkata);
        match self.execution.provider {
            ProviderKind::Juspay => {
                let early = returned.is_some_and(|at| self.now < at + TimeDelta::days(3));
                if early {
                    return Err("presented again before three days after the return".to_owned());
                }
            }
            ProviderKind::Signzy => {
                let day = local(self.now).date_naive();
                let last = self.retried_at;
                if last.is_some_and(|at| local(at).date_naive() == day) {
                    return Err("a second retry on one day".to_owned());
                }
            }
        }
        if local(self.now).hour() >= 14 {
            return Err("presented after the day's last clearing".to_owned());
        }
        Ok(())
    }

    /// NPCI OC-215A: nothing between ten and one, nor between five and half past nine.
    pub(super) fn lawful_hour(&self, what: &str) -> Result<(), String> {
        let local = self.now.with_timezone(&Kolkata);
        let minute = local.hour() * 60 + local.minute();
        let peak = (600..780).contains(&minute) || (1020..1290).contains(&minute);
        if self.rail == Rail::Upi && peak {
            return Err(format!("{what} outside the hours, at {local}"));
        }
        Ok(())
    }
}
