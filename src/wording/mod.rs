//! Every decision's reason in a sentence: what the database keeps and the log and the commands show.

mod cause;
mod plan;
#[cfg(test)]
mod tests;

pub use plan::{closed, planned, short_room, times};

use std::time::Duration;

use chrono_tz::Tz;

use crate::domain::Timestamp;
use crate::domain::machine::decide::operator::Declined;
use crate::domain::reason::{FailureWords, Reason, Then, TimeChoice};

/// Why something was decided. The zone is the one in which the rail's hours are counted.
pub fn reason(reason: &Reason, zone: Tz) -> String {
    let mut sentence = cause::cause(&reason.cause, zone);
    if let Some(then) = reason.then {
        sentence.push_str(&self::then(then, zone));
    }
    sentence
}

/// What a paused or revoked mandate does not stop: the provider has it already.
pub fn still_debited(done: &str, at: Timestamp, zone: Tz) -> String {
    format!(
        "the mandate is {done}, and the provider has this debit already: it will still be debited, at {}, and is watched",
        local(at, zone)
    )
}

/// Why an order that the provider had already is not debited.
pub fn taken_back(done: &str, at: Timestamp, zone: Tz) -> String {
    format!(
        "the mandate is {done}, and the provider has taken back the debit of {}; it is looked up then",
        local(at, zone)
    )
}

/// Why a person's request is not granted.
pub fn declined(declined: &Declined) -> String {
    if let Declined::Closed { why, zone } = declined {
        return format!("{declined}: {}", closed(why, *zone));
    }
    declined.to_string()
}

fn then(then: Then, zone: Tz) -> String {
    match then {
        Then::AskPerson { since } => format!(
            "; open since {}, a person must ask the provider",
            local(since, zone)
        ),
        Then::AskDaily { since } => format!(
            "; open since {}, asked again every day until it is proven or a person resolves it",
            local(since, zone)
        ),
        Then::SameCall => "; the same call goes out again".to_owned(),
        Then::AskTomorrow => {
            "; the provider has taken no call of this account yet, so it is asked again on another day".to_owned()
        }
        Then::TryAgain(choice) => format!("; again {}", time_choice(choice)),
        Then::TryAgainNotified(choice) => {
            format!("; again {}, with a new notification", time_choice(choice))
        }
        Then::ProviderMayRetry { until } => format!(
            "; the provider may retry it by itself until {}",
            local(until, zone)
        ),
        Then::ProviderMayStillRetry => {
            "; the provider may still retry its order by itself".to_owned()
        }
        Then::NewOrder(choice) => format!(
            "; the order is dead, a new one follows {}",
            time_choice(choice)
        ),
        Then::NothingMore => "; nothing more is tried".to_owned(),
        Then::WaitForResume => "; waits for it to be resumed".to_owned(),
        Then::CycleOver => "; its cycle is over".to_owned(),
        Then::CycleEnds {
            at,
            provider_may_retry,
        } => {
            let ends = format!(", and the cycle ends at {}", local(at, zone));
            if provider_may_retry {
                ends + &self::then(Then::ProviderMayStillRetry, zone)
            } else {
                ends
            }
        }
        Then::NoDateLeft => ", and none is left before the cycle closes".to_owned(),
        Then::NotificationsSpent(allowed) => {
            format!("; its notifications are used up ({allowed})")
        }
    }
}

const fn time_choice(choice: TimeChoice) -> &'static str {
    match choice {
        TimeChoice::Soonest => "as soon as it can",
        TimeChoice::AfterBackoff => "after a backoff",
        TimeChoice::NextDayPart => "in the next part of the day",
        TimeChoice::AnotherDayPart => "in another part of the day",
        TimeChoice::AfterReset => "on a later day, when limits start again",
        TimeChoice::Payday => "on the next payday",
        TimeChoice::NextSalary => "when the next salary begins",
        TimeChoice::Latest => "as late as the notification or cycle lets",
    }
}

/// The class and what the provider said.
fn failure(words: &FailureWords) -> String {
    let class = words.class;
    match (&words.code, &words.message) {
        (Some(code), Some(message)) => format!("{class}: {message} ({code})"),
        (Some(text), None) | (None, Some(text)) => format!("{class}: {text}"),
        (None, None) => class.to_string(),
    }
}

/// An instant for people, where the rail's hours are counted.
fn local(at: Timestamp, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    local.format("%Y-%m-%d %H:%M %Z").to_string()
}

/// "25h", as the law and the configuration say it, and not "1day 1h".
fn in_hours(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds.checked_div(3600), seconds % 3600) {
        (Some(hours), 0) => format!("{hours}h"),
        (_, _) => humantime::format_duration(duration).to_string(),
    }
}
