//! Which rule matches an answer, and what would follow from it. Nothing is called and nothing is stored.

mod scenario;
mod verdict;

use super::OpsError;
use crate::config::Config;
use crate::domain::classify::{Classifier, Signals};
use crate::domain::machine::{Action, Answer, Input, Machine};
use crate::domain::mandate::check_flow;
use crate::domain::outcome::{Counter, Failure, NotificationOutcome};
use crate::domain::policy::Policy;
use crate::domain::{Amount, Notify, Outcome, ProviderKind, Rail, Step, Timestamp};
use crate::provider::{Answered, Read, Reading, read};
use crate::store;
use crate::store::pool::DatabasePool;

use scenario::ClassifyScenario;

pub use crate::store::unmapped::Unmapped;
pub use verdict::ClassifyVerdict;

/// What is asked about.
#[derive(Debug)]
pub struct Question<'a> {
    pub provider: ProviderKind,
    pub rail: Rail,
    /// For rules that ask for an account.
    pub account: &'a str,
    /// Which step was answered.
    pub step: Step,
    /// Which attempt of the order it is, counted from 1.
    pub attempt: u16,
    /// When it was answered.
    pub at: Timestamp,
    pub answer: ProviderAnswer<'a>,
}

/// What the provider said.
#[derive(Debug)]
pub enum ProviderAnswer<'a> {
    /// A whole answer, read as the clients read it.
    Answer {
        http_status: u16,
        headers: &'a [(String, String)],
        body: String,
    },
    /// Words of a failure: the most telling first, a code as `Z9` or with its field as `merchant_advice_code=02`.
    Words {
        http_status: u16,
        codes: &'a [String],
        messages: &'a [String],
    },
}

/// Why a question has no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    #[error("{0}")]
    Flow(&'static str),
    #[error("account {account} is one of {provider}, not of {asked}")]
    OtherProvider {
        account: String,
        provider: ProviderKind,
        asked: ProviderKind,
    },
    #[error(
        "there is no answer in it: give its body, or its --status if it had none, or words of it with --code and --message"
    )]
    Empty,
    #[error(
        "this is neither JSON nor a web page, so it is no answer of a provider: give the body as it came, or words of it with --code and --message"
    )]
    NoAnswer,
    #[error("the worker could not settle such an answer: please report this")]
    Nothing,
}

/// A configured account speaks to one provider.
pub fn check_account(
    config: &Config,
    account: &str,
    asked: ProviderKind,
) -> Result<(), QuestionError> {
    match config.accounts.get(account) {
        Some(configured) if configured.provider != asked => Err(QuestionError::OtherProvider {
            account: account.to_owned(),
            provider: configured.provider,
            asked,
        }),
        Some(_) | None => Ok(()),
    }
}

