//! What the tests share.

pub(crate) mod database;

pub(crate) use database::TestDatabase;
