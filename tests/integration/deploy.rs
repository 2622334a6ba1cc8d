//! What is deployed fits the program: its arguments, keys, times, metrics and pages of the runbook.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Parser;
use mandated::cli::Cli;
use mandated::config::Config;
use mandated::engine::metrics::Metrics;
use regex::Regex;
use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::support::world::{Flow, Payer, World};

fn read(path: &str) -> String {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&whole).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML file.
fn documents(path: &str) -> Vec<Value> {
    let text = read(path);
    serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| {
            Value::deserialize(document).unwrap_or_else(|error| panic!("{path}: {error}"))
        })
        .collect()
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value:?}"))
}

fn words(value: &Value) -> Vec<String> {
    match value.as_sequence() {
        Some(list) => list.iter().map(|word| text(word).to_owned()).collect(),
        None => text(value).split_whitespace().map(str::to_owned).collect(),
    }
}

/// The command line is one of the program.
fn parses(arguments: &[String]) {
    let mut all = vec!["mandated".to_owned()];
    all.extend(arguments.iter().filter(|word| *word != "mandated").cloned());
    Cli::try_parse_from(&all).unwrap_or_else(|error| panic!("{all:?}: {error}"));
}

/// A configuration that is complete but for its secrets' files is right, and its drain timeout is this.
fn drains_in(toml: &str, environment: &[(String, String)]) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let secret = |name: &str| {
        let path = folder.path().join(name);
        let url = "postgres://mandated_app@db/merchant";
        fs::write(&path, if name.contains("url") { url } else { "secret" }).unwrap();
        path.display().to_string()
    };
    // The files are there only where it is deployed.
    let files = Regex::new(r"/run/secrets/[a-z./_]*?([a-z_]+)(\x22|$)").unwrap();
    let local = |text: &str| {
        files
            .replace_all(text, |found: &regex::Captures<'_>| {
                format!("{}{}", secret(&found[1]), &found[2])
            })
            .into_owned()
    };
    fs::create_dir(folder.path().join("credentials")).unwrap();
    for name in ["database_url", "juspay_api_key", "signzy_api_key"] {
        fs::rename(secret(name), folder.path().join("credentials").join(name)).unwrap();
    }
    let file: PathBuf = folder.path().join("mandated.toml");
    fs::write(&file, local(toml)).unwrap();
    let environment = environment
        .iter()
        .map(|(key, value)| (key.clone(), local(value)));
    let config = Config::load_with(Some(&file), environment);
    config
        .unwrap_or_else(|errors| panic!("{toml}\n{errors}"))
        .worker
        .drain_timeout
}

#[test]
fn the_kubernetes_manifests_fit_the_program() {
    let mut toml = String::new();
    let mut secrets = BTreeSet::new();
    let mut wanted = BTreeSet::new();
    for path in ["secret.example", "mandated", "migrate"] {
        for document in documents(&format!("deploy/kubernetes/{path}.yaml")) {
            match text(&document["kind"]) {
                "Secret" => {
                    let data = document["stringData"].as_mapping().unwrap();
                    secrets.extend(data.keys().map(|key| text(key).to_owned()));
                }
                "ConfigMap" => text(&document["data"]["mandated.toml"]).clone_into(&mut toml),
                "PodDisruptionBudget" => assert_eq!(document["spec"]["minAvailable"], 1),
                kind => pod(kind, &document["spec"], &toml, &mut wanted),
            }
        }
    }
    assert!(wanted.is_subset(&secrets), "{wanted:?} of {secrets:?}");
}

fn pod(kind: &str, spec: &Value, toml: &str, secrets: &mut BTreeSet<String>) {
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{kind}");
    let container = &pod["containers"][0];
    let confined = &container["securityContext"];
    assert_eq!(confined["allowPrivilegeEscalation"], false, "{kind}");
    assert_eq!(confined["readOnlyRootFilesystem"], true, "{kind}");
    parses(&words(&container["args"]));
    for volume in pod["volumes"].as_sequence().unwrap() {
        if let Some(items) = volume["secret"]["items"].as_sequence() {
            secrets.extend(items.iter().map(|item| text(&item["key"]).to_owned()));
        }
    }
    let variables = container["env"].as_sequence().unwrap().iter();
    let variables: Vec<(String, String)> = variables
        .map(|variable| {
            let value = variable["value"].as_str().unwrap_or("a-pod");
            (text(&variable["name"]).to_owned(), value.to_owned())
        })
        .collect();
    if kind == "Job" {
        drains_in("", &variables);
        return;
    }
    assert_eq!(kind, "Deployment");
    parses(&words(&container["readinessProbe"]["exec"]["command"]));
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(
        Duration::from_secs(grace) > drains_in(toml, &variables),
        "{grace} s"
    );
    assert!(spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]);
}

#[test]
fn the_compose_file_fits_the_program() {
    let compose = documents("deploy/compose.yaml").remove(0);
    let services = compose["services"].as_mapping().unwrap();
    let mut ours = 0;
    for (name, service) in services {
        match text(&service["image"]) {
            "mandated:dev" => parses(&words(&service["command"])),
            "mandated-lab:dev" => {
                assert_eq!(service["build"]["target"], "lab");
                assert_eq!(service["build"]["args"]["PACKAGE"], "mandated-lab");
                let mut all = vec!["mandated-lab".to_owned()];
                all.extend(words(&service["command"]));
                lab::cli::Cli::try_parse_from(&all)
                    .unwrap_or_else(|error| panic!("{all:?}: {error}"));
            }
            _ => continue,
        }
        ours += 1;
        if let Some(environment) = service["environment"].as_mapping() {
            let environment: Vec<_> = environment
                .iter()
                .map(|(key, value)| (text(key).to_owned(), text(value).to_owned()))
                .collect();
            let drains = drains_in("", &environment);
            if text(name) == "mandated" {
                let grace = text(&service["stop_grace_period"]);
                assert!(
                    humantime::parse_duration(grace).unwrap() > drains,
                    "{grace}"
                );
            }
        }
    }
    assert_eq!(ours, 3, "sandbox, migrate and the daemon");
}

