//! What the chaos can be told on the command line.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(args_override_self = true)]
pub struct Chaos {
    /// The same seed gives the same weeks.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many mandates; most of them have a cycle every week.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    pub mandates: u32,
    /// How many days until the last cycle; then everything may come to its end in peace.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// How many daemons share the database.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub daemons: u8,
    /// How often a daemon is killed in the middle of work.
    #[arg(long, default_value_t = 30)]
    pub kills: u32,
    /// How often a daemon stands still until somebody else has its jobs, and wakes up.
    #[arg(long, default_value_t = 15)]
    pub freezes: u32,
    /// How often Postgres is killed and started again.
    #[arg(long, default_value_t = 5)]
    pub restarts: u32,
    /// How often the database is lost, and an older dump of it is restored and recovered.
    #[arg(long, default_value_t = 1)]
    pub restores: u32,
    /// How often a daemon is started on a copy of the database.
    #[arg(long, default_value_t = 1)]
    pub copies: u32,
    /// How often Postgres fails over to a replica that has not received its last commits.
    #[arg(long, default_value_t = 1)]
    pub lost_commits: u32,
    /// How often a connection to Postgres breaks in the middle of a statement, before or after its commit.
    #[arg(long, default_value_t = 30)]
    pub cuts: u32,
    /// How often a daemon's clock is put forward or back by up to four minutes.
    #[arg(long, default_value_t = 20)]
    pub clock_steps: u32,
    /// How often a provider takes longer for its answer than the daemon waits.
    #[arg(long, default_value_t = 4)]
    pub slow: u32,
    /// How often a person has an execution retried or skipped, and with every twentieth time a rail paused for some hours.
    #[arg(long, default_value_t = 60)]
    pub operator_requests: u32,
    /// Let the daemons be processes of their own, `mandated run`, which are killed with SIGKILL and stopped with SIGSTOP. What happens
    /// when depends on the machine then: the seed gives the same payers, faults and incidents, and another order of events.
    #[arg(long)]
    pub processes: bool,
    /// The program `mandated` that --processes starts; without it, the one beside this program.
    #[arg(long, value_name = "PATH", requires = "processes")]
    pub daemon: Option<PathBuf>,
    /// Keep the database after the report, to look into it, until Ctrl-C.
    #[arg(long)]
    pub hold: bool,
}
