//! `[retry.*]`

use std::collections::BTreeMap;

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
