//! What must hold of whatever bytes come in, for the fuzz targets and for the bounded run in `tests/conformance/fuzz`. Each function reads its
//! input with the product and again with a few lines of its own, and compares.

use std::sync::LazyLock;

use mandated::config::Config;
use mandated::domain::classify::Classifier;
use mandated::domain::outcome::NotificationOutcome;
use mandated::domain::{Outcome, ProviderKind, Rail, Step, Timestamp};
use mandated::ops::import::{self, Options};
use mandated::provider::{Answered, Read, Reading, juspay, read_about};
use mandated::store::import::Account;
use serde_json::{Map, Value};

/// The order, the notification and the eMandate that every answer is asked about.
pub(crate) const OURS: &str = "12345";

/// What a body may be at most (`provider::http`).
pub(crate) const LONGEST: usize = 1024 * 1024;

const URL: (&str, &str) = ("MANDATED__DATABASE__URL", "postgres://db.internal/merchant");

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(|| Classifier::builtin().unwrap());
static DEFAULTS: LazyLock<Config> = LazyLock::new(|| Config::load_with(None, [URL]).unwrap());

const STATUSES: [u16; 12] = [200, 200, 200, 201, 202, 302, 400, 401, 403, 404, 429, 500];

/// A provider's answer as a fuzzer makes it: the step, the HTTP status, the body.
pub(crate) fn answer(provider: ProviderKind, data: &[u8]) {
    let [step, status, body @ ..] = data else {
        return;
    };
    let body = &body[..body.len().min(LONGEST)];
    let step = Step::ALL[usize::from(*step) % Step::ALL.len()];
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    said(provider, step, status, &String::from_utf8_lossy(body));
}

/// Never a success that the bytes do not state, about what was asked.
pub(crate) fn said(provider: ProviderKind, step: Step, status: u16, body: &str) -> Read {
    let reading = Reading {
        classifier: &CLASSIFIER,
        account: "main",
        rail: Rail::Upi,
    };
    let answered = Answered {
        date: None,
        status,
        body: body.to_owned(),
        retry_after: None,
    };
    let read = read_about(provider, step, reading, Some(OURS), &answered);
    let is_fine = (200..300).contains(&status);
    match &read {
        Read::Debit(reply) => {
            if let Outcome::Charged { amount, .. } = &reply.outcome {
                let minor = amount.map(|amount| i128::from(amount.minor()));
                let stated = match provider {
                    ProviderKind::Juspay => juspay_charges(body),
                    ProviderKind::Signzy => signzy_charges(body),
                };
                assert!(is_fine && stated.contains(&minor), "{status} {body}");
            }
            bounded(reply.wire.message.as_deref(), reply.wire.body.as_deref());
        }
        Read::Notification(reply) => {
            if reply.outcome == NotificationOutcome::Delivered {
                let body = object(body).unwrap();
                assert!(is_fine && word(&body, "status") == Some("SUCCESS"));
                assert!(is_ours(&body, "object_reference_id"), "{body:?}");
            }
            bounded(reply.wire.message.as_deref(), reply.wire.body.as_deref());
        }
    }
    read
}

/// What is kept of an answer is short, however long it was.
fn bounded(message: Option<&str>, body: Option<&str>) {
    assert!(message.is_none_or(|text| text.len() < 4096), "{message:?}");
    assert!(body.is_none_or(|text| text.len() < 4096), "{body:?}");
}

/// The amounts that the body says were collected of our order: none, or one that may be left out.
fn juspay_charges(body: &str) -> Vec<Option<i128>> {
    object(body)
        .filter(|body| word(body, "status") == Some("CHARGED") && is_ours(body, "order_id"))
        .map(|body| paise(&body))
        .into_iter()
        .collect()
}

fn signzy_charges(body: &str) -> Vec<Option<i128>> {
    let Some(body) = object(body) else {
        return Vec::new();
    };
    let inner = body
        .get("result")
        .and_then(Value::as_object)
        .unwrap_or(&body);
    let one = inner.get("payment").into_iter();
    let many = inner.get("payments").and_then(Value::as_array);
    one.chain(many.into_iter().flatten())
        .filter_map(Value::as_object)
        .filter(|payment| word(payment, "status") == Some("SUCCESS"))
        .filter(|payment| is_ours(payment, "subReferenceId"))
        .map(paise)
        .collect()
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

fn word<'v>(map: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    map.get(key)?.as_str().map(str::trim)
}

/// Whether an id is ours, or not there.
fn is_ours(map: &Map<String, Value>, key: &str) -> bool {
    match map.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim() == OURS || text.is_empty(),
        Some(Value::Number(number)) => number.to_string() == OURS,
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => false,
    }
}

