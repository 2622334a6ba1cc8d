//! What the model is made of: our rows, the workers' memories, the calls on their way, and the provider's ledger.
//!
//! Rows and ledger survive everything. A worker's memory is gone when it crashes. A call that has left does not come back.

use mandated::domain::{Class, State, Step};

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
    pub columns: Columns,
    /// The token of the worker that has the job.
    pub lease: Option<u8>,
    pub intent: Option<Intent>,
    /// The payment that proves the debit.
    pub debit: Option<usize>,
    /// The cycle has ended.
    pub over: bool,
}

/// The columns of `executions` and `jobs` that a settlement writes, with facts for times.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Columns {
    pub state: State,
    /// The job; nothing where there is none.
    pub step: Option<Step>,
    pub due: Due,
    pub order_no: u8,
    /// The provider's id of the debit (`provider_ref`), once it was seen. Juspay's orders are known by their id.
    pub payment: Option<usize>,
    pub failure: Failure,
    pub sent: Sent,
    /// Attempts on the order, counted up to one more than are allowed.
    pub tried: u8,
    pub class: Option<Class>,
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

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Due {
    /// Hours at most: nothing need happen before, and anything may.
    Soon,
    /// The provider must have processed what a lost worker may have sent.
    AfterProcessing,
    /// The provider's own retries must be over.
    AfterHorizon,
    /// So long that no worker goes on as if nothing had been, and that no provider retries by itself any more.
    DaysLater,
}

/// What is known of the failure of the current order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Failure {
    None,
    Seen,
    /// It is older than the provider's own retries.
    Outlived,
}

/// What is noted of the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sent {
    Never,
    /// Before the open intent.
    Earlier,
    UnderIntent,
}

/// A claimed job in a worker's memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    pub cycle: usize,
    pub token: u8,
    /// The row as it was claimed.
    pub columns: Columns,
    pub intent: Option<Intent>,
    /// The cycle has ended.
    pub over: bool,
    /// What the actions came to, in order.
    pub heard: Vec<Heard>,
    /// What the machine wants next.
    pub phase: Phase,
}

/// What an action came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Heard {
    Answer(Answer),
    Recorded,
    LeaseLost,
    /// The order whose debit is on record.
    Debit(Option<u8>),
}

/// What a provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Answer {
    pub outcome: Outcome,
    pub counter: Option<usize>,
    pub no_retry: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    LookUp {
        order_no: u8,
        payment: Option<usize>,
    },
    ReadDebit,
    /// The counter was read, and is not recorded yet.
    Record(usize),
    /// A call may leave: `execute` or `retry`.
    Ready(Step),
    /// The call has left.
    Waiting,
    Decided(Settlement),
    /// The job is left to its lease.
    Gone,
    /// The machine found an arrow that is not in the table of states, or wants what nothing of this can lead to.
    Illegal,
}

/// What a decision writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Settlement {
    /// The last answer.
    pub outcome: Outcome,
    pub columns: Columns,
    pub closes_intent: bool,
    pub collected: Option<Proof>,
}

/// Which debit was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Proof {
    pub order_no: u8,
    pub payment: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Charged(usize),
    Pending(usize),
    Failed(usize),
    /// Not processed, says a documented refusal.
    Refused,
    NothingToRetry,
    /// It failed, or was refused, and money may have moved all the same.
    FailedInDoubt(usize),
    RefusedInDoubt,
    Duplicate,
    NotFound,
    Unknown,
    NotSent,
    /// No call was made.
    NoCall,
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

/// A planned execution of which nobody need be notified.
const FIRST: Columns = Columns {
    state: State::Planned,
    step: Some(Step::Execute),
    due: Due::Soon,
    order_no: 1,
    payment: None,
    failure: Failure::None,
    sent: Sent::Never,
    tried: 0,
    class: None,
};

impl Task {
    pub(crate) fn step(&self) -> Step {
        self.columns.step.unwrap()
    }

    /// Whether the claim opened the intent.
    pub(crate) fn opened(&self) -> bool {
        self.intent.is_some_and(|intent| self.has_opened(intent))
    }

    pub(crate) fn has_opened(&self, intent: Intent) -> bool {
        intent.opened_by == self.token
    }
}

impl World {
    pub(crate) fn new(cycles: usize) -> Self {
        Self {
            rows: vec![
                Row {
                    columns: FIRST,
                    lease: None,
                    intent: None,
                    debit: None,
                    over: false,
                };
                cycles
            ],
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
                let opened_by = task.intent.map(|intent| intent.opened_by);
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
        let rank_intent = |intent: &mut Option<Intent>| {
            if let Some(intent) = intent.as_mut() {
                rank(&mut intent.opened_by);
            }
        };
        for row in &mut self.rows {
            row.lease.iter_mut().for_each(rank);
            rank_intent(&mut row.intent);
        }
        for task in self.workers.iter_mut().flatten() {
            rank(&mut task.token);
            rank_intent(&mut task.intent);
            if matches!(task.phase, Phase::Decided(_)) {
                // The machine is not asked any more.
                task.intent = None;
                task.over = false;
                task.heard.clear();
                let step = task.columns.step;
                task.columns = Columns { step, ..FIRST };
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
            let calls = match task.phase {
                Phase::LookUp { .. } | Phase::Record(_) | Phase::Ready(_) | Phase::Waiting => true,
                Phase::ReadDebit | Phase::Decided(_) | Phase::Gone | Phase::Illegal => false,
            };
            task.cycle == cycle && task.step().moves_money() && calls
        };
        !self.wire.iter().any(|call| call.cycle == cycle) && !self.tasks().any(about_to_send)
    }

    pub(crate) fn order(&self, cycle: usize, order_no: u8) -> Option<usize> {
        self.payments
            .iter()
            .position(|payment| payment.cycle == cycle && payment.order_no == order_no)
    }
}
