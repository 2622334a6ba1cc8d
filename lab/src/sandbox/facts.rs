//! The sandbox's words in those of the judge, which knows neither the sandbox nor the product.

use judge::calendar::{Cycles, PeriodLength};
use mandated::domain::Amount;

use super::notice::Notification;
use super::order::Order;
use super::registration::Registration;

pub(super) fn mandate(terms: &Registration) -> judge::Mandate {
    judge::Mandate {
        id: terms.mandate_id.clone(),
        rail: terms.rail,
        category: terms.category.clone(),
        max_amount: terms.max_amount.map(Amount::minor),
        cycles: Cycles::on(terms.cycle_days.clone()),
        period: terms.frequency.as_deref().and_then(PeriodLength::of_word),
    }
}

pub(super) fn amount(amount: Amount) -> judge::Amount {
    judge::Amount {
        minor: amount.minor(),
        currency: amount.currency().to_string(),
    }
}

pub(super) fn notification(notification: &Notification) -> judge::facts::Notification {
    judge::facts::Notification {
        reference: notification.reference.clone(),
        amount: amount(notification.amount),
        requested_at: notification.created_at,
        delivered_at: notification.delivered_at(),
    }
}

pub(super) fn presentation(
    order: &Order,
    (by, at): (judge::Presenter, judge::Timestamp),
) -> judge::facts::Presentation<'_> {
    judge::facts::Presentation {
        order_id: &order.id,
        amount: amount(order.amount),
        notification: order.notice.reference(),
        by,
        at,
    }
}