fn paise(map: &Map<String, Value>) -> Option<i128> {
    match map.get("amount")? {
        Value::Number(number) => minor(&number.to_string()),
        Value::String(text) => minor(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Hundredths, digit by digit.
fn minor(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{:0<2}", fraction.trim_end_matches('0'));
    let is_plain = digits.len() == whole.len() + 2 && !whole.is_empty();
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_plain && is_number).then(|| digits.parse().ok())?
}

/// Every row is a mandate with the amounts that stand in it, or is named with what is wrong.
pub(crate) fn imported(data: &[u8]) -> usize {
    let account = |id, name: &str, provider| Account {
        id,
        name: name.to_owned(),
        provider,
    };
    let accounts = vec![
        account(1, "main", ProviderKind::Juspay),
        account(2, "nach", ProviderKind::Signzy),
    ];
    let now: Timestamp = "2026-11-20T06:00:00Z".parse().unwrap();
    let options = Options {
        skip_invalid: false,
        now,
        horizon: std::time::Duration::from_hours(6),
        policy: &|provider, rail| DEFAULTS.policy(provider, rail),
        check_metadata: &|_, fields| juspay::check_metadata(fields),
    };
    let rows = match import::check(data, accounts, &options) {
        Ok(rows) => rows,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return 0;
        }
    };
    let text = String::from_utf8_lossy(data);
    let lines = u64::try_from(text.lines().count()).unwrap();
    let mut last = 0;
    let mut good = 0;
    for row in rows {
        let line = match row {
            Err(problems) => {
                let is_told = |length: usize| (1..4096).contains(&length);
                assert!(problems.iter().all(|problem| is_told(problem.reason.len())));
                problems.first().expect("a bad row says why").line
            }
            Ok(mandate) => {
                good += 1;
                let amounts = [mandate.amount_minor, Some(mandate.max_amount_minor)];
                for amount in amounts.into_iter().flatten() {
                    let written = written(amount, &mandate.currency);
                    // Escaped, a text stands there in other letters.
                    let is_there = written.iter().any(|written| text.contains(written));
                    assert!(
                        is_there || text.contains('\\'),
                        "{amount} is nowhere in {text:?}"
                    );
                }
                mandate.line
            }
        };
        assert!(last < line && line <= lines + 1, "line {line} of {lines}");
        last = line;
    }
    good
}

/// The ways in which an amount can stand in a file, but for zeros before it.
fn written(minor: i64, currency: &str) -> Vec<String> {
    let currency = mandated::domain::Currency::parse(currency).unwrap();
    let decimals = usize::try_from(currency.exponent()).unwrap();
    let digits = format!("{minor:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let short = fraction.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    match short {
        "" => vec![whole.to_owned()],
        short => vec![format!("{whole}.{short}")],
    }
}

/// An operator's rules are all in force, or the error names the file and a line of it.
pub(crate) fn failures(text: &str) -> bool {
    let builtin = CLASSIFIER.rules().count();
    match Classifier::with_operator_rules(Some(("own.toml", text))) {
        Ok(classifier) => {
            let file: toml::Table = text.parse().unwrap();
            let own = file.get("rule").and_then(toml::Value::as_array);
            let own = own.map_or(0, Vec::len);
            assert_eq!(classifier.rules().count(), builtin + own, "{text}");
            true
        }
        Err(error) => {
            let lines = text.lines().count() + 1;
            assert!(error.file == "own.toml" && !error.why.is_empty(), "{error}");
            assert!((1..=lines).contains(&error.line), "{error}\n{text}");
            false
        }
    }
}

/// Every key of a file that is accepted is in force as it was written; one that is refused is named.
pub(crate) fn configured(text: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mandated.toml");
    std::fs::write(&path, text).unwrap();
    let config = match Config::load_with(Some(&path), [URL]) {
        Ok(config) => config,
        Err(errors) => {
            let problems = errors.problems();
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.message.is_empty()));
            return false;
        }
    };
    let file: toml::Table = text.parse().unwrap();
    let mut leaves = Vec::new();
    leaves_of("", &toml::Value::Table(file), &mut leaves);
    let in_force: Vec<(String, &str, &str)> = config.in_force().collect();
    for (key, value) in leaves {
        let found = in_force
            .iter()
            .find(|(known, _, _)| *known == key || key.starts_with(&format!("{known}.")));
        let Some((_, said, _)) = found else {
            assert!(key.ends_with("_file"), "{key} is accepted and not used");
            continue;
        };
        if let toml::Value::Integer(_) | toml::Value::Boolean(_) = value {
            assert!(
                said.contains(&value.to_string()),
                "{key} = {value} is {said}"
            );
        }
    }
    true
}

fn leaves_of(prefix: &str, value: &toml::Value, leaves: &mut Vec<(String, toml::Value)>) {
    if let toml::Value::Table(table) = value {
        for (key, inner) in table {
            let key = format!("{prefix}{}{key}", if prefix.is_empty() { "" } else { "." });
            leaves_of(&key, inner, leaves);
        }
    } else {
        leaves.push((prefix.to_owned(), value.clone()));
    }
}
