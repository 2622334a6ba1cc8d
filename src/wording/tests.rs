//! The sentences, each once, and those that are made of several.

use std::fmt::Write;
use std::time::Duration;

use chrono_tz::Asia::Kolkata;

use super::*;
use crate::domain::Contradiction;
use crate::domain::plan::reason::{Closed, NoticeReason, PlanReason, TimesReason, WhyClosed};
use crate::domain::reason::{
    CallCause, Cause, Doubt, GateCause, NotificationCause, OrderCause, RecheckCause, RecoveryCause,
    RequestCause,
};
use crate::domain::{Amount, Class, Currency, MandateStatus, Rail};

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn noon() -> Timestamp {
    at("2026-12-02T06:30:00Z")
}

fn rupees(text: &str) -> Amount {
    Amount::parse(text, Currency::INR).unwrap()
}

fn words() -> FailureWords {
    FailureWords {
        class: Class::Funds,
        code: Some("Z9".to_owned()),
        message: Some("no funds".to_owned()),
    }
}

fn why() -> String {
    "connection reset".to_owned()
}

fn orders() -> Vec<OrderCause> {
    let doubts = [
        Doubt::NoAnswer { why: why() },
        Doubt::EarlierCallLanded,
        Doubt::OrderUnknown,
        Doubt::OrderUnknownYet,
        Doubt::OrderForgotten,
        Doubt::RetryUnderWay,
        Doubt::Answer(words()),
        Doubt::UnmappedAnswer(words()),
    ];
    let mut causes = vec![
        OrderCause::Collected,
        OrderCause::LaterOrder(2),
        OrderCause::Contradicted(Contradiction {
            field: "customer_id",
            ours: "cst_1".to_owned(),
            theirs: "cst_251".to_owned(),
        }),
        OrderCause::NeedsApproval {
            above: rupees("15000"),
        },
        OrderCause::Pending,
        OrderCause::LookupRefused(words()),
        OrderCause::LookupUnanswered { why: why() },
        OrderCause::NotPresentedYet,
        OrderCause::NotPresented,
        OrderCause::NeverProcessed,
        OrderCause::RetryNeverHappened,
        OrderCause::FoundAttempts {
            words: words(),
            known: 1,
            counted: 3,
        },
        OrderCause::Reversed,
        OrderCause::ToBeJudged { words: Some(why()) },
        OrderCause::ToBeJudged { words: None },
    ];
    causes.extend(doubts.map(OrderCause::Unproven));
    causes.extend([None, Some(Class::Risk)].map(|before| OrderCause::Failed {
        words: words(),
        before,
    }));
    causes
}

fn gates() -> Vec<GateCause> {
    let says = MandateStatus::ALL.iter().copied().map(Some).chain([None]);
    let mut causes: Vec<GateCause> = says.map(GateCause::ProviderSays).collect();
    causes.extend([
        GateCause::Mandate(MandateStatus::Paused),
        GateCause::RailPaused(Rail::Upi),
        GateCause::CycleOver,
        GateCause::CycleEnded { at: noon() },
        GateCause::PausedUntilCycleEnd { at: noon() },
        GateCause::OutsideNotifyHours,
        GateCause::OutsideDebitHours,
        GateCause::TooEarly,
        GateCause::PeriodUsed {
            on: noon().date_naive(),
        },
        GateCause::PeriodAttemptsSpent { made: 4 },
        GateCause::AttemptsSpent(4),
        GateCause::NoIntent,
        GateCause::NotNotified,
        GateCause::NotificationTooOld,
        GateCause::DateTooNear,
        GateCause::AttemptsIn30DaysSpent { until: noon() },
        GateCause::LookupsSpent,
        GateCause::LookupsBeforeSpent,
        GateCause::NeverCalled,
    ]);
    causes.extend(whys_closed().map(|why| {
        GateCause::Closed(Closed {
            closes_at: noon(),
            why,
        })
    }));
    causes
}

fn whys_closed() -> [WhyClosed; 5] {
    [
        WhyClosed::Over,
        WhyClosed::NoWindow,
        WhyClosed::NextDebit { opens: noon() },
        WhyClosed::NextNotice {
            notice: noon(),
            debit: noon(),
        },
        WhyClosed::NoPair {
            shortest: Duration::from_hours(25),
            longest: Duration::from_hours(48),
        },
    ]
}

fn others() -> Vec<Cause> {
    let debit_after = Duration::from_hours(25);
    let order_no = 1;
    vec![
        CallCause::NotSent { why: why() }.into(),
        CallCause::LookupUnanswered.into(),
        CallCause::OrderNotDead { order_no }.into(),
        CallCause::CredentialsRefused { why: why() }.into(),
        CallCause::RefusedAlone { why: why() }.into(),
        CallCause::Throttled.into(),
        NotificationCause::Delivered { debit_after }.into(),
        NotificationCause::DeliveredLongAgo.into(),
        NotificationCause::DeliveredTooLate { debit_after }.into(),
        NotificationCause::UnderWay.into(),
        NotificationCause::Exists.into(),
        NotificationCause::MaybeSent { why: why() }.into(),
        NotificationCause::Unknown.into(),
        NotificationCause::Failed(words()).into(),
        RecheckCause::CollectedLate.into(),
        RecheckCause::EarlierOrderCollected { order_no }.into(),
        RecheckCause::CollectedTwice { order_no }.into(),
        RecheckCause::ProvenNotCollected.into(),
        RecheckCause::Unanswered.into(),
        RecheckCause::PendingAgain.into(),
        RecheckCause::NotCollected.into(),
        RequestCause::Skipped.into(),
        RequestCause::Sooner.into(),
        RequestCause::TriedAgain.into(),
        RequestCause::LookedAtFirst.into(),
        RecoveryCause::Collected { order_no }.into(),
        RecoveryCause::Order {
            order_no,
            attempts: 2,
        }
        .into(),
    ]
}

