//! The flows that exist, for whatever must try all of them.

use mandated::domain::{Notify, ProviderKind, Rail};

/// The flows that exist: whose API, which rail, who notifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    UpiSeparate,
    UpiProvider,
    UpiExempt,
    CardSeparate,
    CardProvider,
    Enach,
    SignzyOnDemand,
    SignzyWatched,
}

impl Flow {
    pub const ALL: [Self; 8] = [
        Self::UpiSeparate,
        Self::UpiProvider,
        Self::UpiExempt,
        Self::CardSeparate,
        Self::CardProvider,
        Self::Enach,
        Self::SignzyOnDemand,
        Self::SignzyWatched,
    ];

    /// Whose API, which rail, who notifies.
    pub const fn parts(self) -> (ProviderKind, Rail, Notify) {
        match self {
            Self::UpiSeparate => (ProviderKind::Juspay, Rail::Upi, Notify::Separate),
            Self::UpiProvider => (ProviderKind::Juspay, Rail::Upi, Notify::Provider),
            Self::UpiExempt => (ProviderKind::Juspay, Rail::Upi, Notify::None),
            Self::CardSeparate => (ProviderKind::Juspay, Rail::Card, Notify::Separate),
            Self::CardProvider => (ProviderKind::Juspay, Rail::Card, Notify::Provider),
            Self::Enach => (ProviderKind::Juspay, Rail::Enach, Notify::None),
            Self::SignzyOnDemand => (ProviderKind::Signzy, Rail::Enach, Notify::None),
            Self::SignzyWatched => (ProviderKind::Signzy, Rail::Enach, Notify::Provider),
        }
    }

    /// The cells of an import file: account, rail, who notifies, category.
    pub const fn columns(self) -> [&'static str; 4] {
        match self {
            Self::UpiSeparate => ["juspay_main", "upi", "separate", ""],
            Self::UpiProvider => ["juspay_main", "upi", "provider", ""],
            Self::UpiExempt => ["juspay_main", "upi", "none", "fastag"],
            Self::CardSeparate => ["juspay_main", "card", "separate", ""],
            Self::CardProvider => ["juspay_main", "card", "provider", ""],
            Self::Enach => ["juspay_main", "enach", "none", ""],
            Self::SignzyOnDemand => ["signzy_main", "enach", "none", ""],
            Self::SignzyWatched => ["signzy_main", "enach", "provider", ""],
        }
    }
}
