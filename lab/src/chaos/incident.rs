//! What goes wrong beside the providers' answers, and when: all drawn from the seed before the first day.

use std::collections::VecDeque;

use chrono::TimeDelta;
use mandated::domain::machine::decide::operator::OperatorRequestKind;
use mandated::domain::{Rail, State, Timestamp};

use super::args::Chaos;
use crate::postgres::Cut;
use crate::seeded_rng::SeededRng;

/// Where in a round of claim, calls and settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The jobs are claimed and their intents open. Some calls may have been made.
    Calling,
    /// Every answer is there, and none is settled.
    Answered,
    /// While the settlement is on its way.
    Settling(Cut),
}

/// A statement of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statement {
    Claim,
    Settle,
    Plan,
    Rescue,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Incident {
    /// The daemon is gone with all that it held; another one starts in its place.
    Kill(Moment),
    /// The daemon stands still with all that it holds, for so long.
    Freeze(Moment, TimeDelta),
    /// Postgres is killed; it is back when the round ends.
    Restart(Moment),
    /// A connection breaks.
    Cut(Statement, Cut),
    /// The daemon's clock is so far from the others' from now on.
    ClockStep(TimeDelta),
    /// A provider does what it is asked, and answers when nobody listens any more.
    Slow,
    /// A person has an execution of a state retried, or its cycle left out.
    OperatorRequest(OperatorRequestKind, State),
    /// A person pauses a rail for so long.
    PauseRail(Rail, TimeDelta),
    /// The database is dumped.
    Dump(u32),
    /// The database is lost, and the dump of this number is restored.
    Restore(u32),
    /// A daemon is started on a copy of the database.
    Copy,
    /// A replica receives no commit any more.
    FallBehind(u32),
    /// The primary dies, and the replica of this number takes its place.
    FailOver(u32),
}

impl Incident {
    /// What it is called in the report.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Kill(Moment::Calling) => "daemons killed between claim and answers",
            Self::Kill(Moment::Answered) => "daemons killed between answers and settlement",
            Self::Kill(Moment::Settling(Cut::Before)) => "daemons killed as the settlement left",
            Self::Kill(Moment::Settling(Cut::After)) => {
                "daemons killed after the commit of a settlement they never heard of"
            }
            Self::Freeze(Moment::Calling, _) => "daemons frozen past their leases before calls",
            Self::Freeze(Moment::Answered | Moment::Settling(_), _) => {
                "daemons frozen past their leases with answers"
            }
            Self::Restart(_) => "Postgres killed and restarted",
            Self::Cut(_, Cut::Before) => "statements that never reached Postgres",
            Self::Cut(_, Cut::After) => "commits whose answer was lost",
            Self::ClockStep(_) => "clocks put forward or back",
            Self::Slow => "answers later than anybody waited",
            Self::OperatorRequest(OperatorRequestKind::Retry, _) => {
                "executions that a person wanted retried"
            }
            Self::OperatorRequest(OperatorRequestKind::Skip, _) => {
                "executions that a person wanted skipped"
            }
            Self::PauseRail(..) => "rails paused for some hours",
            Self::Dump(_) => "dumps",
            Self::Restore(_) => "databases restored from a dump",
            Self::Copy => "copies of the database",
            Self::FallBehind(_) => "replicas that fell behind",
            Self::FailOver(_) => "fail-overs that lost commits",
        }
    }

    /// Whether it befalls the database as a whole.
    pub(super) const fn is_about_the_database(self) -> bool {
        match self {
            Self::Dump(_)
            | Self::Restore(_)
            | Self::Copy
            | Self::FallBehind(_)
            | Self::FailOver(_) => true,
            Self::Kill(_)
            | Self::Freeze(..)
            | Self::Restart(_)
            | Self::Cut(..)
            | Self::ClockStep(_)
            | Self::Slow
            | Self::OperatorRequest(..)
            | Self::PauseRail(..) => false,
        }
    }
}

/// The states that a person may want something done about, those most often in which money is or was on its way.
const REQUESTED_STATES: &[State] = &[
    State::Failed,
    State::Failed,
    State::Retrying,
    State::Retrying,
    State::Skipped,
    State::Unknown,
    State::Pending,
    State::Notified,
    State::Planned,
    State::Review,
    State::Charged,
];

