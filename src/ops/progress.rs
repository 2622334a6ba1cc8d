//! How far something has come that takes a while.

/// So many of what is counted, and of how many where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub of: Option<u64>,
}

/// Is called with every step that is worth telling.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);
