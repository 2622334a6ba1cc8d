//! The judge of one mandate: each method is told one fact, keeps what later facts are held against, and says what was
//! wrong with it.

#[cfg(test)]
mod tests;

use chrono::NaiveDate;

use crate::calendar::india;
use crate::facts::{
    Amount, Collected, Mandate, Notification, OrderRetry, PaymentRetry, Presentation, Presenter,
    Rail, RecordedAnswer, Scheduled, Timestamp,
};
use crate::record::{Answered, Record};
use crate::rules::second_in_period::Debited;
use crate::rules::{
    card_declines, cycle_bounds, early_debit, look_ups, maximum_amount, missing_notification,
    nach_presentations, notified_amount, peak_hours, retry_while_pending, second_debit,
    second_in_period, signzy_retries, stale_notification, upi_attempts,
};
use crate::verdict::{BankRefusal, Breach, JudgeVerdict, RetryRefusal, Rule, Violation};

/// Judges what happens to one mandate.
#[derive(Debug, Clone)]
pub struct Judge {
    mandate: Mandate,
    record: Record,
}

impl Judge {
    /// The judge of a mandate that nothing has happened to.
    pub fn of(mandate: Mandate) -> Self {
        Self {
            mandate,
            record: Record::default(),
        }
    }

    /// The cycle that a day in India belongs to; nothing before the first.
    pub fn cycle_of(&self, day: NaiveDate) -> Option<NaiveDate> {
        self.mandate.cycles.of(day)
    }

    /// Whether the payer must be notified before a debit.
    pub fn wants_notification(&self) -> bool {
        missing_notification::is_wanted(&self.mandate)
    }

    /// A notification was asked for.
    pub fn notification_requested(&mut self, notification: Notification) -> Vec<Violation> {
        let breach = peak_hours::of_notification(self.mandate.rail, &notification);
        let violations = self.violations(breach, None, notification.requested_at);
        self.record
            .notifications
            .insert(notification.reference.clone(), notification);
        violations
    }

    /// The merchant asked for a debit of this amount, by an order or by a charge.
    pub fn debit_requested(
        &self,
        order_id: Option<&str>,
        amount: &Amount,
        at: Timestamp,
    ) -> Vec<Violation> {
        let breach = maximum_amount::breach(&self.mandate, amount);
        self.violations(breach, order_id, at)
    }

    /// The merchant asked Signzy to charge the mandate now.
    pub fn charge_requested(&self, at: Timestamp) -> Vec<Violation> {
        let breach = cycle_bounds::before_the_first(&self.mandate.cycles, at);
        self.violations(breach, None, at)
    }

    /// The merchant asked the provider to debit an order on a date.
    pub fn debit_scheduled(&self, scheduled: Scheduled<'_>) -> Vec<Violation> {
        let notification = self.record.notifications.get(scheduled.notification);
        let breach = notification
            .and_then(|notification| notification.delivered_at)
            .and_then(|delivered_at| early_debit::by_execution_date(&scheduled, delivered_at));
        self.violations(breach, Some(scheduled.order_id), scheduled.at)
    }

    /// The provider took an order up, though it never reached the payer's bank.
    pub fn order_initiated(&mut self, order_id: &str, at: Timestamp) {
        self.record.order(order_id).initiated_at = Some(at);
    }

    /// An order is presented to the payer's bank.
    pub fn order_presented(
        &mut self,
        presentation: &Presentation<'_>,
    ) -> JudgeVerdict<BankRefusal> {
        let Presentation {
            order_id, by, at, ..
        } = *presentation;
        if by != Presenter::Provider {
            self.order_initiated(order_id, at);
        }
        self.record.order(order_id).presented = Some((india::day(at), by));
        let today = self.mandate.cycles.of(india::day(at));
        let cycle = *self
            .record
            .order(order_id)
            .cycle
            .get_or_insert_with(|| today.unwrap_or_else(|| india::day(at)));
        let (refusal, breach) = self.refusal(presentation).unzip();
        let second = second_in_period::breach(&self.mandate, &self.record.debits, at);
        let (period_breach, first) = second.unzip();
        // The bank refuses it, and no money moves: it is a second debit of its cycle all the same.
        let of_cycle = first.filter(|first| first.cycle == cycle).map(|_| {
            let detail = format!("presented for the cycle of {cycle}, which has its debit");
            Breach::of(Rule::SecondDebit, detail)
        });
        let refusal = refusal.or_else(|| first.map(|_| BankRefusal::PeriodUsed));
        let breaches = [
            cycle_bounds::before_the_first(&self.mandate.cycles, at),
            cycle_bounds::over(&self.mandate.cycles, cycle, at),
            self.rail_breach(cycle, at),
            of_cycle.or(period_breach.flatten()),
            breach,
        ];
        if refusal.is_none() && self.mandate.rail == Rail::Upi {
            upi_attempts::count(&mut self.record.upi_attempts, presentation);
        }
        let violations = match by {
            Presenter::Provider => Vec::new(),
            Presenter::Merchant | Presenter::Schedule => breaches
                .into_iter()
                .flat_map(|breach| self.violations(breach, Some(order_id), at))
                .collect(),
        };
        JudgeVerdict {
            violations,
            refusal,
        }
    }