#[test]
fn the_image_runs_the_program_without_a_shell_and_without_root() {
    let file = read("deploy/Dockerfile");
    let (_, file) = file.rsplit_once("\nFROM ").unwrap();
    let copied = file.lines().filter(|line| line.starts_with("COPY "));
    assert_eq!(
        copied.collect::<Vec<_>>(),
        ["COPY --from=build /out/mandated /usr/local/bin/mandated"],
        "the lab stays out"
    );
    let list = |name: &str| -> Vec<String> {
        let line = file
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} [")));
        let list = line.unwrap_or_else(|| panic!("no {name} as a list"));
        list.trim_end_matches(']')
            .split(", ")
            .map(|word| word.trim_matches('"').to_owned())
            .collect()
    };
    assert_eq!(list("ENTRYPOINT"), ["mandated"]);
    parses(&list("CMD"));
    let health = file
        .lines()
        .find(|line| line.starts_with("HEALTHCHECK"))
        .unwrap();
    assert!(
        health.ends_with(r#"CMD ["mandated", "healthcheck"]"#),
        "{health}"
    );
    let user = file
        .lines()
        .find_map(|line| line.strip_prefix("USER "))
        .unwrap();
    assert!(!user.starts_with('0') && user != "root", "{user}");
}

#[test]
fn the_unit_fits_the_program_and_exposes_little() {
    let unit = read("deploy/systemd/mandated.service");
    let value = |key: &str| {
        let line = unit
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key}=")));
        line.unwrap_or_else(|| panic!("no {key}")).to_owned()
    };
    let start: Vec<String> = value("ExecStart")
        .split(' ')
        .skip(1)
        .map(str::to_owned)
        .collect();
    parses(&start);
    let example = read("config/production.example.toml");
    let seconds = |key: &str| Duration::from_secs(value(key).parse().unwrap());
    assert!(seconds("TimeoutStopSec") > drains_in(&example, &[]));
    assert!(
        seconds("WatchdogSec") > Duration::from_secs(30),
        "three heartbeats"
    );
    for line in unit
        .lines()
        .filter_map(|line| line.strip_prefix("LoadCredential="))
    {
        let name = line.split(':').next().unwrap();
        let path = format!("_file = \"{name}\"");
        assert!(
            example.contains(&path),
            "{path} is in production.example.toml"
        );
    }
    let asked = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd/mandated.service"))
        .output();
    // Where there is no systemd its opinion cannot be asked; everything above holds there too.
    if let Ok(said) = asked {
        let words = String::from_utf8_lossy(&said.stdout);
        assert!(said.status.success(), "{words}");
    }
}

/// The alerts of a file: name, expression, and where the runbook is.
fn alerts(path: &str) -> Vec<(String, String, String)> {
    let document = documents(path).remove(0);
    let rules = document["groups"][0]["rules"]
        .as_sequence()
        .unwrap()
        .clone();
    rules
        .iter()
        .map(|rule| {
            assert!(["page", "ticket"].contains(&text(&rule["labels"]["severity"])));
            let runbook = text(&rule["annotations"]["runbook"]);
            (
                text(&rule["alert"]).to_owned(),
                text(&rule["expr"]).to_owned(),
                runbook.to_owned(),
            )
        })
        .collect()
}

#[tokio::test]
async fn every_alert_is_about_something_that_is_said_and_has_its_page() {
    let world = World::open(&[Payer::new("one", Flow::Enach)]).await;
    let metrics = Metrics::default();
    let log = crate::support::log::Log::capture();
    let mut heartbeat = world.engine.heartbeat();
    metrics.record(&heartbeat.tick(0).await.unwrap());
    metrics.record_backlog(0);
    let (rendered, line) = (metrics.render(), log.lines().remove(0));
    let name = Regex::new(r"\bmandated_[a-z_]+").unwrap();
    for (alert, expression, _) in alerts("deploy/alerts/prometheus.yaml") {
        let names: BTreeSet<&str> = name
            .find_iter(&expression)
            .map(|name| name.as_str())
            .collect();
        assert!(!names.is_empty(), "{alert}");
        for name in names {
            assert!(
                rendered.contains(&format!("# TYPE {name} ")),
                "{alert}: {name}"
            );
        }
    }
    let field = Regex::new(r"unwrap ([a-z_]+)").unwrap();
    for (alert, expression, _) in alerts("deploy/alerts/loki.yaml") {
        for found in field.captures_iter(&expression) {
            assert!(line.get(&found[1]).is_some(), "{alert}: {}", &found[1]);
        }
    }
    let runbook = read("deploy/README.md");
    let pages: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("### … "))
        .map(|title| format!("deploy/README.md#-{}", title.replace(' ', "-")))
        .collect();
    for path in ["prometheus", "loki"] {
        for (alert, _, page) in alerts(&format!("deploy/alerts/{path}.yaml")) {
            assert!(pages.contains(&page), "{alert}: {page}");
        }
    }
}
