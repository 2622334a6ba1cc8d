//! The configuration before it has types: tables of values that remember where they come from.
//!
//! A key is written with dots. No part of a key has a dot of its own: `known` removed those that do.

use std::collections::BTreeMap;

use config::{Map, Value, ValueKind};

pub(super) type Table = Map<String, Value>;

/// The table that a value is, if it is one.
pub(super) fn table(value: &Value) -> Option<&Table> {
    if let ValueKind::Table(table) = &value.kind {
        Some(table)
    } else {
        None
    }
}

pub(super) fn get<'a>(root: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => root.get(key),
        Some((first, rest)) => get(table(root.get(first)?)?, rest),
    }
}

/// The text at a key, if there is one.
pub(super) fn text<'a>(root: &'a Table, key: &str) -> Option<&'a str> {
    if let ValueKind::String(text) = &get(root, key)?.kind {
        Some(text)
    } else {
        None
    }
}

/// Sets a key; what stands in its way gives way.
pub(super) fn set(root: &mut Table, key: &str, value: Value) {
    let Some((first, rest)) = key.split_once('.') else {
        root.insert(key.to_owned(), value);
        return;
    };
    let entry = root
        .entry(first.to_owned())
        .or_insert_with(|| Value::from(Table::new()));
    if table(entry).is_none() {
        *entry = Value::from(Table::new());
    }
    if let ValueKind::Table(inner) = &mut entry.kind {
        set(inner, rest, value);
    }
}

pub(super) fn remove(root: &mut Table, key: &str) -> Option<Value> {
    let Some((first, rest)) = key.split_once('.') else {
        return root.remove(key);
    };
    if let ValueKind::Table(inner) = &mut root.get_mut(first)?.kind {
        remove(inner, rest)
    } else {
        None
    }
}

/// The names in the table at a key, in order.
pub(super) fn names(root: &Table, key: &str) -> Vec<String> {
    let mut names: Vec<String> = get(root, key)
        .and_then(table)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// A name below a key; at the top there is no key.
pub(super) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}

/// Every value that is not a table, by its full key.
pub(super) fn leaves(root: &Table) -> BTreeMap<String, &Value> {
    fn walk<'a>(table_of: &'a Table, prefix: &str, found: &mut BTreeMap<String, &'a Value>) {
        for (name, value) in table_of {
            let key = join(prefix, name);
            match table(value) {
                Some(inner) => walk(inner, &key, found),
                None => {
                    found.insert(key, value);
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, "", &mut found);
    found
}

/// Where a value comes from; for a table, where something in it comes from.
pub(super) fn origin(value: &Value) -> Option<&str> {
    match (value.origin(), table(value)) {
        (Some(origin), _) => Some(origin),
        (None, Some(inner)) => {
            let mut names: Vec<&String> = inner.keys().collect();
            names.sort();
            names.into_iter().find_map(|name| origin(inner.get(name)?))
        }
        (None, None) => None,
    }
}
