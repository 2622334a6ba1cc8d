//! Which keys there are: those of `config/default.toml`, its commented-out ones included.
//!
//! So that file cannot miss a key, and the nearest key can be named when one is misspelt.

use std::collections::BTreeMap;

use config::{FileFormat, Format, Value, ValueKind};

use super::error::Problem;
use super::tree::{self, Table};
use super::variable;
use crate::domain::{Class, Rail};

/// What may stand at a key.
#[derive(Debug, Clone)]
pub(super) enum KnownKeys {
    /// A value, with an example of it.
    Leaf(Value),
    /// A table of these keys.
    Section(BTreeMap<String, KnownKeys>),
    /// A table of any names, all of the same shape.
    Named(Box<KnownKeys>),
}

impl KnownKeys {
    /// Reads the compiled-in reference.
    pub(super) fn read(defaults: &str) -> Result<Self, Problem> {
        let reference: String = defaults
            .lines()
            .flat_map(|line| {
                [
                    line.strip_prefix('#')
                        .filter(|rest| is_key(rest))
                        .unwrap_or(line),
                    "\n",
                ]
            })
            .collect();
        let table = FileFormat::Toml
            .parse(None, &reference)
            .map_err(|error| Problem::new("", Some("config/default.toml"), error.to_string()))?;
        let Self::Section(mut sections) = Self::of_table(&table) else {
            return Err(Problem::new(
                "",
                Some("config/default.toml"),
                "it is empty".to_owned(),
            ));
        };
        if let Some(Self::Section(accounts)) = sections.remove("accounts")
            && let Some(account) = accounts.into_values().next()
        {
            sections.insert("accounts".to_owned(), Self::Named(Box::new(account)));
        }
        if let Some(retry) = sections.remove("retry") {
            sections.insert("retry".to_owned(), retry.every_class_and_strategy());
        }
        Ok(Self::Section(sections))
    }

    fn of_table(table: &Table) -> Self {
        let known = |value: &Value| match tree::table(value) {
            Some(inner) => Self::of_table(inner),
            None => Self::Leaf(value.clone()),
        };
        Self::Section(
            table
                .iter()
                .map(|(name, value)| (name.clone(), known(value)))
                .collect(),
        )
    }

    /// Any class may have any strategy on any rail: the keys of all strategies in the reference, taken together.
    fn every_class_and_strategy(&self) -> Self {
        let mut keys = BTreeMap::new();
        for classes in self.children() {
            for class in classes.children() {
                if let Self::Section(of_class) = class {
                    keys.extend(of_class.clone());
                }
            }
        }
        let strategy = Self::Section(keys);
        let class = Self::Section(
            Class::ALL
                .iter()
                .map(|class| (class.as_str().to_owned(), strategy.clone()))
                .collect(),
        );
        Self::Section(
            Rail::ALL
                .iter()
                .map(|rail| (rail.as_str().to_owned(), class.clone()))
                .collect(),
        )
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        let section = if let Self::Section(section) = self {
            Some(section)
        } else {
            None
        };
        section.into_iter().flat_map(BTreeMap::values)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let (first, rest) = key
            .split_once('.')
            .map_or((key, None), |(first, rest)| (first, Some(rest)));
        let child = match self {
            Self::Leaf(_) => None,
            Self::Section(section) => section.get(first),
            Self::Named(inner) => Some(&**inner),
        }?;
        rest.map_or(Some(child), |rest| child.get(rest))
    }

    /// The value that the reference gives as an example.
    pub(super) fn example(&self, key: &str) -> Option<&Value> {
        if let Self::Leaf(value) = self.get(key)? {
            Some(value)
        } else {
            None
        }
    }

    /// Removes from a layer what is not known or not of the right kind, and says so.
    pub(super) fn prune(&self, layer: &mut Table, problems: &mut Vec<Problem>) {
        self.prune_below(layer, "", self, problems);
    }

