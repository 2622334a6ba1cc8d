//! What is in force and where it comes from, as TOML for people. Secrets are left out before anything is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use config::{Value, ValueKind};

use super::addresses::addresses;
use super::secret;
use super::tree::{self, Table};
use crate::domain::escape::toml_string;

/// Lines by section: key, value, origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Effective(BTreeMap<String, Vec<Line>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    key: String,
    value: String,
    origin: String,
}

impl Effective {
    pub(super) fn of(root: &Table) -> Self {
        let secrets = secret::keys(root);
        let mut leaves: BTreeMap<String, (String, String)> = tree::leaves(root)
            .into_iter()
            .map(|(key, value)| {
                let shown = if secrets.contains(&key) {
                    quoted(&hidden(&key, value))
                } else {
                    toml(value)
                };
                (
                    key,
                    (shown, tree::origin(value).unwrap_or_default().to_owned()),
                )
            })
            .collect();
        for key in secrets {
            leaves
                .entry(key)
                .or_insert_with(|| (quoted("[not set]"), "default".to_owned()));
        }
        let mut sections: BTreeMap<String, Vec<Line>> = BTreeMap::new();
        for (key, (value, origin)) in leaves {
            let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
            let line = Line {
                key: name.to_owned(),
                value,
                origin,
            };
            sections.entry(section.to_owned()).or_default().push(line);
        }
        Self(sections)
    }
}

impl Effective {
    /// The keys that are not the same in another one. Where a value comes from is no difference.
    pub(super) fn changed(&self, other: &Self) -> Vec<String> {
        let values = |of: &Self| -> BTreeMap<String, String> {
            of.entries()
                .map(|(key, value, _)| (key, value.to_owned()))
                .collect()
        };
        let (ours, theirs) = (values(self), values(other));
        let all: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        all.into_iter()
            .filter(|key| ours.get(*key) != theirs.get(*key))
            .cloned()
            .collect()
    }

    /// Key, value, origin.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, &str, &str)> {
        self.0.iter().flat_map(|(section, lines)| {
            lines.iter().map(move |line| {
                (
                    format!("{section}.{}", line.key),
                    line.value.as_str(),
                    line.origin.as_str(),
                )
            })
        })
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (section, lines)) in self.0.iter().enumerate() {
            let gap = if number == 0 { "" } else { "\n" };
            writeln!(f, "{gap}[{section}]")?;
            for Line { key, value, origin } in lines {
                writeln!(f, "{:<48} # {origin}", format!("{key} = {value}"))?;
            }
        }
        Ok(())
    }
}

/// What is shown of a secret: that it is set, and of a database to how many servers it leads.
fn hidden(key: &str, value: &Value) -> String {
    if let ValueKind::String(text) = &value.kind
        && key.starts_with("database.")
    {
        let servers = addresses(text).len();
        if servers > 1 {
            return format!("[set, {servers} servers]");
        }
    }
    "[set]".to_owned()
}

/// A value as it would be written.
pub(super) fn toml(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => quoted(text),
        ValueKind::Array(items) => {
            let items: Vec<String> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::Table(_) => value.kind.to_string(),
    }
}

fn quoted(text: &str) -> String {
    toml_string(text)
}
