//! What the sandbox is told about a mandate before anybody may debit it.

use chrono::NaiveDate;
use judge::Rail;
use mandated::domain::money::MoneyError;
use mandated::domain::{Amount, Currency, Notify, ProviderKind};
use serde::{Deserialize, Serialize};

/// One mandate, registered and active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Registration {
    /// Who keeps it.
    pub provider: ProviderKind,
    /// The provider's id: Juspay `mandate_id`, Signzy `subReferenceId`.
    pub mandate_id: String,
    /// Juspay's `customer_id`.
    pub customer_id: String,
    pub rail: Rail,
    /// Who notifies. For Signzy, `provider` is a PERIODIC and `none` an `ON_DEMAND` eMandate.
    pub notify: Notify,
    /// What Signzy debits by itself each cycle.
    pub amount: Option<Amount>,
    /// The most that one debit may take. Without it Juspay answers "Mandate max amount not found."
    pub max_amount: Option<Amount>,
    pub currency: Currency,
    /// `fastag` and `ncmc` need no notification.
    pub category: Option<String>,
    /// The days of its cycles in India; empty for a mandate whose cycles the merchant presents.
    pub cycle_days: Vec<NaiveDate>,
    /// How often it was registered for, in the words of the import file.
    pub frequency: Option<String>,
}

impl Registration {
    /// Whether the payer has to approve a debit of this amount. RBI, E-mandate Framework 2026: above 15,000 rupees,
    /// above 1,00,000 for insurance, mutual funds and credit card bills; it speaks of cards and UPI, not of NACH.
    pub(super) fn wants_approval(&self, amount: Amount) -> bool {
        let rupees: i64 = match self.category.as_deref() {
            Some("insurance" | "mutual_fund" | "credit_card_bill") => 100_000,
            Some(_) | None => 15_000,
        };
        match self.rail {
            Rail::Upi | Rail::Card => {
                amount.currency() == Currency::INR && amount.minor() > rupees.saturating_mul(100)
            }
            Rail::Enach => false,
        }
    }
}

/// The same on a line of JSON, with amounts as decimal text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    provider: ProviderKind,
    mandate_id: String,
    #[serde(default)]
    customer_id: String,
    rail: Rail,
    notify: Notify,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_amount: Option<String>,
    #[serde(default = "rupee")]
    currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(default)]
    cycle_days: Vec<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frequency: Option<String>,
}

fn rupee() -> String {
    Currency::INR.as_str().to_owned()
}

impl TryFrom<Wire> for Registration {
    type Error = MoneyError;

    fn try_from(wire: Wire) -> Result<Self, MoneyError> {
        let currency = Currency::parse(&wire.currency)?;
        let amount =
            |text: Option<String>| text.map(|text| Amount::parse(&text, currency)).transpose();
        Ok(Self {
            provider: wire.provider,
            mandate_id: wire.mandate_id,
            customer_id: wire.customer_id,
            rail: wire.rail,
            notify: wire.notify,
            amount: amount(wire.amount)?,
            max_amount: amount(wire.max_amount)?,
            currency,
            category: wire.category,
            cycle_days: wire.cycle_days,
            frequency: wire.frequency,
        })
    }
}

impl From<Registration> for Wire {
    fn from(registration: Registration) -> Self {
        Self {
            provider: registration.provider,
            mandate_id: registration.mandate_id,
            customer_id: registration.customer_id,
            rail: registration.rail,
            notify: registration.notify,
            amount: registration.amount.map(Amount::decimal),
            max_amount: registration.max_amount.map(Amount::decimal),
            currency: registration.currency.to_string(),
            category: registration.category,
            cycle_days: registration.cycle_days,
            frequency: registration.frequency,
        }
    }
}
