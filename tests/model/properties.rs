//! What must be true in every state that can be reached.

use mandated::domain::{State, Step};
use stateright::{Model, Property};

use super::protocol::{Action, Protocol, holds};
use super::reachable;
use super::world::{Heard, Intent, Outcome, Phase, Row, Status, Task, World};

pub(crate) const ONE_DEBIT: &str = "a cycle is debited at most once";
pub(crate) const INTENT: &str = "a call that can still debit has its open intent";
pub(crate) const FENCE: &str = "a row is written only by who holds its token";
pub(crate) const PROOF: &str = "a debit of ours is a debit of the provider's for that cycle";
pub(crate) const JOB: &str = "what is not final has a job";
pub(crate) const LEGAL: &str = "every decision is in the table of states";
pub(crate) const BACKED: &str = "a call is made only under a committed intent of its own";
pub(crate) const COUNTED: &str = "a call without a key is made only when its counter is committed";
pub(crate) const BUDGET: &str =
    "a retry is made only of an order that was seen failed and may be retried";
pub(crate) const FORGOTTEN: &str =
    "what has no job has no order that can still be collected, and no unknown debit";
pub(crate) const ALONE: &str = "all of this is found out without a person";
pub(crate) const ORDERS: &str = "a cycle has no more orders than the policy allows";
pub(crate) const END: &str = "left alone, everything ends, and as the provider has it";

pub(crate) type Check = fn(&Protocol, &World) -> bool;

const ALWAYS: [(&str, Check); 13] = [
    (ONE_DEBIT, one_debit),
    (INTENT, has_intent),
    (FENCE, |_, world| !world.trespassed),
    (PROOF, proven),
    (JOB, |_, world| {
        world
            .rows
            .iter()
            .all(|row| row.columns.state.is_final() || row.columns.step.is_some())
    }),
    (LEGAL, |_, world| {
        world.tasks().all(|task| task.phase != Phase::Illegal)
    }),
    (BACKED, is_backed),
    (COUNTED, is_counted),
    (BUDGET, retries_what_failed),
    (FORGOTTEN, forgets_nothing),
    (ALONE, |_, world| {
        let mut rows = world.rows.iter();
        rows.all(|row| row.columns.state != State::Review)
    }),
    (ORDERS, |protocol, world| {
        let mut rows = world.rows.iter();
        rows.all(|row| row.columns.order_no <= protocol.max_orders)
    }),
    (END, ends_right),
];

pub(crate) fn of(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let always = ALWAYS
        .iter()
        .map(|(name, check)| Property::always(name, *check));
    let sometimes = reachable::of(protocol).map(|(name, check)| Property::sometimes(name, check));
    always.chain(sometimes).collect()
}

fn one_debit(protocol: &Protocol, world: &World) -> bool {
    let charged = |cycle| {
        let of_it = world
            .payments
            .iter()
            .filter(move |payment| payment.cycle == cycle);
        of_it
            .filter(|payment| payment.status == Status::Charged)
            .count()
    };
    (0..protocol.cycles).all(|cycle| charged(cycle) <= 1)
}

/// Committed before the call left, and open as long as it could still debit. A call that left after its lease is one that an order
/// id makes harmless.
fn has_intent(protocol: &Protocol, world: &World) -> bool {
    world.wire.iter().all(|call| {
        let intent = world.rows[call.cycle].intent;
        let is_open = intent.is_some_and(|intent| intent.opened_by == call.token);
        call.late || is_open || !protocol.is_processed(world, call)
    })
}

/// The calls that may leave at this moment.
fn ready(world: &World) -> impl Iterator<Item = (&Task, Step)> {
    world.tasks().filter_map(|task| match task.phase {
        Phase::Ready(step) => Some((task, step)),
        _ => None,
    })
}

/// The intent on record of a task that still has its lease. Of one that has lost it only a key makes the call harmless.
fn committed(world: &World, task: &Task) -> Option<Intent> {
    let intent = world.rows[task.cycle].intent;
    intent.filter(|intent| intent.opened_by == task.token)
}

fn is_backed(_: &Protocol, world: &World) -> bool {
    ready(world).all(|(task, step)| {
        let intent = committed(world, task);
        let is_own = intent.is_some_and(|intent| intent.is_retry == (step == Step::Retry));
        let knows = task.heard.contains(&Heard::LeaseLost);
        !knows && (is_own || !holds(world, task))
    })
}

fn is_counted(protocol: &Protocol, world: &World) -> bool {
    ready(world).all(|(task, _)| {
        let intent = committed(world, task);
        let counter = intent.and_then(|intent| intent.counter);
        protocol.has_key(task) || counter.is_some() || !holds(world, task)
    })
}

