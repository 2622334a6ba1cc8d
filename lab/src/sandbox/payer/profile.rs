//! What payers are like: who earns what, how long it lasts, and how often something else than the balance is in the way.
//!
//! The yardstick is NPCI's ecosystem statistics for `AutoPay` of July 2026, the 50 largest remitter banks: 22.95 %
//! of executions approved, 76.15 % declined for business reasons and 0.90 % for technical ones. NPCI counts attempts,
//! not cycles: under one try and three retries a cycle that fails counts four times, so that 23 % of the attempts
//! may well be half of the cycles.

use clap::ValueEnum;

/// How the payers of a sandbox are drawn. Shares are in a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Payers whose account always holds enough.
    pub always: u16,
    /// Payers whose account never holds anything.
    pub never: u16,
    /// For how many days a month's income lasts the others, at least and at most.
    pub lasts: (u32, u32),
    /// Parts of a day at whose start some of the others get a small income.
    pub small_incomes: u16,
    /// Spans of three hours in which a payer's bank is down.
    pub technical: u16,
    /// UPI: such spans in which the bank's answer is lost instead, and the outcome known later.
    pub in_flight: u16,
    /// Days on which an account's limit is used up.
    pub limit: u16,
    /// Cycles whose payment the customer stops.
    pub customer_stop: u16,
    /// Cycles for which the customer ends the mandate.
    pub revoked: u16,
    /// Cycles for which the customer pauses the mandate.
    pub paused: u16,
    /// Cycles at which the account turns out to be closed; so it stays.
    pub account_closed: u16,
    /// Cycles under suspicion of fraud.
    pub risk: u16,
    /// Cycles that fail with a code that no table has, or one that names no cause.
    pub unmapped: u16,
    /// Requests for approval, above the ceiling, that the customer approves.
    pub approves: u16,
    /// First notifications that fail.
    pub notification_fails: u16,
}

impl Profile {
    /// Everybody pays at once and every notification arrives.
    pub const PAYS: Self = Self {
        always: 1000,
        never: 0,
        lasts: (31, 31),
        small_incomes: 0,
        technical: 0,
        in_flight: 0,
        limit: 0,
        customer_stop: 0,
        revoked: 0,
        paused: 0,
        account_closed: 0,
        risk: 0,
        unmapped: 0,
        approves: 1000,
        notification_fails: 0,
    };

    /// A merchant's customers: about six in ten first attempts are paid, and of those that are not nearly nine in ten
    /// lack the money. If all were tried hourly, 1 + 3, a quarter to a third of the attempts would be paid.
    pub const DEMO: Self = Self {
        always: 240,
        never: 60,
        lasts: (4, 34),
        small_incomes: 100,
        technical: 9,
        in_flight: 250,
        limit: 8,
        customer_stop: 5,
        revoked: 5,
        paused: 4,
        account_closed: 4,
        risk: 3,
        unmapped: 5,
        approves: 700,
        notification_fails: 20,
    };

    /// NPCI's figure taken as one of first attempts: 23 in 100 are paid.
    pub const NPCI: Self = Self {
        always: 50,
        never: 320,
        lasts: (2, 14),
        small_incomes: 80,
        ..Self::DEMO
    };
}

/// The profiles by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Population {
    /// A merchant's customers: about six in ten pay at the first attempt
    Demo,
    /// As harsh as NPCI's figures for attempts: about one in four
    Npci,
    /// Everybody pays
    Pays,
}

impl Population {
    /// What they are like.
    pub const fn profile(self) -> Profile {
        match self {
            Self::Demo => Profile::DEMO,
            Self::Npci => Profile::NPCI,
            Self::Pays => Profile::PAYS,
        }
    }
}
