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

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = usize::try_from(number % 36).unwrap_or(0);
        digits.push(DIGITS.get(digit).copied().unwrap_or(b'0'));
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.reverse();
    String::from_utf8(digits).unwrap_or_default()
}

/// The order id of the `order_no`th order of an execution: the same whenever it is asked for, so that a
/// second call for the same order is refused by the provider instead of debiting again.
///
/// At most 20 characters of `[a-z0-9]` ("Juspay Order Create API": alphanumeric, fewer than 21).
pub fn order_id(tag: &str, execution: ExecutionId, order_no: u16) -> String {
    format!("m{tag}{}o{order_no}", base36(execution.0.unsigned_abs()))
}

/// The reference of the `notification_no`th notification of an execution. At most 25 alphanumeric characters
/// ("Juspay Notification API", `object_reference_id`).
pub fn notification_ref(tag: &str, execution: ExecutionId, notification_no: u16) -> String {
    format!(
        "m{tag}{}n{notification_no}",
        base36(execution.0.unsigned_abs())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_deterministic_alphanumeric_and_short() {
        assert_eq!(order_id("ab12", ExecutionId(1), 1), "mab121o1");
        assert_eq!(order_id("ab12", ExecutionId(35), 2), "mab12zo2");
        assert_eq!(notification_ref("ab12", ExecutionId(36), 1), "mab1210n1");
        // A trillion executions and 99 orders still fit.
        let long = order_id("ab12", ExecutionId(1_000_000_000_000), 99);
        assert!(long.len() <= 20, "{long}");
        assert!(long.chars().all(|c| c.is_ascii_alphanumeric()));
    }
}
