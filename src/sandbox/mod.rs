//! The stand-in for both providers, and the private Postgres that the demo and the tests live on.

pub mod postgres;
