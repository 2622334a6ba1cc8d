//! `[retry.*]`

use std::collections::BTreeMap;

use super::error::Problem;
use super::tree::{self, Table};
use crate::domain::policy::Strategy;
use crate::domain::{Class, Rail};

/// What follows from each class of failure, by rail.
pub type Retry = BTreeMap<Rail, BTreeMap<Class, Strategy>>;

/// A table that names its strategy replaces the one below it: the keys of two strategies must not mix.
pub(super) fn replace_strategies(layers: &mut [Table]) {
    let mut rest = layers;
    while let Some((lower, higher)) = rest.split_first_mut() {
        for rail in tree::names(lower, "retry") {
            for class in tree::names(lower, &format!("retry.{rail}")) {
                let key = format!("retry.{rail}.{class}");
                if higher
                    .iter()
                    .any(|layer| tree::get(layer, &format!("{key}.strategy")).is_some())
                {
                    tree::remove(lower, &key);
                }
            }
        }
        rest = higher;
    }
}

/// Refuses keys beside `strategy = "none"`. Every other strategy refuses those it does not know by itself.
pub(super) fn refuse_idle_keys(root: &Table, problems: &mut Vec<Problem>) {
    for rail in Rail::ALL {
        for class in Class::ALL {
            let prefix = format!("retry.{rail}.{class}");
            if tree::text(root, &format!("{prefix}.strategy")) != Some("none") {
                continue;
            }
            for name in tree::names(root, &prefix)
                .into_iter()
                .filter(|name| name != "strategy")
            {
                let key = format!("{prefix}.{name}");
                let origin = tree::get(root, &key).and_then(tree::origin);
                problems.push(Problem::new(
                    &key,
                    origin,
                    format!("{key} means nothing to strategy \"none\""),
                ));
            }
        }
    }
}