/// The unmapped answers since some time, at most `limit` kinds of them.
pub async fn unmapped(
    pool: &DatabasePool,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Unmapped>, OpsError> {
    Ok(store::unmapped::unmapped(pool, since, limit).await?)
}

/// A body that a provider, or something in front of it, can have sent: JSON, also broken or cut off, or a web page. An
/// answer can be empty too, if its HTTP status is given.
pub fn check_body(body: &str, status_is_given: bool) -> Result<(), QuestionError> {
    match body
        .trim_start()
        .trim_start_matches('\u{feff}')
        .chars()
        .next()
    {
        Some('{' | '[' | '<') => Ok(()),
        None if status_is_given => Ok(()),
        None => Err(QuestionError::Empty),
        Some(_) => Err(QuestionError::NoAnswer),
    }
}

/// Reads, classifies and decides, as a worker would.
pub fn classify(
    question: &Question<'_>,
    classifier: &Classifier,
    policy: &Policy,
) -> Result<ClassifyVerdict, QuestionError> {
    let notify = way_of_notifying(question)?;
    let answer = read_answer(question, classifier);
    let scenario = ClassifyScenario::new(question, notify, answer.collected(), policy);
    let (outcome, failure) = (answer.outcome(), answer.failure().cloned());
    let now = question.at;
    let mut machine = Machine::in_call(scenario.job(question.step), &scenario.policy, now);
    let Action::Settle(conclusion) = machine.next(answer.input(), now) else {
        return Err(QuestionError::Nothing);
    };
    Ok(ClassifyVerdict::new(
        outcome,
        failure.as_ref(),
        scenario.policy.debit_windows.time_zone(),
        &conclusion,
    ))
}

/// How such a debit is commonly notified.
fn way_of_notifying(question: &Question<'_>) -> Result<Notify, QuestionError> {
    let notifies = matches!(question.step, Step::Notify | Step::NotifyStatus);
    let notify = match (question.provider, question.rail) {
        _ if notifies => Notify::Separate,
        (ProviderKind::Juspay, Rail::Upi | Rail::Card) => Notify::Separate,
        (ProviderKind::Juspay, Rail::Enach) | (ProviderKind::Signzy, _) => Notify::None,
    };
    check_flow(question.provider, question.rail, notify, None).map_err(QuestionError::Flow)?;
    Ok(notify)
}

/// What was heard of a notification, or of a debit with what the provider counts.
#[derive(Debug)]
enum AnswerResult {
    Notification(NotificationOutcome),
    Debit(Outcome, Counter),
}

impl AnswerResult {
    /// The outcome in one word.
    fn outcome(&self) -> &'static str {
        match self {
            Self::Notification(outcome) => outcome.recorded().as_str(),
            Self::Debit(outcome, _) => outcome.recorded().as_str(),
        }
    }

    const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Notification(outcome) => outcome.failure(),
            Self::Debit(outcome, _) => outcome.failure(),
        }
    }

    /// What was collected, where the answer says so.
    const fn collected(&self) -> Option<Amount> {
        match self {
            Self::Debit(Outcome::Charged { amount, .. }, _) => *amount,
            Self::Notification(_) | Self::Debit(..) => None,
        }
    }

    fn input(self) -> Input {
        match self {
            Self::Notification(outcome) => Input::NotificationAnswered(outcome),
            Self::Debit(outcome, counter) => Input::Answered(Answer {
                counter,
                ..Answer::from(outcome)
            }),
        }
    }
}

fn read_answer(question: &Question<'_>, classifier: &Classifier) -> AnswerResult {
    match &question.answer {
        ProviderAnswer::Answer {
            http_status,
            headers,
            body,
        } => {
            let headers = headers.iter();
            let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
            let answered = Answered::noted(*http_status, headers, body.clone(), question.at);
            let reading = Reading {
                classifier,
                account: question.account,
                rail: question.rail,
            };
            match read(question.provider, question.step, reading, &answered) {
                Read::Notification(reply) => AnswerResult::Notification(reply.outcome),
                Read::Debit(reply) => AnswerResult::Debit(reply.outcome, reply.counter),
            }
        }
        ProviderAnswer::Words {
            http_status,
            codes,
            messages,
        } => {
            let failure = in_words(question, classifier, *http_status, codes, messages);
            match question.step {
                Step::Notify | Step::NotifyStatus => {
                    AnswerResult::Notification(NotificationOutcome::Failed(failure))
                }
                Step::Execute | Step::Lookup | Step::Retry | Step::Recheck => {
                    AnswerResult::Debit(Outcome::Failed(failure), Counter::default())
                }
            }
        }
    }
}

/// Words without an answer around them are those of a failure.
fn in_words(
    question: &Question<'_>,
    classifier: &Classifier,
    http_status: u16,
    codes: &[String],
    messages: &[String],
) -> Failure {
    let codes: Vec<(&str, &str)> = codes
        .iter()
        .map(|code| code.split_once('=').unwrap_or(("code", code)))
        .collect();
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    classifier.classify(&Signals {
        account: question.account,
        provider: question.provider,
        rail: question.rail,
        http_status,
        status: None,
        codes: &codes,
        messages: &messages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_have_been_an_answer_is_taken_for_one() {
        for body in [
            "{\"status\":\"CHARGED\"}",
            " \n{\"status\":\"CHARGED\",\"txn",
            "{\"error_message\":Invalid order amount\"}",
            "[]",
            "<html>502 Bad Gateway</html>",
            "\u{feff}{}",
        ] {
            assert_eq!(check_body(body, false), Ok(()), "{body}");
        }
        assert_eq!(check_body(" \n", true), Ok(()));
        assert_eq!(check_body(" \n", false), Err(QuestionError::Empty));
        for body in ["U30", "HTTP/1.1 200 OK", "rail = \"upi\""] {
            assert_eq!(
                check_body(body, true),
                Err(QuestionError::NoAnswer),
                "{body}"
            );
        }
    }
}