/// All incidents of a run, in the order of time.
pub(super) fn draw(
    chaos: &Chaos,
    start: Timestamp,
    end: Timestamp,
) -> VecDeque<(Timestamp, Incident)> {
    let mut rng = SeededRng::new(chaos.seed ^ 0x00C0_FFEE);
    let minutes = u32::try_from(end.signed_duration_since(start).num_minutes()).unwrap_or(0);
    let mut all = Vec::new();
    let mut add = |count: u32, incident: fn(&mut SeededRng) -> Incident| {
        for _ in 0..count {
            let minute = i64::from(rng.below(minutes));
            let at = start
                .checked_add_signed(TimeDelta::minutes(minute))
                .unwrap_or(start);
            all.push((at, incident(&mut rng)));
        }
    };
    add(chaos.kills, |rng| Incident::Kill(moment(rng)));
    add(chaos.freezes, |rng| {
        let moment = rng.pick(&[Moment::Calling, Moment::Answered], Moment::Answered);
        Incident::Freeze(moment, minutes_of(rng, 10, 240))
    });
    add(chaos.restarts, |rng| {
        let moment = rng.pick(&[Moment::Calling, Moment::Answered], Moment::Answered);
        Incident::Restart(moment)
    });
    add(chaos.cuts, |rng| {
        // The settlement most often: it is the one with the money.
        let statements = [
            Statement::Claim,
            Statement::Settle,
            Statement::Settle,
            Statement::Plan,
            Statement::Rescue,
        ];
        let statement = rng.pick(&statements, Statement::Settle);
        Incident::Cut(statement, cut(rng))
    });
    add(chaos.clock_steps, |rng| {
        let step = minutes_of(rng, 0, 8);
        Incident::ClockStep(step.checked_sub(&TimeDelta::minutes(4)).unwrap_or(step))
    });
    add(chaos.slow, |_| Incident::Slow);
    add(chaos.operator_requests, |rng| {
        // A skipped cycle is one less to break something with.
        let operator_requests = [
            OperatorRequestKind::Retry,
            OperatorRequestKind::Retry,
            OperatorRequestKind::Retry,
            OperatorRequestKind::Skip,
        ];
        let kind = rng.pick(&operator_requests, OperatorRequestKind::Retry);
        Incident::OperatorRequest(kind, rng.pick(REQUESTED_STATES, State::Failed))
    });
    add(
        chaos.operator_requests.checked_div(20).unwrap_or(0),
        |rng| {
            let rail = rng.pick(Rail::ALL, Rail::Upi);
            Incident::PauseRail(rail, minutes_of(rng, 30, 1200))
        },
    );
    add(chaos.copies, |_| Incident::Copy);
    let counts = [chaos.restores, chaos.lost_commits];
    for (count, pair) in counts.into_iter().zip(FORGETTING) {
        for number in 0..count {
            let (before, forgets) = pair(number);
            // From an hour to three days are lost, and no more than there were.
            let lost = rng.below(71).saturating_add(1).saturating_mul(60);
            let at = rng.below(minutes).max(lost.min(minutes));
            for (minute, incident) in [(at.saturating_sub(lost), before), (at, forgets)] {
                let at = start.checked_add_signed(TimeDelta::minutes(i64::from(minute)));
                all.push((at.unwrap_or(start), incident));
            }
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all.into()
}

/// The operator keeps an older state, and it takes the place of the database later.
const FORGETTING: [fn(u32) -> (Incident, Incident); 2] = [
    |number| (Incident::Dump(number), Incident::Restore(number)),
    |number| (Incident::FallBehind(number), Incident::FailOver(number)),
];

fn moment(rng: &mut SeededRng) -> Moment {
    match rng.below(3) {
        0 => Moment::Calling,
        1 => Moment::Answered,
        _ => Moment::Settling(cut(rng)),
    }
}

fn cut(rng: &mut SeededRng) -> Cut {
    rng.pick(&[Cut::Before, Cut::After], Cut::After)
}

fn minutes_of(rng: &mut SeededRng, least: i64, most: u32) -> TimeDelta {
    let minutes = i64::from(rng.below(most));
    TimeDelta::minutes(minutes.saturating_add(least))
}
