//! Secrets: which keys are secret, and the files that they can come from.

use std::path::{Path, PathBuf};

use config::{Value, ValueKind};

use super::error::Problem;
use super::known_keys::KnownKeys;
use super::tree::{self, Table};

const FILE: &str = "_file";

/// The keys of all secrets, set or not.
pub(super) fn keys(root: &Table) -> Vec<String> {
    let accounts = tree::names(root, "accounts")
        .into_iter()
        .map(|name| format!("accounts.{name}.api_key"));
    ["database.url", "database.direct_url", "listen.token"]
        .into_iter()
        .map(ToOwned::to_owned)
        .chain(accounts)
        .collect()
}

/// A secret and the file that it comes from are one setting in two spellings: a later layer wins with either over both of an earlier.
pub(super) fn win_over_those_before(layers: &mut [Table]) {
    for later in 1..layers.len() {
        let (earlier, rest) = layers.split_at_mut(later);
        let Some(layer) = rest.first() else { continue };
        for key in keys(layer) {
            let file_key = format!("{key}{FILE}");
            if tree::get(layer, &key).is_some() || tree::get(layer, &file_key).is_some() {
                for before in &mut *earlier {
                    tree::remove(before, &key);
                    tree::remove(before, &file_key);
                }
            }
        }
    }
}

/// Where a secret's file is that is given by its name alone: where the service manager has put it, or else in the folder `credentials`
/// beside the configuration file.
pub(super) fn folder(credentials: Option<PathBuf>, file: Option<&Path>) -> PathBuf {
    credentials.unwrap_or_else(|| {
        let beside = file.and_then(Path::parent).unwrap_or(Path::new(""));
        beside.join("credentials")
    })
}

/// Puts the content of each `*_file` in the place of its secret; of one that cannot be read, the example.
pub(super) fn read_files(
    root: &mut Table,
    known: &KnownKeys,
    folder: &Path,
    problems: &mut Vec<Problem>,
) {
    for key in keys(root) {
        let file_key = format!("{key}{FILE}");
        let Some(path) = tree::text(root, &file_key).map(ToOwned::to_owned) else {
            continue;
        };
        let origin = tree::get(root, &file_key)
            .and_then(tree::origin)
            .map(ToOwned::to_owned);
        if let Some(other) = tree::get(root, &key) {
            let from = tree::origin(other).unwrap_or_default();
            let message =
                format!("{file_key} and {key} (from {from}) are both set: give one of them");
            problems.push(Problem::new(&file_key, origin.as_deref(), message));
            continue;
        }
        let path = if path.contains(std::path::MAIN_SEPARATOR) {
            path
        } else {
            folder.join(path).display().to_string()
        };
        let secret = match read(&path) {
            Ok(secret) => ValueKind::String(secret),
            Err(why) => {
                let message = format!("{file_key}: {path} {why}");
                problems.push(Problem::new(&file_key, origin.as_deref(), message));
                known
                    .example(&key)
                    .map_or(ValueKind::Nil, |example| example.kind.clone())
            }
        };
        tree::set(root, &key, Value::new(Some(&path), secret));
    }
}

/// Removes the `*_file` keys once they are read: nothing further on has a use for them.
pub(super) fn forget_files(root: &mut Table) {
    for key in keys(root) {
        tree::remove(root, &format!("{key}{FILE}"));
    }
}

/// A file's content without the newline that editors put at its end.
fn read(path: &str) -> Result<String, String> {
    let content =
        std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let secret = content.strip_suffix('\n').unwrap_or(&content);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        Err("is empty".to_owned())
    } else {
        Ok(secret.to_owned())
    }
}
