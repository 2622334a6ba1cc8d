//! What the model is made of: our rows, the workers' memories, the calls on their way, and the provider's ledger.
//!
//! Rows and ledger survive everything. A worker's memory is gone when it crashes. A call that has left does not come back.

use mandated::domain::{State, Step};

/// All there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// One execution a cycle, all of one mandate.
    pub rows: Vec<Row>,
    /// What each worker has in its memory.
    pub workers: [Option<Task>; 2],
    /// Calls that left and have not arrived.
    pub wire: Vec<Call>,
    /// The provider's own ledger.
    pub payments: Vec<Payment>,
    /// Somebody wrote a row without holding its token.
    pub trespassed: bool,
}

/// What Postgres knows of one execution: `executions`, `jobs`, `intents` and `debits` together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub state: State,
    /// The job; nothing where there is none.
    pub step: Option<Step>,
    /// The token of the worker that has the job.
    pub lease: Option<u8>,
    pub intent: Option<Intent>,
    pub order_no: u8,
    /// The provider's payment, once it was seen. Juspay's orders are known by their id.
    pub payment: Option<usize>,
    pub failure: Failure,
    /// The payment that proves the debit.
    pub debit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Intent {
    pub is_retry: bool,
    pub opened_by: u8,
    /// The provider's counter before the call.
    pub counter: Option<usize>,
    /// The processing time is over: what was sent under it has arrived, or never will.
    pub processed: bool,
}

/// What is known of the failure of the current order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Failure {
    None,
    Seen,
    /// It is older than the provider's own retries.
    Outlived,
}

/// A claimed job in a worker's memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    pub cycle: usize,
    pub token: u8,
    pub step: Step,
    /// The row as it was claimed.
    pub row: Row,
    pub phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// The step begins with a look at the provider.
    Claimed,
    /// The counter was read, and is not recorded yet.
    Read(usize),
    /// The call may leave.
    Ready,
    /// The call has left.
    Waiting,
    Decided(Settlement),
    /// The decision was against the table of `domain::state`.
    Illegal,
}

/// What a decision writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Settlement {
    pub outcome: Outcome,
    pub state: State,
    pub step: Option<Step>,
    pub closes_intent: bool,
    pub order_no: u8,
    pub payment: Option<usize>,
    pub failure: Failure,
    pub collected: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Charged(usize),
    Pending(usize),
    Failed(usize),
    /// Not processed, says a documented refusal.
    Refused,
    NothingToRetry,
    Duplicate,
    NotFound,
    Unknown,
    NotSent,
    /// No call was made.
    Gated,
}

/// A call that can move money.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    pub cycle: usize,
    pub order_no: u8,
    pub step: Step,
    pub token: u8,
    /// It left after the lease: the process was stopped between its last look at the clock and the first byte.
    pub late: bool,
}

/// An order of Juspay's or a payment of Signzy's, with the truth about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Payment {
    pub cycle: usize,
    pub order_no: u8,
    pub status: Status,
    pub attempts: u8,
    /// The provider will not retry it by itself any more.
    pub closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Pending,
    Failed,
    Charged,
}

/// An execution whose payer was notified.
const FIRST: Row = Row {
    state: State::Notified,
    step: Some(Step::Execute),
    lease: None,
    intent: None,
    order_no: 1,
    payment: None,
    failure: Failure::None,
    debit: None,
};

impl World {
    pub(crate) fn new(cycles: usize) -> Self {
        Self {
            rows: vec![FIRST; cycles],
            workers: [None, None],
            wire: Vec::new(),
            payments: Vec::new(),
            trespassed: false,
        }
    }

    /// The next lease token.
    pub(crate) fn next_token(&self) -> u8 {
        self.tokens().last().map_or(1, |last| last + 1)
    }

    /// Every token that anybody still knows, in order.
    fn tokens(&self) -> Vec<u8> {
        let rows = self.rows.iter();
        let mut tokens: Vec<u8> = rows
            .flat_map(|row| [row.lease, row.intent.map(|intent| intent.opened_by)])
            .flatten()
            .chain(self.tasks().flat_map(|task| {
                let opened_by = task.row.intent.map(|intent| intent.opened_by);
                [Some(task.token), opened_by].into_iter().flatten()
            }))
            .chain(self.wire.iter().map(|call| call.token))
            .collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// Tokens and workers are compared and nothing else, so their numbers are made small and their order the same: two worlds that
    /// differ in nothing but names are one.
    #[must_use]
    pub(crate) fn normal(mut self) -> Self {
        let tokens = self.tokens();
        let rank = |token: &mut u8| {
            let place = tokens.iter().position(|known| known == token);
            *token = u8::try_from(place.unwrap()).unwrap() + 1;
        };
        let intent_of = |row: &mut Row| {
            if let Some(intent) = row.intent.as_mut() {
                rank(&mut intent.opened_by);
            }
        };
        for row in &mut self.rows {
            row.lease.iter_mut().for_each(rank);
            intent_of(row);
        }
        for task in self.workers.iter_mut().flatten() {
            rank(&mut task.token);
            task.row.lease = None;
            intent_of(&mut task.row);
            if matches!(task.phase, Phase::Decided(_)) {
                // It is not asked any more.
                task.row = FIRST;
            }
        }
        self.wire.iter_mut().for_each(|call| rank(&mut call.token));
        self.wire.sort_by_key(|call| call.token);
        self.workers
            .sort_by_key(|task| task.as_ref().map(|task| task.token));
        self
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.workers.iter().flatten()
    }

    /// Whether nothing of a cycle can reach the provider any more.
    pub(crate) fn is_quiet(&self, cycle: usize) -> bool {
        let about_to_send = |task: &Task| {
            let calls = matches!(task.phase, Phase::Claimed | Phase::Ready | Phase::Waiting);
            task.cycle == cycle && task.step.moves_money() && calls
        };
        !self.wire.iter().any(|call| call.cycle == cycle) && !self.tasks().any(about_to_send)
    }

    pub(crate) fn order(&self, cycle: usize, order_no: u8) -> Option<usize> {
        self.payments
            .iter()
            .position(|payment| payment.cycle == cycle && payment.order_no == order_no)
    }
}
