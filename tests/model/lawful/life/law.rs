//! The rules that every call is judged by before it is made.

use chrono::{NaiveTime, TimeDelta, Timelike};
use chrono_tz::Asia::Kolkata;
use mandated::domain::machine::{Notice, Request, RetryRequest};
use mandated::domain::{MandateStatus, Notify, ProviderKind, Rail, Step, Timestamp};

use super::Life;
use crate::lawful::bank::Stands;

impl Life {
    /// The law, spelt out once more.
    pub(super) fn judge(&self, step: Step, handed_over: Option<Timestamp>) -> Result<(), String> {
        let execution = &self.store.execution;
        let number = execution.progress.order_no;
        let order = self.bank.order(number);
        self.judge_intent(step)?;
        self.may_call("a debit")?;
        for other in self.bank.orders() {
            match other.stands {
                // Nobody can know that before the recheck.
                Stands::Charged | Stands::Working { .. } if other.after_all => {}
                Stands::Charged => return Err("a debit of what was collected".to_owned()),
                Stands::Working { .. } => return Err("a debit beside an open one".to_owned()),
                Stands::Nowhere | Stands::Failed(_) => {}
            }
        }
        let most = self.policy.max_attempts_in_30_days;
        self.answers.judge(handed_over.unwrap_or(self.now), most)?;
        if step == Step::Execute && order.attempts > 0 {
            return Err("an order was executed a second time".to_owned());
        }
        if step == Step::Retry && !matches!(order.stands, Stands::Failed(_)) {
            return Err("a retry of an order that has not failed".to_owned());
        }
        if step == Step::Retry && order.no_retry {
            return Err("a retry that the provider does not allow".to_owned());
        }
        if step == Step::Execute && number > 1 && !self.dead.contains(&(number - 1)) {
            return Err("a new order, and the one before it was not seen dead".to_owned());
        }
        self.judge_later_orders(step, number)?;
        let earlier = self.bank.orders().iter().take(usize::from(number) - 1);
        let may_wake = |until: Timestamp| self.now < until;
        let mut alive = earlier.filter(|order| !order.no_retry && !order.after_all);
        if step == Step::Execute && alive.any(|order| order.silent_until.is_some_and(may_wake)) {
            return Err("a new order, and the provider may retry the one before it".to_owned());
        }
        let most = match (execution.provider, self.rail) {
            (ProviderKind::Juspay, Rail::Upi) | (ProviderKind::Signzy, _) => 4,
            (ProviderKind::Juspay, Rail::Enach) => 3,
            (ProviderKind::Juspay, Rail::Card) => 2,
        };
        // What the provider does by itself it does without us: only ours can be one too many.
        if order.attempts >= most {
            return Err(format!("too many attempts: {}", order.attempts + 1));
        }
        let in_period = match self.rail {
            Rail::Upi => Some(4),
            Rail::Enach => Some(3),
            Rail::Card => None,
        };
        let made: u16 = self.bank.orders().iter().map(|order| order.attempts).sum();
        if in_period.is_some_and(|most| made >= most) {
            return Err(format!("too many attempts in a period: {}", made + 1));
        }
        match handed_over {
            Some(at) => self.judge_date(at)?,
            None => self.lawful_hour("a debit")?,
        }
        if handed_over.unwrap_or(self.now) < execution.cycle.debit_at {
            return Err("a debit before its cycle is due".to_owned());
        }
        self.notified(step)?;
        if self.rail == Rail::Enach && step == Step::Retry {
            self.presented_again(order.failed_at)?;
        }
        Ok(())
    }

    /// Another database may have sent a later order. Of a first order nobody asks.
    fn judge_later_orders(&self, step: Step, number: u16) -> Result<(), String> {
        let has_ids = self.store.execution.provider == ProviderKind::Juspay;
        if !has_ids || step == Step::Execute && number == 1 {
            return Ok(());
        }
        // Three orders are the most that any configuration of any rail allows.
        let mut later = number + 1..=3;
        match later.find(|order| !self.dead.contains(order)) {
            Some(order) => Err(format!("a debit, and order {order} was not asked about")),
            None => Ok(()),
        }
    }

    /// The intent is committed, by the claim of this very job, and with it the counter of a call that has no idempotency key.
    fn judge_intent(&self, step: Step) -> Result<(), String> {
        let execution = &self.store.execution;
        let intent = execution.intent.ok_or("a call without an intent")?;
        if intent.opened_at != self.claimed_at || intent.is_retry != (step == Step::Retry) {
            return Err("a call under the intent of another one".to_owned());
        }
        let attempts = i64::from(self.bank.order(execution.progress.order_no).attempts);
        let has_key = step == Step::Execute && execution.provider == ProviderKind::Juspay;
        if !has_key && intent.counter_before != Some(attempts) {
            return Err("a call without a key, and its counter is not recorded".to_owned());
        }
        Ok(())
    }

    /// What forbids every call towards the payer.
    fn may_call(&self, what: &str) -> Result<(), String> {
        let execution = &self.store.execution;
        if execution.mandate_status != MandateStatus::Active {
            return Err(format!("{what}, and the mandate is not active"));
        }
        if execution.rail_paused {
            return Err(format!("{what} on a paused rail"));
        }
        if self.now >= execution.cycle.closes_at {
            return Err(format!("{what} after its cycle"));
        }
        Ok(())
    }

