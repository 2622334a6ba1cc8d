//! What led to a decision.

use chrono_tz::Tz;

use super::{closed, failure, in_hours, local};
use crate::domain::Contradiction;
use crate::domain::MandateStatus;
use crate::domain::reason::{
    CallCause, Cause, Doubt, GateCause, NotificationCause, OrderCause, RecheckCause, RecoveryCause,
    RequestCause,
};

pub(super) fn cause(cause: &Cause, zone: Tz) -> String {
    match cause {
        Cause::Order(cause) => order(cause),
        Cause::Call(cause) => call(cause),
        Cause::Notification(cause) => notification(cause),
        Cause::Recheck(cause) => recheck(*cause),
        Cause::Gate(cause) => gate(cause, zone),
        Cause::Request(cause) => request(*cause).to_owned(),
        Cause::Recovery(cause) => recovery(*cause),
    }
}

fn order(cause: &OrderCause) -> String {
    let plain = match cause {
        OrderCause::LaterOrder(order_no) => {
            return format!(
                "the provider has order {order_no} of this cycle, and this database has not sent it: another database has; stop all daemons and run `mandated recover`"
            );
        }
        OrderCause::Contradicted(Contradiction {
            field,
            ours,
            theirs,
        }) => {
            return format!(
                "the answer proves nothing: its {field} is {theirs:?}, and ours is {ours:?}; ask the provider whose debit it is"
            );
        }
        OrderCause::NeedsApproval { above } => {
            return format!("the payer must approve a debit above {above}");
        }
        OrderCause::Unproven(why) => return format!("not proven: {}", doubt(why)),
        OrderCause::LookupRefused(words) => {
            return format!("the look-up was refused: {}", failure(words));
        }
        OrderCause::LookupUnanswered { why } => {
            return format!("the look-up was not answered: {why}");
        }
        OrderCause::Failed { words, before } => {
            let status = failure(words);
            return match before {
                Some(before) => format!("{status}, and before it {before}"),
                None => status,
            };
        }
        OrderCause::FoundAttempts {
            words,
            known,
            counted,
        } => {
            return format!(
                "the provider counts {counted} attempts on the order, and this database knows of {known}: {}",
                failure(words)
            );
        }
        OrderCause::ToBeJudged { words } => {
            let words = words.as_deref().unwrap_or("an answer we cannot judge");
            return format!("a person must judge the provider's answer: {words}");
        }
        OrderCause::Collected => "collected",
        OrderCause::Pending => "the provider works on it",
        OrderCause::NotPresentedYet => "the provider has not presented the payment yet",
        OrderCause::NotPresented => {
            "the provider presented no payment for this cycle: check its schedule"
        }
        OrderCause::NeverProcessed => "the provider never processed the call",
        OrderCause::RetryNeverHappened => {
            "the provider's counter shows that the retry never happened"
        }
        OrderCause::Reversed => "the provider collected it and gave it back",
    };
    plain.to_owned()
}

fn doubt(doubt: &Doubt) -> String {
    match doubt {
        Doubt::NoAnswer { why } => why.clone(),
        Doubt::EarlierCallLanded => "an earlier call for this order landed".to_owned(),
        Doubt::OrderUnknown => "the provider does not know the order".to_owned(),
        Doubt::OrderUnknownYet => "the provider does not know the order yet".to_owned(),
        Doubt::OrderForgotten => "the provider no longer knows the order".to_owned(),
        Doubt::RetryUnderWay => "the retry may still be on its way".to_owned(),
        Doubt::Answer(words) => failure(words),
        Doubt::UnmappedAnswer(words) => {
            format!("{}; the order is asked for the cause", failure(words))
        }
    }
}

fn call(cause: &CallCause) -> String {
    match cause {
        CallCause::NotSent { why } => format!("nothing was sent: {why}"),
        CallCause::LookupUnanswered => {
            "nothing was sent: the provider could not be read before the call".to_owned()
        }
        CallCause::OrderNotDead { order_no } => {
            format!("nothing was sent: order {order_no} of this cycle is not proven dead")
        }
        CallCause::CredentialsRefused { why } => {
            format!("the account's credentials are refused: {why}")
        }
        CallCause::RefusedAlone { why } => format!(
            "the provider refuses this call alone, and takes the account's key for others: {why}"
        ),
        CallCause::Throttled => "the provider throttles us".to_owned(),
    }
}

fn notification(cause: &NotificationCause) -> String {
    match cause {
        NotificationCause::Delivered { debit_after } => format!(
            "the payer was notified; the debit is {} later, in the hours for it",
            in_hours(*debit_after)
        ),
        NotificationCause::DeliveredLongAgo => {
            "the payer may have been notified long ago; once more, for the debit must be near"
                .to_owned()
        }
        NotificationCause::DeliveredTooLate { debit_after } => format!(
            "the payer was notified too late: {} after it the cycle or the notification is over",
            humantime::format_duration(*debit_after)
        ),
        NotificationCause::UnderWay => "the notification is under way".to_owned(),
        NotificationCause::Exists => "a notification with this reference exists".to_owned(),
        NotificationCause::MaybeSent { why } => {
            format!("the notification may have been sent: {why}")
        }
        NotificationCause::Unknown => {
            "the provider does not know the notification; it goes out again".to_owned()
        }
        NotificationCause::Failed(words) => {
            format!("the notification failed: {}", failure(words))
        }
    }
}

