//! The payer's standing permission.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde_json::{Map, Value};

use super::cycle::Terms;
use super::schedule::{Frequency, Schedule};
use super::text::text_enum;
use super::{Amount, Currency, MandateId};

text_enum!(
    /// How the money moves.
    Rail {
        /// UPI `AutoPay`.
        Upi = "upi",
        /// Card e-mandate.
        Card = "card",
        /// `eNACH`.
        Enach = "enach",
    }
);

/// The most orders that a cycle may have on any rail: so many can exist, whatever database has sent them, and whatever rail it had the
/// mandate on.
pub const MOST_ORDERS: u16 = 3;

impl Rail {
    /// The most orders that a cycle may have in any configuration. eNACH has one, for another would be one more presentation (NPCI 2023-24/NACH/007).
    pub const fn most_orders(self) -> u16 {
        match self {
            Self::Upi | Self::Card => MOST_ORDERS,
            Self::Enach => 1,
        }
    }
}

text_enum!(
    /// Who notifies the payer before a debit.
    Notify {
        /// We call the notification API, poll it, then debit with its reference.
        Separate = "separate",
        /// The provider notifies and debits on the date we hand it (Juspay), or on its own schedule (Signzy periodic).
        Provider = "provider",
        /// Nobody need: `eNACH`, `FASTag`, NCMC.
        None = "none",
    }
);

text_enum!(
    /// Whose API an account speaks.
    ProviderKind {
        /// Juspay Express Checkout.
        Juspay = "juspay",
        /// Signzy eNACH, which fronts Cashfree.
        Signzy = "signzy",
    }
);

text_enum!(
    /// Where a mandate stands.
    MandateStatus {
        /// It may be debited.
        Active = "active",
        /// It may not be debited for now.
        Paused = "paused",
        /// The payer, the bank or the merchant ended it.
        Revoked = "revoked",
        /// Its validity is over.
        Expired = "expired",
        /// All of its cycles are done.
        Completed = "completed",
        /// The payer's account or instrument can no longer carry it.
        Failed = "failed",
    }
);

impl MandateStatus {
    /// Whether it has ended for good.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Active | Self::Paused => false,
            Self::Revoked | Self::Expired | Self::Completed | Self::Failed => true,
        }
    }
}

/// What the merchant wants sent with each order: the payer's e-mail address and the like. Its values are shown nowhere.
#[derive(Clone, PartialEq, Default, Serialize)]
pub struct Metadata(Map<String, Value>);

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Deref for Metadata {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Map<String, Value>> for Metadata {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl From<Value> for Metadata {
    /// What is no object holds no fields.
    fn from(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self(fields),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Self::default(),
        }
    }
}

/// A mandate as the engine needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mandate {
    /// Our number.
    pub id: MandateId,
    /// The merchant's own reference.
    pub reference: String,
    /// Whose API.
    pub provider: ProviderKind,
    /// The provider's id: Juspay `mandate_id`, Signzy `subReferenceId`.
    pub provider_mandate_id: String,
    /// Juspay `customer_id`, also sent as `x-routing-id`.
    pub customer_id: String,
    /// How the money moves.
    pub rail: Rail,
    /// Who notifies.
    pub notify: Notify,
    /// What a cycle costs; nothing where the merchant presents each amount (`aspresented`).
    pub amount: Option<Amount>,
    /// The most that one debit may take.
    pub max_amount: Amount,
    /// Of both amounts.
    pub currency: Currency,
    /// When its cycles are.
    pub terms: Terms,
    /// AFA ceiling and exemptions hang on it (`fastag`, `ncmc`, `insurance` …).
    pub category: Option<String>,
    /// Shown to the payer.
    pub description: String,
    /// `order.*` and `udf` fields to send.
    pub metadata: Metadata,
    /// Where it stands.
    pub status: MandateStatus,
}

impl Mandate {
    /// Whether the provider debits by its own schedule and we only watch and recover (Signzy periodic).
    pub const fn is_watched(&self) -> bool {
        matches!(
            (self.provider, self.notify),
            (ProviderKind::Signzy, Notify::Provider)
        )
    }
}

