//! No order is retried, and none is followed by another, while the provider has one that comes later.
//!
//! Orders are numbered, and no database sends a later one first. The orders that can exist are those of every configuration and every rail,
//! for a mandate may have been imported again with another one. If the provider has one, another database has sent it: a copy
//! of this one, or this one before its disk was rolled back. It may have collected. A first order is sent without this look, which would
//! be one more call for every debit: the provider refuses it if it was sent before.

use super::action::Action;
use super::input::Answer;
use super::lookup_purpose::{LaterOrder, LookupPurpose};
use super::request::Request;
use super::{Machine, Phase};
use crate::domain::mandate::MOST_ORDERS;
use crate::domain::reason::OrderCause;
use crate::domain::{Contradiction, Outcome, Timestamp};

impl Machine<'_> {
    /// Makes a call for the current order when the provider has no later one.
    pub(super) fn after_later_orders(&mut self, request: Request, counter: Option<i64>) -> Action {
        self.look_past(LaterOrder {
            order_no: self.order_no,
            request,
            counter,
        })
    }

    fn look_past(&mut self, seen: LaterOrder) -> Action {
        let order_no = seen.order_no.saturating_add(1);
        // Without order ids of ours there is nothing to ask about.
        if order_no > MOST_ORDERS || self.job.execute_needs_counter {
            return self.make_the_call(seen);
        }
        let later = LaterOrder { order_no, ..seen };
        self.phase = Phase::LookingUp(LookupPurpose::LaterOrder(later));
        Action::LookUp {
            order_no,
            provider_ref: None,
        }
    }

    fn make_the_call(&mut self, seen: LaterOrder) -> Action {
        match seen.counter {
            Some(counter) => {
                self.phase = Phase::Recording(seen.request);
                Action::RecordCounter(counter)
            }
            None => self.send(seen.request),
        }
    }

    pub(super) fn later_order(
        &mut self,
        later: LaterOrder,
        answer: &Answer,
        action_began_at: Timestamp,
    ) -> Action {
        let decision = match &answer.outcome {
            Outcome::NotFound => return self.look_past(later),
            Outcome::Call(_) => self.asked_again(answer, action_began_at),
            Outcome::Refused(_) | Outcome::AlreadyExists => {
                self.wait_for(later.order_no, action_began_at)
            }
            Outcome::Charged { .. }
            | Outcome::Pending
            | Outcome::Failed(_)
            | Outcome::Reversed(_)
            | Outcome::Unrecognized(_)
            | Outcome::Contradicted(_) => {
                let contradiction = Contradiction {
                    field: "order_id",
                    ours: String::new(),
                    theirs: String::new(),
                };
                let unknown = Answer::from(Outcome::Contradicted(contradiction));
                let mut decision = self.instead_of_call(&unknown, action_began_at);
                decision.reason = OrderCause::LaterOrder(later.order_no).into();
                decision
            }
        };
        self.settle(decision)
    }
}
