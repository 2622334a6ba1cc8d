//! The program itself, as processes: what an operator starts, signals and reads.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};

use lab::sandbox::{Ledger, Script};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::TestDatabase;
use super::running::until;
use super::scenario::Scenario;

/// Simulated time starts here.
pub(crate) const START: &str = "2040-02-01T00:00:00+05:30";

impl Scenario {
    /// Its cycles are in simulated time: one, on 5 February 2040.
    pub(crate) fn in_2040(self) -> Self {
        self.from("2040-02-05").until("2040-03-04")
    }

    /// Their cycles are those that the merchant presents.
    pub(crate) fn presented(self) -> Self {
        self.every("aspresented").from("2026-01-01").until("")
    }
}

/// A running program. It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    folder: TempDir,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        let child = command
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out")).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("err")).unwrap()
    }

    /// Whether it stands still, by SIGSTOP.
    pub(crate) fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        stat.is_ok_and(|stat| {
            stat.rsplit(')')
                .next()
                .unwrap()
                .trim_start()
                .starts_with('T')
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the process ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What a test that failed waited for is told nowhere else.
            eprintln!("{}\n{}", self.err(), self.out());
        }
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A database, a sandbox as a process of its own, and what an operator has in his environment.
pub(crate) struct Installation {
    pub(crate) database: TestDatabase,
    environment: Vec<(String, String)>,
    sandbox: Option<Process>,
    sandbox_url: String,
    folder: TempDir,
}

impl Installation {
    /// With the sandbox of some payers. The database is empty.
    pub(crate) async fn open(scenario: &Scenario) -> Self {
        Self::open_on(TestDatabase::empty().await, scenario, "2040-02-01").await
    }

    /// The same on a database of the caller's. The sandbox knows the cycles that are not before `from`.
    pub(crate) async fn open_on(database: TestDatabase, scenario: &Scenario, from: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mandates = folder.path().join("mandates.csv");
        std::fs::write(&mandates, scenario.file()).unwrap();
        let sandbox = Process::start(sandbox(&mandates, from));
        until("the sandbox listens", async || {
            sandbox.out().contains("GET /sandbox/ledger")
        })
        .await;
        let out = sandbox.out();
        let line = out
            .lines()
            .find_map(|line| line.strip_prefix("Juspay: "))
            .unwrap();
        let url = line.trim_end_matches('/').to_owned();
        let mut installation = Self::on(database, &url);
        installation.folder = folder;
        installation.sandbox = Some(sandbox);
        installation.set("MANDATED__CLOCK__MODE", "simulated");
        installation.set("MANDATED__CLOCK__START", START);
        installation.script(&scenario.script).await;
        installation
    }

    /// With providers that somebody else serves, on the machine's clock.
    pub(crate) async fn at(url: &str) -> Self {
        Self::on(TestDatabase::empty().await, url)
    }

    fn on(database: TestDatabase, url: &str) -> Self {
        let mut installation = Self {
            environment: Vec::new(),
            sandbox: None,
            sandbox_url: url.to_owned(),
            folder: tempfile::tempdir().unwrap(),
            database,
        };
        for (key, value) in [
            ("DATABASE__URL", installation.database.url().as_str()),
            ("DATABASE__CONNECT_TIMEOUT", "1s"),
            ("LISTEN__ADDRESS", "127.0.0.1:0"),
            ("ACCOUNTS__JUSPAY_MAIN__PROVIDER", "juspay"),
            ("ACCOUNTS__JUSPAY_MAIN__BASE_URL", url),
            ("ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", "sandbox"),
            ("ACCOUNTS__JUSPAY_MAIN__API_KEY", "sandbox-juspay-key"),
            ("ACCOUNTS__SIGNZY_MAIN__PROVIDER", "signzy"),
            (
                "ACCOUNTS__SIGNZY_MAIN__BASE_URL",
                &format!("{url}/api/v3/eNach"),
            ),
            ("ACCOUNTS__SIGNZY_MAIN__API_KEY", "sandbox-signzy-key"),
            // Simulated months are not to be waited for.
            ("ACCOUNTS__JUSPAY_MAIN__TPS", "100000"),
            ("ACCOUNTS__SIGNZY_MAIN__TPS", "100000"),
            // Whatever the machine's clock shows.
            ("RAILS__ENACH__WINDOWS", "[]"),
        ] {
            installation.set(&format!("MANDATED__{key}"), value);
        }
        installation
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.environment.retain(|(other, _)| other != name);
    }

    pub(crate) fn get(&self, name: &str) -> String {
        let mut all = self.environment.iter();
        all.find(|(other, _)| other == name).unwrap().1.clone()
    }

    /// What an operator has in his environment.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        self.environment.iter().cloned().collect()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mandated(arguments);
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that works; what it prints.
    pub(crate) fn works(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {err}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// `migrate`, then `mandates import` of the payers' file.
    pub(crate) fn prepare(&self) {
        self.works(&["migrate"]);
        self.works(&["mandates", "import", &self.mandates()]);
    }

    /// Where the payers' file is.
    pub(crate) fn mandates(&self) -> String {
        self.folder
            .path()
            .join("mandates.csv")
            .display()
            .to_string()
    }

    pub(crate) fn run(&self) -> Process {
        Process::start(self.command(&["run"]))
    }

    /// Says what becomes of the next calls about mandates.
    pub(crate) async fn script(&self, steps: &[Script]) {
        drop(rustls::crypto::ring::default_provider().install_default());
        let lines = steps
            .iter()
            .map(|step| serde_json::to_string(step).unwrap() + "\n");
        let url = format!("{}/sandbox/script", self.sandbox_url);
        let sent = reqwest::Client::new()
            .post(url)
            .body(lines.collect::<String>());
        let answer = sent.send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }

    /// What the sandbox saw, up to the latest time that it heard of.
    pub(crate) async fn ledger(&self) -> Ledger {
        drop(rustls::crypto::ring::default_provider().install_default());
        let url = format!("{}/sandbox/ledger", self.sandbox_url);
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }
}

/// The program with an empty environment.
pub(crate) fn mandated(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mandated"));
    command.env_clear().args(arguments);
    command
}

/// Where the lab's program is: beside ours. Cargo builds it whenever it builds the tests of both crates.
pub(crate) fn lab_program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_mandated")).with_file_name("mandated-lab");
    assert!(
        program.is_file(),
        "there is no {}: run the tests without --package, or build it with `cargo build --package mandated-lab`",
        program.display()
    );
    program
}

fn sandbox(mandates: &Path, from: &str) -> Command {
    let mandates = mandates.display().to_string();
    let mut command = Command::new(lab_program());
    command.env_clear().args([
        "sandbox",
        "--listen",
        "127.0.0.1:0",
        "--profile",
        "pays",
        "--from",
        from,
        "--mandates",
        &mandates,
    ]);
    command
}