#[test]
fn every_cause_has_its_sentence() {
    let orders = orders().into_iter().map(Cause::from);
    let gates = gates().into_iter().map(Cause::from);
    let mut sentences = String::new();
    for cause in orders.chain(gates).chain(others()) {
        writeln!(sentences, "{}", reason(&Reason::from(cause), Kolkata)).unwrap();
    }
    insta::assert_snapshot!(sentences);
}

#[test]
fn what_follows_is_said_after_the_cause() {
    let choices = [
        TimeChoice::Soonest,
        TimeChoice::AfterBackoff,
        TimeChoice::NextDayPart,
        TimeChoice::AnotherDayPart,
        TimeChoice::AfterReset,
        TimeChoice::Payday,
        TimeChoice::NextSalary,
        TimeChoice::Latest,
    ];
    let mut thens = vec![
        Then::AskPerson { since: noon() },
        Then::AskDaily { since: noon() },
        Then::SameCall,
        Then::AskTomorrow,
        Then::TryAgainNotified(TimeChoice::AfterReset),
        Then::ProviderMayRetry { until: noon() },
        Then::ProviderMayStillRetry,
        Then::NewOrder(TimeChoice::NextSalary),
        Then::NothingMore,
        Then::WaitForResume,
        Then::CycleOver,
        Then::NoDateLeft,
        Then::NotificationsSpent(3),
    ];
    thens.extend([false, true].map(|provider_may_retry| Then::CycleEnds {
        at: noon(),
        provider_may_retry,
    }));
    thens.extend(choices.map(Then::TryAgain));
    let mut sentences = String::new();
    for then in thens {
        let said = Reason::from(GateCause::CycleOver).then(then);
        writeln!(sentences, "{}", reason(&said, Kolkata)).unwrap();
    }
    insta::assert_snapshot!(sentences);
}

#[test]
fn a_failure_is_said_with_what_the_provider_gave() {
    let said = |code: Option<&str>, message: Option<&str>| {
        failure(&FailureWords {
            class: Class::Funds,
            code: code.map(str::to_owned),
            message: message.map(str::to_owned),
        })
    };
    assert_eq!(said(Some("Z9"), Some("no funds")), "funds: no funds (Z9)");
    assert_eq!(said(Some("Z9"), None), "funds: Z9");
    assert_eq!(said(None, Some("no funds")), "funds: no funds");
    assert_eq!(said(None, None), "funds");
}

#[test]
fn a_plan_says_why_its_times_are_as_they_are() {
    let mut planned_for = TimesReason {
        own: noon(),
        opens: noon(),
        spread: None,
        notice: None,
    };
    assert_eq!(
        times(&planned_for, Kolkata),
        "12:00 (Asia/Kolkata) is its own time"
    );
    planned_for.opens = at("2026-12-02T07:31:00Z");
    planned_for.spread = Some(Duration::from_mins(10));
    planned_for.notice = Some(NoticeReason {
        hours_ahead: 27,
        notice: Duration::from_hours(25),
        lead: Duration::from_mins(90),
    });
    assert_eq!(
        planned(&PlanReason::Times(planned_for), Kolkata),
        "12:00 (Asia/Kolkata) is outside the hours for debits, the next is 13:01; spread over 10m; \
         the payer is told 27h ahead: 25h, and 1h 30m in case that fails"
    );
    assert_eq!(
        planned(&PlanReason::Late, Kolkata),
        "late: as soon as it can"
    );
    assert_eq!(
        planned(&PlanReason::Presented, Kolkata),
        "presented by the merchant"
    );
}

#[test]
fn a_request_that_finds_no_time_says_why() {
    let why = Closed {
        closes_at: noon(),
        why: WhyClosed::Over,
    };
    let zone = Kolkata;
    assert_eq!(
        declined(&Declined::Closed { why, zone }),
        "no lawful time is left for it: the cycle closed at 2026-12-02 12:00 (Asia/Kolkata)"
    );
    assert_eq!(
        declined(&Declined::RailPaused),
        Declined::RailPaused.to_string()
    );
}

/// The auditor finds calls that were never made by the reason of their decision.
#[test]
fn the_auditor_knows_the_sentences_of_calls_that_were_never_made() {
    let statements = include_str!("../store/audit/calls.rs").replace("''", "'");
    let retry: Reason = Reason::from(OrderCause::RetryNeverHappened).then(Then::SameCall);
    let never_called: Reason = GateCause::NeverCalled.into();
    for reason in [retry, never_called] {
        let sentence = format!("'{}'", super::reason(&reason, Kolkata));
        assert_eq!(statements.matches(&sentence).count(), 2, "{sentence}");
    }
}