    /// The provider notifies and debits by itself: 24 hours must lie between the two, and the hours count on the date.
    fn judge_date(&self, at: Timestamp) -> Result<(), String> {
        if at < self.now + TimeDelta::hours(24) {
            return Err("handed over less than 24 hours ahead".to_owned());
        }
        if at >= self.store.execution.cycle.closes_at {
            return Err("handed over for a time after its cycle".to_owned());
        }
        self.hour_of(at, "a debit that was handed over")
    }

    /// 24 hours after this order's own notification, and not after 48.
    fn notified(&self, step: Step) -> Result<(), String> {
        let execution = &self.store.execution;
        if execution.notify != Notify::Separate {
            return Ok(());
        }
        let number = execution.progress.notification_no;
        let notified = self.notified.filter(|(known, _)| *known == number);
        let (_, arrived) = notified.ok_or("a debit without a notification")?;
        if self.now < arrived + TimeDelta::hours(24) {
            return Err(format!("{step}: a debit before its 24 hours"));
        }
        if self.now > arrived + TimeDelta::hours(48) {
            return Err(format!("{step}: a debit after its 48 hours"));
        }
        Ok(())
    }

    /// A debit names the notification that the payer had, or the date on which the provider is to debit.
    pub(super) fn judge_notice(&self, notice: Notice) -> Result<(), String> {
        let execution = &self.store.execution;
        let expected = match execution.notify {
            Notify::Separate => matches!(notice, Notice::Reference),
            Notify::Provider => matches!(notice, Notice::ExecuteAt(_)),
            Notify::None => matches!(notice, Notice::Exempt),
        };
        if expected {
            Ok(())
        } else {
            Err(format!(
                "{} was notified, the call says {notice:?}",
                execution.notify
            ))
        }
    }

    pub(super) fn judge_retry(&self, retry: &RetryRequest) -> Result<(), String> {
        let execution = &self.store.execution;
        let of_the_order = self.bank.debit_ref(execution.progress.order_no);
        if retry.provider_ref.is_some() && retry.provider_ref != of_the_order {
            return Err("a retry of another debit".to_owned());
        }
        if execution.is_watched() && retry.next_scheduled_on.is_none() {
            return Err("a retry that does not say when to go on".to_owned());
        }
        Ok(())
    }

    /// The payer is told in the hours for it, of a debit that is a day away.
    pub(super) fn judge_notification(&self, debit_at: Timestamp) -> Result<(), String> {
        self.may_call("a notification")?;
        self.lawful_hour("a notification")?;
        if debit_at < self.now + TimeDelta::hours(24) {
            return Err("a notification of a debit in less than 24 hours".to_owned());
        }
        Ok(())
    }

    fn presented_again(&self, returned: Option<Timestamp>) -> Result<(), String> {
        let local = |at: Timestamp| at.with_timezone(&Kolkata);
        match self.store.execution.provider {
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

    fn lawful_hour(&self, what: &str) -> Result<(), String> {
        self.hour_of(self.now, what)
    }

    /// NPCI OC-215A: nothing between ten and one, nor between five and half past nine.
    fn hour_of(&self, at: Timestamp, what: &str) -> Result<(), String> {
        let local = at.with_timezone(&Kolkata);
        let minute = local.hour() * 60 + local.minute();
        let peak = (600..780).contains(&minute) || (1020..1290).contains(&minute);
        if self.rail == Rail::Upi && peak {
            return Err(format!("{what} outside the hours, at {local}"));
        }
        Ok(())
    }

    /// What waits for its turn must not leave when it would be unlawful.
    pub(super) fn judge_leave_by(
        &self,
        request: &Request,
        leave_by: Timestamp,
    ) -> Result<(), String> {
        if leave_by > self.store.execution.cycle.closes_at {
            return Err("a call that may leave after its cycle".to_owned());
        }
        let (is_debit, handed_over) = match request {
            Request::Notify { .. } => (false, false),
            Request::Execute { notice } => (true, matches!(notice, Notice::ExecuteAt(_))),
            Request::Retry(_) => (true, false),
        };
        let ends: &[u32] = match self.rail {
            Rail::Upi if !handed_over => &[10, 17],
            Rail::Enach if is_debit => &[14],
            Rail::Upi | Rail::Enach | Rail::Card => &[],
        };
        let local = self.now.with_timezone(&Kolkata);
        let next = (0..=1)
            .flat_map(|days| {
                let day = local.date_naive() + TimeDelta::days(days);
                ends.iter().map(move |hour| {
                    let end = NaiveTime::from_hms_opt(*hour, 0, 0).unwrap();
                    day.and_time(end).and_local_timezone(Kolkata).unwrap()
                })
            })
            .find(|end| *end > local);
        match next {
            Some(end) if leave_by > end => Err(format!(
                "a call that may leave outside the hours, until {leave_by}"
            )),
            Some(_) | None => Ok(()),
        }
    }
}
