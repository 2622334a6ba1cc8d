//! What the tests share.

pub(crate) mod database;
pub(crate) mod due;
pub(crate) mod dump;
pub(crate) mod log;
pub(crate) mod pgbouncer;
pub(crate) mod process;
pub(crate) mod provider;
pub(crate) mod row;
pub(crate) mod running;
pub(crate) mod scenario;
pub(crate) mod wire;
pub(crate) mod world;

pub(crate) use database::TestDatabase;
