//! `mandated` collects recurring payments.
//!
//! For every cycle of every mandate it asks the provider to notify the payer, waits out the 25-hour
//! window, debits, classifies what came back, and retries through the provider's retry API. It never
//! debits twice, never debits early, and never forgets a cycle.
//!
//! Read in this order: [`domain`] (pure: the states, the rules, the choice of the next step),
//! [`store`] (the SQL that makes them durable), [`provider`] (Juspay and Signzy), [`engine`] (the loops
//! that join the three), [`ops`] (what operators do), [`cli`] (how they ask for it, and what they read). `ARCHITECTURE.md` follows one execution through all of them.

pub mod cli;
pub mod clock;
pub mod compose;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod engine;
pub mod failpoint;
pub mod lifecycle;
pub mod ops;
pub mod provider;
pub mod store;
pub mod telemetry;
pub mod wording;

/// The migrations of the schema `mandated`, compiled in.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
