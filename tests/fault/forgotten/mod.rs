//! A database that has forgotten: restored from an older dump, copied, or failed over without its last commits. The providers
//! remember, and the judge is their ledger.

mod books;
mod copied;
mod failed_over;
mod killed;
mod restored;
mod runbook;
mod shop;
mod tokens;
