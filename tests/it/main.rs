//! Everything that needs a database, a provider or a process of ours, as one binary: one module a subject.

mod postgres;
mod schema;
mod support;
