//! What the demo can be told on the command line.

use clap::Args;

use crate::sandbox::Population;

#[derive(Debug, Args)]
pub struct Demo {
    /// The same seed gives the same month.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many mandates.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub mandates: u32,
    /// How many days.
    #[arg(long, default_value_t = 35, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// What the payers are like.
    #[arg(long, value_enum, default_value_t = Population::Demo)]
    pub profile: Population,
}
