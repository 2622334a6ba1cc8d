//! What must be reachable for the properties to mean anything.

use mandated::domain::{State, Step};

use super::properties::Check;
use super::protocol::{Protocol, Style};
use super::world::{Failure, Outcome, Payment, Phase, Status, World};

const SOMETIMES: [(&str, Check); 6] = [
    ("a cycle is collected", |_, world| {
        world.rows.iter().all(|row| row.debit.is_some())
    }),
    ("a call of a lost worker is on its way", |_, world| {
        world
            .wire
            .iter()
            .any(|call| !world.tasks().any(|task| task.token == call.token))
    }),
    (
        "a worker wakes up with an answer and without its lease",
        |_, world| {
            world.tasks().any(|task| {
                let decided =
                    matches!(&task.phase, Phase::Decided(said) if said.collected.is_some());
                decided && world.rows[task.cycle].lease != Some(task.token)
            })
        },
    ),
    ("a lost call turns out to have been made", |_, world| {
        decided(world, |step, outcome| {
            step == Step::Lookup && matches!(outcome, Outcome::Charged(_))
        })
    }),
    (
        "a lost call turns out never to have been made",
        |_, world| {
            decided(world, |step, outcome| {
                step == Step::Lookup && outcome == Outcome::NotFound
            })
        },
    ),
    ("a cycle is given up", |_, world| {
        world
            .rows
            .iter()
            .any(|row| row.columns.state == State::Failed)
    }),
];

const SOMETIMES_JUSPAY: [(&str, Check); 5] = [
    ("a recheck finds a debit", |_, world| {
        decided(world, |step, outcome| {
            step == Step::Recheck && matches!(outcome, Outcome::Charged(_))
        })
    }),
    ("a call leaves after its lease", |_, world| {
        world.wire.iter().any(|call| call.late)
    }),
    ("a duplicate is refused", |_, world| {
        decided(world, |_, outcome| outcome == Outcome::Duplicate)
    }),
    (
        "an order is collected by the provider's own retry",
        |protocol, world| charged(world, |order| order.attempts > protocol.max_attempts),
    ),
    ("an order is outlived", |_, world| {
        world
            .rows
            .iter()
            .any(|row| row.columns.failure == Failure::Outlived)
    }),
];

const SOMETIMES_TWO_CYCLES: [(&str, Check); 1] =
    [("one cycle waits for the intent of another", |_, world| {
        decided(world, |step, outcome| {
            step.moves_money() && outcome == Outcome::NoCall
        })
    })];

const SOMETIMES_RETRIED: [(&str, Check); 1] = [("a retry is collected", |_, world| {
    charged(world, |payment| payment.attempts == 2)
})];

const SOMETIMES_TWO_ORDERS: [(&str, Check); 3] = [
    ("a new order is collected", |_, world| {
        charged(world, |order| order.order_no == 2)
    }),
    ("a new order waits for the one before it", |_, world| {
        decided(world, |step, outcome| {
            step == Step::Execute && matches!(outcome, Outcome::Pending(_))
        })
    }),
    (
        "a new order is not made, for the one before it was collected",
        |_, world| {
            decided(world, |step, outcome| {
                step == Step::Execute && matches!(outcome, Outcome::Charged(_))
            })
        },
    ),
];

const SOMETIMES_OVER: [(&str, Check); 1] = [("a cycle ends before it is collected", |_, world| {
    let mut rows = world.rows.iter();
    rows.any(|row| row.columns.state == State::Expired)
})];

pub(crate) fn of(protocol: &Protocol) -> impl Iterator<Item = (&'static str, Check)> + use<> {
    let special = [
        (protocol.style == Style::Juspay, &SOMETIMES_JUSPAY[..]),
        (protocol.max_orders > 1, &SOMETIMES_TWO_ORDERS[..]),
        (protocol.cycles_end, &SOMETIMES_OVER[..]),
        (protocol.cycles > 1, &SOMETIMES_TWO_CYCLES[..]),
        (protocol.max_attempts > 1, &SOMETIMES_RETRIED[..]),
    ];
    let special = special
        .into_iter()
        .filter(|(has, _)| *has)
        .flat_map(|(_, checks)| checks);
    SOMETIMES.iter().chain(special).copied()
}

fn decided(world: &World, is: impl Fn(Step, Outcome) -> bool) -> bool {
    world
        .tasks()
        .any(|task| matches!(&task.phase, Phase::Decided(said) if is(task.step(), said.outcome)))
}

fn charged(world: &World, is: impl Fn(&Payment) -> bool) -> bool {
    world
        .payments
        .iter()
        .any(|payment| payment.status == Status::Charged && is(payment))
}
