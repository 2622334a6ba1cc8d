//! The real programs: daemons and the sandbox as processes, and what the kernel says of processes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use mandated::store::pool::DatabasePool;
use rustix::process::{Pid, Signal, kill_process};

use crate::machine::line_of;
use crate::world::World;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mandated");
/// The kernel counts processor time in hundredths of a second.
const TICK_US: f64 = 10_000.0;

/// A running program. It ends with us.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .context("start a program")?;
        Ok(Self { child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Has it end in its own way.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("find the process")?, Signal::TERM)?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "a program ended with {status}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `mandated-lab sandbox`, in which everybody pays at once.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) process: Process,
    pub(crate) url: String,
}

/// The first argument with which this program is the lab's: cargo builds no other package's program for a bench.
pub(crate) const SANDBOX: &str = "sandbox";
pub(crate) const MERCHANT: &str = "sandbox";
pub(crate) const API_KEY: &str = "sandbox-juspay-key";

impl Sandbox {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("find this program")?);
        command
            .args([SANDBOX, "--listen", "127.0.0.1:0", "--profile", "pays"])
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let out = process.child.stdout.take().context("read its output")?;
        let mut url = None;
        for line in BufReader::new(out).lines() {
            let line = line?;
            url = url.or_else(|| Some(line.strip_prefix("Juspay: ")?.to_owned()));
            // The last it says: from then on nobody need listen.
            if line.starts_with("GET /sandbox/ledger") {
                break;
            }
        }
        let url = url.context("the sandbox did not start")?;
        Ok(Self { process, url })
    }
}

/// `mandated run` on a world, with the default settings but for the limits of the account.
pub(crate) fn daemon(
    world: &World,
    sandbox: &Sandbox,
    name: &str,
    in_flight: usize,
) -> anyhow::Result<Process> {
    let mut command = Command::new(PROGRAM);
    command.arg("run").env_clear();
    for (key, value) in [
        ("DATABASE__URL", world.url.as_str()),
        ("WORKER__ID", name),
        ("LISTEN__ADDRESS", "127.0.0.1:0"),
        ("ACCOUNTS__JUSPAY_MAIN__PROVIDER", "juspay"),
        ("ACCOUNTS__JUSPAY_MAIN__BASE_URL", sandbox.url.as_str()),
        ("ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", MERCHANT),
        ("ACCOUNTS__JUSPAY_MAIN__API_KEY", API_KEY),
        ("ACCOUNTS__JUSPAY_MAIN__TPS", "1000000"),
    ] {
        command.env(format!("MANDATED__{key}"), value);
    }
    command
        .env(
            "MANDATED__ACCOUNTS__JUSPAY_MAIN__MAX_IN_FLIGHT",
            in_flight.to_string(),
        )
        .stdout(Stdio::null());
    Process::start(&mut command)
}

/// `mandated` with a file of mandates to import.
pub(crate) fn importer(world: &World, file: &str) -> anyhow::Result<Process> {
    let mut command = Command::new(PROGRAM);
    command
        .args(["mandates", "import", file])
        .env_clear()
        .stdout(Stdio::null());
    for (key, value) in [
        ("DATABASE__URL", world.url.as_str()),
        ("ACCOUNTS__JUSPAY_MAIN__PROVIDER", "juspay"),
        ("ACCOUNTS__JUSPAY_MAIN__BASE_URL", "http://127.0.0.1:9/"),
        ("ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", MERCHANT),
        ("ACCOUNTS__JUSPAY_MAIN__API_KEY", API_KEY),
    ] {
        command.env(format!("MANDATED__{key}"), value);
    }
    Process::start(&mut command)
}

/// Waits for its end, and says how much memory it had at most.
pub(crate) async fn watch(mut process: Process) -> anyhow::Result<f64> {
    let mut most: f64 = 0.0;
    loop {
        // The last look-up fails: what has ended has no memory.
        most = most.max(memory_mb(process.id()).map_or(0.0, |(_, most)| most));
        if let Some(status) = process.child.try_wait()? {
            anyhow::ensure!(status.success(), "a program ended with {status}");
            return Ok(most);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Resident memory now, and at most so far.
pub(crate) fn memory_mb(id: u32) -> anyhow::Result<(f64, f64)> {
    let file = format!("/proc/{id}/status");
    let read = |word| -> anyhow::Result<f64> {
        let text = line_of(&file, word)?;
        let kb: f64 = text.trim_end_matches(" kB").trim().parse()?;
        Ok(kb / 1024.0)
    };
    Ok((read("VmRSS:")?, read("VmHWM:")?))
}

/// The numbers of a process in `/proc/PID/stat`: its parent, and its processor time in microseconds, that of its dead children apart.
fn numbers(id: u32) -> anyhow::Result<(u32, f64, f64)> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name may hold anything, and ends with the last bracket.
    let (_, rest) = text.rsplit_once(") ").context("read /proc/PID/stat")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let field = |nth: usize| -> anyhow::Result<f64> {
        let text = fields.get(nth).context("read /proc/PID/stat")?;
        Ok(text.parse()?)
    };
    let parent = fields.get(1).context("read /proc/PID/stat")?.parse()?;
    let own = (field(11)? + field(12)?) * TICK_US;
    let dead = (field(13)? + field(14)?) * TICK_US;
    Ok((parent, own, dead))
}

/// Processor time of a process in microseconds.
pub(crate) fn cpu_us(id: u32) -> anyhow::Result<f64> {
    Ok(numbers(id)?.1)
}

/// Processor time of a server: of its postmaster, its processes, and those that have ended.
pub(crate) async fn postgres_cpu_us(pool: &DatabasePool) -> anyhow::Result<f64> {
    let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(pool)
        .await?;
    let postmaster = numbers(u32::try_from(backend)?)?.0;
    let (_, own, dead) = numbers(postmaster)?;
    let mut sum = own + dead;
    for entry in std::fs::read_dir("/proc")? {
        let id = entry?.file_name().to_string_lossy().parse();
        // What ends while we look is counted with the dead next time.
        if let Some(Ok((parent, own, _))) = id.ok().map(numbers)
            && parent == postmaster
        {
            sum += own;
        }
    }
    Ok(sum)
}
