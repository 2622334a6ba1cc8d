//! What a configuration says when it is wrong, which layer wins, and that no secret gets out.

mod checks;
mod merchants;
mod wrong;

use std::path::PathBuf;
use std::time::Duration;

use mandated::config::{Config, ConfigErrors};
use mandated::domain::policy::Strategy;
use mandated::domain::{Class, ProviderKind, Rail};
use secrecy::ExposeSecret;

/// An empty environment.
const NOTHING: [(&str, &str); 0] = [];

const SECRET_URL: &str = "postgres://mandated:pa55word@db.internal/merchant";
const SECRET_KEY: &str = "k3y-of-the-merchant";
const SECRET_TOKEN: &str = "t0ken";

/// A configuration that is right.
const GOOD: &str = r#"
[database]
url = "postgres://mandated:pa55word@db.internal/merchant"
[accounts.juspay_main]
provider = "juspay"
base_url = "https://api.juspay.in"
merchant_id = "acme"
api_key = "k3y-of-the-merchant"
[listen]
token = "t0ken"
"#;

/// A file in a directory of its own.
struct File {
    directory: tempfile::TempDir,
    path: PathBuf,
}

fn file(text: &str) -> File {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mandated.toml");
    std::fs::write(&path, text).unwrap();
    File { directory, path }
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::load_with(Some(&file(text).path), environment.iter().copied())
}

fn good(environment: &[(&str, &str)]) -> Config {
    load(GOOD, environment).unwrap()
}

/// The message, with the directory of the test left out.
fn message(text: &str, environment: &[(&str, &str)]) -> String {
    let file = file(text);
    let errors = Config::load_with(Some(&file.path), environment.iter().copied())
        .expect_err("it was accepted");
    shorten(&errors.to_string(), &file)
}

fn shorten(text: &str, file: &File) -> String {
    text.replace(&format!("{}/", file.directory.path().display()), "")
}

/// A good configuration with one more section or key at its end.
fn with(more: &str) -> String {
    format!("{GOOD}\n{more}")
}

#[test]
fn the_defaults_need_a_database_and_nothing_else() {
    let environment = [("MANDATED__DATABASE__URL", SECRET_URL)];
    let config = Config::load_with(None, environment).unwrap();
    assert_eq!(config.worker.lease, Duration::from_secs(150));
    assert!(config.accounts.is_empty());
    insta::assert_snapshot!(Config::load_with(None, NOTHING).unwrap_err(), @"neither database.url nor database.url_file is set");
}

#[test]
fn the_production_example_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let text = include_str!("../../config/production.example.toml");
    for (name, secret) in [
        ("database_url", SECRET_URL),
        ("juspay_api_key", SECRET_KEY),
        ("signzy_api_key", "s"),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, format!("{secret}\n")).unwrap();
    }
    let handed_over = directory.path().to_str().unwrap();
    let config = load(text, &[("CREDENTIALS_DIRECTORY", handed_over)]).unwrap();
    assert_eq!(
        config.accounts.keys().collect::<Vec<_>>(),
        ["juspay_main", "signzy_main"]
    );
    assert_eq!(
        config.accounts["signzy_main"].provider,
        ProviderKind::Signzy
    );
}

#[test]
fn every_variable_wins_over_the_file_and_the_file_over_the_defaults() {
    let text = with("[worker]\nbatch = 10\nconcurrency = 20");
    let config = load(
        &text,
        &[
            ("MANDATED__WORKER__BATCH", "30"),
            ("MANDATED__ACCOUNTS__JUSPAY_MAIN__TPS", "7"),
        ],
    )
    .unwrap();
    assert_eq!(
        (
            config.worker.batch,
            config.worker.concurrency,
            config.worker.settle_batch
        ),
        (30, 20, 500)
    );
    assert_eq!(
        (
            config.accounts["juspay_main"].tps,
            config.accounts["juspay_main"].max_in_flight
        ),
        (7, 64)
    );
}

#[test]
fn a_variable_can_name_the_file_and_the_command_line_wins() {
    let (first, second) = (
        file(&with("[worker]\nbatch = 1")),
        file(&with("[worker]\nbatch = 2")),
    );
    let environment = [("MANDATED_CONFIG", first.path.to_str().unwrap())];
    assert_eq!(
        Config::load_with(None, environment).unwrap().worker.batch,
        1
    );
    assert_eq!(
        Config::load_with(Some(&second.path), environment)
            .unwrap()
            .worker
            .batch,
        2
    );
}

