//! Identities, each its own type so that they cannot be mixed up.

macro_rules! id {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub $inner);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// Our number for a mandate; the merchant's own is its `ref`, the provider's its `provider_mandate_id`.
    MandateId(i64)
);
id!(
    /// The collection of one cycle of one mandate.
    ExecutionId(i64)
);
id!(
    /// A configured set of provider credentials.
    AccountId(i16)
);
id!(
    /// New at every claim and every rescue. Only its holder may settle the job.
    LeaseToken(i64)
);
