//! What has been done of a change to a mandate, in words.

use std::io::{self, Write};

use super::print::times_and_amounts::local;
use crate::domain::{State, Step, Timestamp};
use crate::ops::mandates::{ChangeStep, OpenCycle};

/// Prints one thing that has been done of a change.
pub fn write_step(step: &ChangeStep, out: &mut dyn Write) -> io::Result<()> {
    match step {
        ChangeStep::Recorded { reference, change } => {
            print_line!(out, "{reference} is {}", change.done())
        }
        ChangeStep::Already { reference, change } => {
            print_line!(out, "{reference} is {} already", change.status())
        }
        ChangeStep::AtProvider { provider, word } => print_line!(out, "{provider} says {word}"),
        ChangeStep::NotOffered {
            provider,
            debits_by_itself: false,
        } => print_line!(out, "{provider} has no such command; it is done here only"),
        ChangeStep::NotOffered {
            provider,
            debits_by_itself: true,
        } => print_line!(
            out,
            "{provider} has no such command: it goes on debiting by its own schedule, and what it debits is watched"
        ),
        ChangeStep::Ended { reference, status } => print_line!(out, "{reference} is {status}"),
        ChangeStep::StillDebited {
            provider,
            cycle,
            at,
            zone,
        } => {
            let named = named(cycle);
            match at {
                Some(at) => print_line!(
                    out,
                    "{named}: {provider} has this debit already: it will still be debited, at {}, and is watched",
                    local(*at, *zone)
                ),
                None => print_line!(
                    out,
                    "{named}: its debit is under way at {provider}, and is looked up all the same"
                ),
            }
        }
        ChangeStep::OrderCancelled {
            provider,
            cycle,
            at,
            zone,
        } => print_line!(
            out,
            "{}: {provider} has taken back the debit of {}",
            named(cycle),
            local(*at, *zone)
        ),
        ChangeStep::GoesOn { cycle, now, zone } => {
            let next = goes_on(cycle, *now);
            let next = next.map_or_else(
                || "it is over, and expires".to_owned(),
                |(what, at)| match at {
                    Some(at) => format!("{what} at {}", local(at, *zone)),
                    None => format!("{what} as soon as it may"),
                },
            );
            let closes = local(cycle.closes_at, *zone);
            print_line!(out, "{}: {next}; it closes at {closes}", named(cycle))
        }
        ChangeStep::LeftOut { cycle } => print_line!(out, "{}: left out", named(cycle)),
        ChangeStep::NotLeftOut { cycle, why } => {
            print_line!(out, "{}: not left out, for {why}", named(cycle))
        }
    }
}

fn named(cycle: &OpenCycle) -> String {
    format!("cycle {}, execution {}", cycle.cycle_on, cycle.execution_id)
}

/// What is done next, and when; without a time at once. Nothing when its time is over.
fn goes_on(cycle: &OpenCycle, now: Timestamp) -> Option<(&'static str, Option<Timestamp>)> {
    let waits = cycle.is_at_provider() || cycle.state == State::Executing;
    if now >= cycle.closes_at && !waits {
        return None;
    }
    let what = match cycle.step {
        Step::Notify => "the payer is notified",
        Step::NotifyStatus => "the notification is asked about",
        Step::Execute => "it is debited",
        Step::Retry => "it is tried again",
        Step::Lookup | Step::Recheck => "its debit is looked up",
    };
    Some((what, Some(cycle.run_at).filter(|at| *at > now)))
}