#[test]
fn lists_and_words_can_come_from_variables() {
    let config = good(&[
        ("MANDATED__RAILS__UPI__LOOKUP_AFTER", "2m, 20m"),
        ("MANDATED__RAILS__CARD__WINDOWS", "09:00-17:00"),
        ("MANDATED__RAILS__ENACH__WINDOWS", "[]"),
        ("MANDATED__RETRY__UPI__FUNDS__DAYS", "1,15"),
        ("MANDATED__RETRY__UPI__FUNDS__LAST_WORKING_DAY", "false"),
        ("MANDATED__LISTEN__TOKEN", ""),
    ]);
    assert_eq!(
        config.rails.upi.lookup_after,
        [Duration::from_mins(2), Duration::from_mins(20)]
    );
    let windows = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(
        serde_json::to_value(&config.rails.card.windows).unwrap(),
        windows(r#"{"time_zone":"Asia/Kolkata","ranges":["09:00-17:00"]}"#)
    );
    assert_eq!(
        serde_json::to_value(&config.rails.enach.windows).unwrap(),
        windows(r#"{"time_zone":"Asia/Kolkata","ranges":[]}"#)
    );
    let Strategy::Payday {
        days,
        last_working_day,
        ..
    } = &config.retry[&Rail::Upi][&Class::Funds]
    else {
        panic!("{:?}", config.retry);
    };
    assert_eq!((days.as_slice(), *last_working_day), (&[1, 15][..], false));
    assert!(
        config.listen.token.is_some(),
        "an empty variable counts as not set"
    );
}

#[test]
fn a_strategy_is_replaced_as_a_whole_and_a_key_alone() {
    let config = load(
        &with("[retry.upi]\nfunds = { strategy = \"none\" }\ntransient = { max = \"3h\" }"),
        &[],
    )
    .unwrap();
    let upi = &config.retry[&Rail::Upi];
    assert_eq!(upi[&Class::Funds], Strategy::None);
    let (initial, max) = (hours(1), hours(3));
    assert_eq!(upi[&Class::Transient], Strategy::Backoff { initial, max });
    let by_variable = good(&[
        ("MANDATED__RETRY__CARD__LIMIT__STRATEGY", "none"),
        ("MANDATED__RETRY__CARD__RISK__STRATEGY", "none"),
    ]);
    assert_eq!(
        by_variable.retry[&Rail::Card][&Class::Limit],
        Strategy::None
    );
    assert_eq!(by_variable.retry[&Rail::Card][&Class::Risk], Strategy::None);
}

#[test]
fn the_policy_is_the_rails_unless_the_provider_is_stricter() {
    let config = good(&[]);
    let upi = config.policy(ProviderKind::Juspay, Rail::Upi);
    assert_eq!(
        (upi.max_attempts, upi.min_gap, upi.provider_retry_horizon),
        (4, hours(1), hours(10))
    );
    let enach = config.policy(ProviderKind::Signzy, Rail::Enach);
    assert_eq!(
        (
            enach.max_attempts,
            enach.min_gap,
            enach.provider_retry_horizon
        ),
        (3, hours(72), hours(0)),
        "Signzy alone would have four, a day apart"
    );
    assert_eq!(
        config
            .policy(ProviderKind::Juspay, Rail::Enach)
            .max_attempts,
        3
    );
}

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

/// A change of a default is a change of behaviour: it must be seen in review.
#[test]
fn the_default_policies() {
    let config = good(&[]);
    for (provider, rail) in [
        (ProviderKind::Juspay, Rail::Upi),
        (ProviderKind::Juspay, Rail::Card),
        (ProviderKind::Juspay, Rail::Enach),
        (ProviderKind::Signzy, Rail::Enach),
    ] {
        insta::assert_json_snapshot!(
            format!("policy_{provider}_{rail}"),
            config.policy(provider, rail)
        );
    }
}

#[test]
fn a_secret_comes_from_a_file_without_its_newline() {
    let key = file("s3cret\n");
    let environment = [(
        "MANDATED__ACCOUNTS__SECOND__API_KEY_FILE",
        key.path.to_str().unwrap(),
    )];
    let second = "[accounts.second]\nprovider = \"signzy\"\nbase_url = \"https://api.signzy.app\"";
    let config = load(&with(second), &environment).unwrap();
    assert_eq!(config.accounts["second"].api_key.expose_secret(), "s3cret");
}

#[test]
fn a_variable_wins_over_the_file_in_either_spelling_of_a_secret() {
    let of_file = file("postgres://of-the-file/merchant");
    let url = |text: &str, environment: &[(&str, &str)]| {
        let config = load(text, environment).unwrap();
        config.database.url.expose_secret().to_owned()
    };
    let path = of_file.path.to_str().unwrap();
    let variable = [("MANDATED__DATABASE__URL", "postgres://variable/merchant")];
    let text = with("").replace("\nurl = ", &format!("\nurl_file = \"{path}\" # "));
    assert_eq!(url(&text, &[]), "postgres://of-the-file/merchant");
    assert_eq!(url(&text, &variable), "postgres://variable/merchant");
    let variable = [("MANDATED__DATABASE__URL_FILE", path)];
    assert_eq!(url(&with(""), &variable), "postgres://of-the-file/merchant");
}

#[test]
fn a_secrets_name_alone_is_looked_for_among_the_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let beside = folder.path().join("credentials");
    std::fs::create_dir(&beside).unwrap();
    std::fs::write(beside.join("database_url"), "postgres://beside/merchant").unwrap();
    let handed_over = tempfile::tempdir().unwrap();
    let copy = handed_over.path().join("database_url");
    std::fs::write(copy, "postgres://handed-over/merchant").unwrap();
    let path = folder.path().join("mandated.toml");
    let text = with("").replace("\nurl = ", "\nurl_file = \"database_url\" # ");
    std::fs::write(&path, text).unwrap();
    let url = |environment: &[(&str, &str)]| {
        let config = Config::load_with(Some(&path), environment.iter().copied()).unwrap();
        config.database.url.expose_secret().to_owned()
    };
    assert_eq!(url(&[]), "postgres://beside/merchant");
    let systemd = handed_over.path().to_str().unwrap();
    let systemd = [("CREDENTIALS_DIRECTORY", systemd)];
    assert_eq!(url(&systemd), "postgres://handed-over/merchant");
}

#[test]
fn a_secret_given_twice_or_in_a_bad_file_is_refused() {
    let empty = file("\n");
    let path = empty.path.to_str().unwrap();
    let environment = [
        ("MANDATED__DATABASE__URL", "postgres://elsewhere/merchant"),
        ("MANDATED__DATABASE__URL_FILE", "no/such/file"),
        ("MANDATED__ACCOUNTS__SECOND__API_KEY_FILE", path),
        ("MANDATED__LISTEN__TOKEN_FILE", "no/such/token"),
    ];
    let second = "[accounts.second]\nprovider = \"signzy\"\nbase_url = \"https://api.signzy.app\"";
    let text = with(second).replace("token = \"t0ken\"", "");
    insta::assert_snapshot!(message(&text, &environment).replace(path, "EMPTY"), @r"
    3 things are wrong with the configuration
      MANDATED__ACCOUNTS__SECOND__API_KEY_FILE: accounts.second.api_key_file: EMPTY is empty
      MANDATED__DATABASE__URL_FILE: database.url_file and database.url (from MANDATED__DATABASE__URL) are both set: give one of them
      MANDATED__LISTEN__TOKEN_FILE: listen.token_file: no/such/token cannot be read: No such file or directory (os error 2)
    ");
}

#[test]
fn no_secret_is_shown_anywhere() {
    let config = good(&[("MANDATED__WORKER__BATCH", "9")]);
    let shown = [
        format!("{config}"),
        format!("{config:?}"),
        format!("{:?}", config.in_force().collect::<Vec<_>>()),
    ];
    for text in &shown {
        for secret in ["pa55word", "db.internal", SECRET_KEY, SECRET_TOKEN] {
            assert!(!text.contains(secret), "{secret} is shown: {text}");
        }
    }
    // Every secret into every kind of mistake.
    let mistakes = [
        GOOD.replace("provider = \"juspay\"", "provider = \"x\""),
        GOOD.replace(
            "base_url = \"https://api.juspay.in\"",
            "base_url = \"https://k3y-of-the-merchant@api.juspay.in\"",
        ),
        GOOD.replace(
            "base_url = \"https://api.juspay.in\"",
            "base_url = \"k3y-of-the-merchant\"",
        ),
        GOOD.replace("url = \"postgres:", "url = \"mysql:"),
        GOOD.replace(
            "url = \"postgres://mandated:pa55word@db.internal/merchant\"",
            "url = [\"pa55word\"]",
        ),
        GOOD.replace("merchant_id = \"acme\"", ""),
        with("api_key = \"k3y-of-the-merchant\""),
    ];
    for text in mistakes {
        let errors = load(&text, &[]).unwrap_err();
        for shown in [errors.to_string(), format!("{errors:?}")] {
            for secret in ["pa55word", SECRET_KEY, SECRET_TOKEN] {
                assert!(!shown.contains(secret), "{secret} is shown: {shown}");
            }
        }
    }
}

#[test]
fn what_is_in_force_is_shown_with_its_source() {
    let file = file(&with("[worker]\nbatch = 10"));
    let config = Config::load_with(
        Some(&file.path),
        [("MANDATED__RAILS__UPI__MAX_ATTEMPTS", "3")],
    )
    .unwrap();
    let shown = shorten(&config.to_string(), &file);
    insta::assert_snapshot!("in_force", shown);
    // It is a configuration file itself, but for the secrets and what names them.
    assert!(shown.parse::<toml::Table>().is_ok());
}

#[test]
fn of_several_servers_it_says_how_many_and_not_which() {
    let of = |hosts: &str| {
        let url = format!("postgres://us,er:pa55,word@{hosts}/merchant?sslmode=require");
        good(&[("MANDATED__DATABASE__URL", &url)]).to_string()
    };
    let (one, three) = (of("db.internal"), of("h1:5432,h2,[fd00::1]:5433"));
    assert!(one.contains("\nurl = \"[set]\""), "{one}");
    assert!(three.contains("\nurl = \"[set, 3 servers]\""), "{three}");
    assert!(!three.contains("pa55") && !three.contains("h2"), "{three}");
}