/// Whether a provider offers a way of notifying on a rail, and if not, what to write instead.
pub fn check_flow(
    provider: ProviderKind,
    rail: Rail,
    notify: Notify,
    category: Option<&str>,
) -> Result<(), &'static str> {
    match (provider, rail, notify) {
        (ProviderKind::Signzy, Rail::Upi | Rail::Card, _) => Err("Signzy collects by enach only"),
        (ProviderKind::Signzy, Rail::Enach, Notify::Separate) => {
            Err("Signzy has no notification API: use none (on-demand) or provider (periodic)")
        }
        (ProviderKind::Juspay, Rail::Enach, Notify::Separate | Notify::Provider) => {
            Err("eNACH needs no notification: use none")
        }
        (ProviderKind::Juspay, Rail::Upi | Rail::Card, Notify::None) => match category {
            Some("fastag" | "ncmc") => Ok(()),
            Some(_) | None => Err(
                "upi and card debits need a notification: use separate or provider (none is for the categories fastag and ncmc)",
            ),
        },
        (ProviderKind::Signzy, Rail::Enach, Notify::Provider | Notify::None)
        | (ProviderKind::Juspay, Rail::Enach, Notify::None)
        | (ProviderKind::Juspay, Rail::Upi | Rail::Card, Notify::Separate | Notify::Provider) => {
            Ok(())
        }
    }
}

/// A mandate that a provider is asked about to see whether it takes our credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSubject {
    /// The provider's id of the mandate.
    pub provider_mandate_id: String,
    /// Whose mandate it is.
    pub customer_id: String,
}

impl From<&Mandate> for ProbeSubject {
    fn from(mandate: &Mandate) -> Self {
        Self {
            provider_mandate_id: mandate.provider_mandate_id.clone(),
            customer_id: mandate.customer_id.clone(),
        }
    }
}

/// Whether a rail has a frequency, and if not, what to write instead.
///
/// NACH registers DAIL, WEEK, MNTH, BIMN, QURT, MIAN, YEAR and ADHO ("`LotusPay`, Mandate frequencies"). Its BIMN allows two debits a
/// calendar month: a mandate that says so and is collected every two months would bring a quarter of its money.
pub const fn check_frequency(rail: Rail, schedule: &Schedule) -> Result<(), &'static str> {
    let Schedule::Every(frequency) = schedule else {
        return Ok(());
    };
    match (rail, frequency) {
        (Rail::Enach, Frequency::Bimonthly) => Err(
            "NACH's bi-monthly (BIMN) is two debits a calendar month: write twicemonthly for it (for one in two months register the mandate as presented, and write aspresented)",
        ),
        (Rail::Enach, Frequency::Fortnightly) => Err(
            "NACH has no period of 14 days: write twicemonthly for a mandate of two debits a calendar month (BIMN)",
        ),
        (Rail::Upi | Rail::Card, Frequency::Twicemonthly) => Err(
            "twicemonthly is a frequency of eNACH: write fortnightly for one debit a half month",
        ),
        (Rail::Upi | Rail::Card, Frequency::Bimonthly | Frequency::Fortnightly)
        | (Rail::Enach, Frequency::Twicemonthly)
        | (
            Rail::Upi | Rail::Card | Rail::Enach,
            Frequency::Onetime
            | Frequency::Daily
            | Frequency::Weekly
            | Frequency::Monthly
            | Frequency::Quarterly
            | Frequency::Halfyearly
            | Frequency::Yearly
            | Frequency::Aspresented,
        ) => Ok(()),
    }
}

/// Whether a provider collects a currency on a rail, and if not, what to write instead. Cards take every currency.
pub fn check_currency(
    provider: ProviderKind,
    rail: Rail,
    currency: Currency,
) -> Result<(), &'static str> {
    let why = match (provider, rail) {
        // Its API names no currency: an amount in dollars would be charged as many rupees.
        (ProviderKind::Signzy, Rail::Upi | Rail::Card | Rail::Enach) => {
            "Signzy collects rupees only: write INR, or leave it empty"
        }
        (ProviderKind::Juspay, Rail::Upi) => {
            "UPI collects rupees only: write INR, or leave it empty"
        }
        (ProviderKind::Juspay, Rail::Enach) => {
            "eNACH collects rupees only: write INR, or leave it empty"
        }
        (ProviderKind::Juspay, Rail::Card) => return Ok(()),
    };
    if currency == Currency::INR {
        Ok(())
    } else {
        Err(why)
    }
}