fn retries_what_failed(protocol: &Protocol, world: &World) -> bool {
    let may_be_retried = |heard: &Heard| match heard {
        Heard::Answer(answer) => {
            let failed = matches!(answer.outcome, Outcome::Failed(_));
            let tried = answer.counter.unwrap_or(0);
            failed && !answer.no_retry && tried < usize::from(protocol.max_attempts)
        }
        Heard::Recorded | Heard::LeaseLost | Heard::Debit(_) => false,
    };
    let mut retries = ready(world).filter(|(_, step)| *step == Step::Retry);
    retries.all(|(task, _)| task.heard.iter().any(may_be_retried))
}

fn forgets_nothing(_: &Protocol, world: &World) -> bool {
    world.rows.iter().enumerate().all(|(cycle, row)| {
        let payments = world.payments.iter().enumerate();
        let mut of_it = payments.filter(|(_, payment)| payment.cycle == cycle);
        row.columns.step.is_some()
            || of_it.all(|(index, payment)| match payment.status {
                Status::Pending => false,
                Status::Failed => payment.closed,
                Status::Charged => row.debit == Some(index) || row.columns.state == State::Review,
            })
    })
}

fn proven(_: &Protocol, world: &World) -> bool {
    world.rows.iter().enumerate().all(|(cycle, row)| {
        match row.debit.map(|index| world.payments.get(index)) {
            Some(payment) => payment
                .is_some_and(|payment| payment.cycle == cycle && payment.status == Status::Charged),
            None => row.columns.state != State::Charged,
        }
    })
}

/// From every moment at which all workers are lost (which is every moment, for they can crash), two good ones and a provider that
/// answers bring every cycle to its end, and the ledgers agree.
fn ends_right(protocol: &Protocol, world: &World) -> bool {
    if world.tasks().next().is_some() {
        return true;
    }
    let mut world = world.clone();
    for _ in 0..200 {
        match next_good(protocol, &world) {
            Some(action) => world = protocol.next_state(&world, action).unwrap(),
            None => return agrees(&world),
        }
    }
    false
}

/// What happens next when nothing goes wrong any more.
fn next_good(protocol: &Protocol, world: &World) -> Option<Action> {
    let mut actions = Vec::new();
    protocol.actions(world, &mut actions);
    actions
        .into_iter()
        .filter_map(|action| Some((goodness(world, action)?, action)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, action)| action)
}

/// The lower, the sooner; nothing for what is a fault, or a provider's whim.
fn goodness(world: &World, action: Action) -> Option<u8> {
    match action {
        Action::Settle { heard: true, .. }
        | Action::Look { heard: true, .. }
        | Action::ReadDebit { .. }
        | Action::RecordCounter { .. } => Some(0),
        Action::Arrive {
            heard: true,
            verdict: Status::Charged,
            ..
        } => Some(1),
        Action::Arrive {
            call, heard: false, ..
        } => {
            let token = world.wire[call].token;
            (!world.tasks().any(|task| task.token == token)).then_some(1)
        }
        // An arrival without a verdict is one that is not processed again.
        Action::Arrive {
            heard: true,
            verdict: Status::Pending,
            ..
        }
        | Action::ProviderDecides {
            verdict: Status::Charged,
            ..
        } => Some(2),
        Action::Send { .. } => Some(3),
        Action::ProcessingTimePasses { .. } => Some(4),
        Action::Rescue { cycle } => {
            let lease = world.rows[cycle].lease;
            (!world.tasks().any(|task| Some(task.token) == lease)).then_some(5)
        }
        // An intent that is open keeps the other cycles waiting.
        Action::Claim { cycle, .. } if world.rows[cycle].intent.is_some() => Some(6),
        Action::Claim { .. } => Some(7),
        Action::RetryHorizonPasses { .. } => Some(8),
        Action::Settle { .. }
        | Action::Look { .. }
        | Action::Arrive { .. }
        | Action::ProviderDecides { .. }
        | Action::ProviderRetries { .. }
        | Action::ProviderGivesUp { .. }
        | Action::CycleEnds { .. }
        | Action::LookInDoubt { .. }
        | Action::ArriveInDoubt { .. }
        | Action::CouldNotSend { .. }
        | Action::Refuse { .. }
        | Action::NeverArrive { .. }
        | Action::TimeOut { .. }
        | Action::Crash { .. } => None,
    }
}

fn agrees(world: &World) -> bool {
    let is_over = |row: &Row| {
        row.columns.state.is_final() && row.columns.step.is_none() && row.intent.is_none()
    };
    let known = |index: usize| world.rows.iter().any(|row| row.debit == Some(index));
    let debits = world
        .payments
        .iter()
        .enumerate()
        .filter(|(_, payment)| payment.status == Status::Charged);
    let mut debits = debits.map(|(index, _)| index);
    world.rows.iter().all(is_over) && debits.all(known)
}