    fn prune_below(
        &self,
        layer: &mut Table,
        prefix: &str,
        root: &Self,
        problems: &mut Vec<Problem>,
    ) {
        layer.retain(|name, value| {
            let key = tree::join(prefix, name);
            let origin = tree::origin(value).map(ToOwned::to_owned);
            let message = match (self.child(name), &mut value.kind) {
                (None, _) => Some(root.unknown(&key, false)),
                (Some(Self::Leaf(example)), _) => wrong_kind(&key, &example.kind, &value.kind),
                (Some(known), ValueKind::Table(inner)) => {
                    known.prune_below(inner, &key, root, problems);
                    None
                }
                (Some(_), _) => Some(format!("{key} is a section, not a value")),
            };
            let keep = message.is_none();
            problems.extend(message.map(|message| Problem::new(&key, origin.as_deref(), message)));
            keep
        });
    }

    /// What is below under a name.
    fn child(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Leaf(_) => None,
            Self::Section(section) => section.get(name),
            Self::Named(inner) => is_name(name).then_some(&**inner),
        }
    }

    /// The message for a key that is not known: with the nearest one that is, as a key or as a variable.
    pub(super) fn unknown(&self, key: &str, as_variable: bool) -> String {
        let (mut section, mut prefix, mut rest) = (self, String::new(), key);
        let (name, below) = loop {
            let (name, below) = rest
                .split_once('.')
                .map_or((rest, None), |(name, below)| (name, Some(below)));
            match (section.child(name), below) {
                (Some(child), Some(below)) => {
                    (section, prefix, rest) = (child, tree::join(&prefix, name), below);
                }
                _ => break (name, below),
            }
        };
        let Self::Section(siblings) = section else {
            return format!(
                "the name in {key} may have small letters, digits and single underscores only"
            );
        };
        let near = nearest(name, siblings.keys())
            .map(|near| {
                tree::join(
                    &prefix,
                    &below.map_or_else(|| near.clone(), |below| tree::join(near, below)),
                )
            })
            .or_else(|| self.elsewhere(name, ""));
        match near {
            Some(near) if as_variable => format!(
                "there is no key {key}; did you mean {}?",
                variable::name(&near)
            ),
            Some(near) => format!("there is no key {key}; did you mean {near}?"),
            None => {
                let all: Vec<&str> = siblings.keys().map(String::as_str).collect();
                let section = if prefix.is_empty() {
                    "the sections are"
                } else {
                    "its section has"
                };
                format!("there is no key {key}; {section} {}", all.join(", "))
            }
        }
    }

    /// Where a key of this name exists, if not where it was written.
    fn elsewhere(&self, name: &str, prefix: &str) -> Option<String> {
        match self {
            Self::Leaf(_) => None,
            Self::Section(section) if section.contains_key(name) => Some(tree::join(prefix, name)),
            Self::Section(section) => section
                .iter()
                .find_map(|(part, inner)| inner.elsewhere(name, &tree::join(prefix, part))),
            Self::Named(inner) => inner.elsewhere(name, &tree::join(prefix, "NAME")),
        }
    }
}

/// The name with the fewest typing errors, unless they are more than a third of it.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    names
        // Comparing takes time and memory by the length of both.
        .filter(|known| name.len() <= known.len().saturating_mul(2))
        .map(|known| (strsim::osa_distance(name, known), known))
        .filter(|(distance, known)| *distance <= known.len().max(name.len()).div_ceil(3))
        .min()
        .map(|(_, known)| known)
}

/// Whether a commented-out line shows a key or a table rather than being prose.
fn is_key(rest: &str) -> bool {
    rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '[')
}

/// An account's name: one that a variable can spell.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.chars().all(allowed) && !name.contains("__")
}

/// What is wrong with the kind of a value, by the kind of the example. It never shows the value: it may be a secret.
fn wrong_kind(key: &str, example: &ValueKind, value: &ValueKind) -> Option<String> {
    let (wanted, found) = (kind(example), kind(value));
    if wanted != found {
        return Some(format!("{key} must be {wanted}, not {found}"));
    }
    if let (ValueKind::Array(examples), ValueKind::Array(values)) = (example, value) {
        let wanted = examples.first().map_or("text", |first| kind(&first.kind));
        let found = values
            .iter()
            .map(|item| kind(&item.kind))
            .find(|found| *found != wanted)?;
        return Some(format!(
            "{key} must be a list in which each is {wanted}, not {found}"
        ));
    }
    None
}

fn kind(value: &ValueKind) -> &'static str {
    match value {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            "a whole number"
        }
        ValueKind::Float(_) => "a number with a fraction",
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a section",
        ValueKind::Array(_) => "a list",
    }
}
