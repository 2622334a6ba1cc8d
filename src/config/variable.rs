//! How a key is written as an environment variable.

/// What a variable for a key starts with. One underscore would not do: Kubernetes sets `MANDATED_SERVICE_HOST`
/// and the like in every pod once a service is called `mandated`.
const PREFIX: &str = "MANDATED__";
const SEPARATOR: &str = "__";

/// The variable for a key.
pub(super) fn name(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', SEPARATOR))
}

/// The key for a variable, where it is one of ours.
pub(super) fn key(name: &str) -> Option<String> {
    let key = name.strip_prefix(PREFIX)?;
    Some(key.to_lowercase().replace(SEPARATOR, "."))
}