    /// The rail forbids it, and the bank does not notice.
    fn rail_breach(&self, cycle: NaiveDate, at: Timestamp) -> Option<Breach> {
        match self.mandate.rail {
            Rail::Upi => peak_hours::of_debit(at)
                .or_else(|| upi_attempts::of_cycle(&self.record.answers, cycle)),
            Rail::Card => card_declines::breach(&self.record.answers, at),
            Rail::Enach => nach_presentations::breach(&self.record.answers, cycle, at),
        }
    }

    /// The reason for which the payer's bank refuses a debit.
    fn refusal(&self, presentation: &Presentation<'_>) -> Option<(BankRefusal, Breach)> {
        let notification = presentation
            .notification
            .and_then(|reference| self.record.notifications.get(reference));
        let delivered_at = notification.and_then(|notification| notification.delivered_at);
        let missing = || missing_notification::breach(&self.mandate, presentation, notification);
        let early = || early_debit::breach(presentation, delivered_at?);
        let stale = || stale_notification::breach(presentation, delivered_at?);
        let other_amount = || notified_amount::breach(presentation, notification?);
        let attempts = || match self.mandate.rail {
            Rail::Upi => upi_attempts::breach(&self.record.upi_attempts, presentation),
            Rail::Card | Rail::Enach => None,
        };
        let not_notified = missing().or_else(early).or_else(stale);
        not_notified
            .map(|breach| (BankRefusal::NotNotified, breach))
            .or_else(|| Some((BankRefusal::OtherAmount, other_amount()?)))
            .or_else(|| Some((BankRefusal::AttemptsExceeded, attempts()?)))
    }

    /// The payer's bank answered a presentation.
    pub fn order_answered(&mut self, answer: RecordedAnswer<'_>) {
        let order = self.record.orders.get(answer.order_id);
        self.record.answers.push(Answered {
            cycle: order.and_then(|order| order.cycle),
            presented_at: answer.presented_at,
            known_at: answer.known_at,
            declined: answer.declined,
        });
    }

    /// A debit went through.
    pub fn debit_collected(&mut self, collected: &Collected<'_>) -> Vec<Violation> {
        let presented = self.record.order(collected.order_id).presented;
        let (on, by) = presented.unwrap_or((india::day(collected.at), Presenter::Provider));
        self.record.debits.push(Debited {
            on,
            at: collected.at,
            cycle: collected.cycle,
            by_merchant: by == Presenter::Merchant,
        });
        let breaches = [
            second_debit::breach(&mut self.record.collected, collected.cycle),
            maximum_amount::breach(&self.mandate, &collected.amount),
        ];
        let violations = breaches
            .into_iter()
            .flat_map(|breach| self.violations(breach, Some(collected.order_id), collected.at));
        violations.collect()
    }

    /// The merchant asked what became of an order.
    pub fn order_looked_up(&mut self, order_id: &str, at: Timestamp) -> Vec<Violation> {
        if self.mandate.rail != Rail::Upi {
            return Vec::new();
        }
        let order = self.record.order(order_id);
        let breaches = [
            look_ups::too_soon(order.initiated_at, at),
            look_ups::too_often(&mut order.look_ups, at),
        ];
        let violations = breaches
            .into_iter()
            .flat_map(|breach| self.violations(breach, Some(order_id), at));
        violations.collect()
    }

    /// The merchant asked Juspay to retry an order.
    pub fn order_retry_requested(&self, retry: OrderRetry<'_>) -> Vec<Violation> {
        let breach = retry_while_pending::of_order(&retry);
        self.violations(breach, Some(retry.order_id), retry.at)
    }

    /// The merchant asked Signzy to retry a payment.
    pub fn payment_retry_requested(&self, retry: PaymentRetry<'_>) -> JudgeVerdict<RetryRefusal> {
        let retried = self.record.payment_retries.get(retry.payment_id);
        let retried = retried.map_or(&[][..], Vec::as_slice);
        let (refusal, breach) = signzy_retries::refusal(retried, &retry).unzip();
        JudgeVerdict {
            violations: self.violations(breach, Some(retry.payment_id), retry.at),
            refusal,
        }
    }

    /// Signzy took up the retry of a payment.
    pub fn payment_retried(&mut self, payment_id: &str, at: Timestamp) {
        self.record
            .payment_retries
            .entry(payment_id.to_owned())
            .or_default()
            .push(india::day(at));
    }

    fn violations(
        &self,
        breach: Option<Breach>,
        order_id: Option<&str>,
        at: Timestamp,
    ) -> Vec<Violation> {
        let violation = breach.map(|Breach { rule, detail }| Violation {
            at,
            mandate_id: self.mandate.id.clone(),
            order_id: order_id.map(str::to_owned),
            rule,
            detail,
        });
        violation.into_iter().collect()
    }
}