fn recheck(cause: RecheckCause) -> String {
    let plain = match cause {
        RecheckCause::EarlierOrderCollected { order_no } => {
            return format!(
                "order {order_no} was collected late, and the one after it is not proven"
            );
        }
        RecheckCause::CollectedTwice { order_no } => {
            return format!("order {order_no} of this cycle was collected as well: refund due");
        }
        RecheckCause::CollectedLate => "collected late by the provider",
        RecheckCause::ProvenNotCollected => {
            "the provider's answer proves that it was not collected"
        }
        RecheckCause::Unanswered => "the recheck was not answered",
        RecheckCause::PendingAgain => "the provider works on it again",
        RecheckCause::NotCollected => "looked once more: not collected",
    };
    plain.to_owned()
}

fn gate(cause: &GateCause, zone: Tz) -> String {
    let plain = match cause {
        GateCause::Mandate(status) => return format!("the mandate is {status}"),
        GateCause::ProviderSays(status) => return provider_says(*status),
        GateCause::RailPaused(rail) => return format!("the rail {rail} is paused"),
        GateCause::CycleEnded { at } => {
            let at = local(*at, zone);
            return format!("the cycle ended at {at} before it could be collected");
        }
        GateCause::PausedUntilCycleEnd { at } => {
            let at = local(*at, zone);
            return format!("the mandate was paused until the cycle ended at {at}");
        }
        GateCause::NotConfiguredUntilCycleEnd { at } => {
            let at = local(*at, zone);
            return format!(
                "its account was in no daemon's configuration until the cycle ended at {at}"
            );
        }
        GateCause::Closed(why) => return closed(why, zone),
        GateCause::PeriodUsed { on } => {
            return format!(
                "another cycle of the mandate was debited in this period, on {on}, and its rail allows one debit in a period"
            );
        }
        GateCause::PeriodAttemptsSpent { made } => {
            return format!(
                "the attempts of the period are spent: {made} were made, over all orders of the cycle"
            );
        }
        GateCause::AttemptsSpent(attempts) => {
            return format!("all {attempts} attempts of the order are spent");
        }
        GateCause::AttemptsIn30DaysSpent { until } => {
            let until = local(*until, zone);
            return format!("the attempts of the mandate in 30 days are spent until {until}");
        }
        GateCause::CycleOver => "the cycle is over",
        GateCause::OutsideNotifyHours => "outside the hours for notifications",
        GateCause::OutsideDebitHours => "outside the hours for debits",
        GateCause::TooEarly => "too early for the debit",
        GateCause::NoIntent => {
            "no intent was opened: another debit of this mandate is open, or its time was just over"
        }
        GateCause::NotNotified => "no notification was delivered",
        GateCause::NotificationTooOld => "the notification is too old",
        GateCause::DateTooNear => "the execution date was too near: a later one",
        GateCause::LookupsSpent => "looked at as often as the rail allows",
        GateCause::LookupsBeforeSpent => {
            "the order before it was looked at as often as the rail allows"
        }
        GateCause::NeverCalled => "the worker stopped before it made the call",
    };
    plain.to_owned()
}

fn provider_says(status: Option<MandateStatus>) -> String {
    match status {
        None => {
            "the mandate is paused, and the provider did not say whether it still is".to_owned()
        }
        Some(MandateStatus::Paused) => {
            "the provider says that the mandate is still paused".to_owned()
        }
        Some(MandateStatus::Active) => {
            "the provider says that the mandate is active again".to_owned()
        }
        Some(
            status @ (MandateStatus::Revoked
            | MandateStatus::Expired
            | MandateStatus::Completed
            | MandateStatus::Failed),
        ) => format!("the provider says that the mandate is {status}"),
    }
}

const fn request(cause: RequestCause) -> &'static str {
    match cause {
        RequestCause::Skipped => "skipped",
        RequestCause::Sooner => "sooner",
        RequestCause::TriedAgain => "tried once more",
        RequestCause::LookedAtFirst => "looked at first",
    }
}

fn recovery(cause: RecoveryCause) -> String {
    match cause {
        RecoveryCause::Collected { order_no } => {
            format!("found: order {order_no} was collected, which this database had forgotten")
        }
        RecoveryCause::Order { order_no, attempts } => format!(
            "found: the provider has order {order_no}, tried {attempts} times, which this database had forgotten; it is looked up \
             before anything is called"
        ),
    }
}
