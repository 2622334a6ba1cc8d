//! The way of one call through the sandbox: which endpoint it is for, whose it is, what time it is, what goes wrong.

use mandated::domain::ProviderKind;

use super::answer::Answer;
use super::fault::{Call, Fault};
use super::juspay::{mandates, notifications, orders, retry, txns};
use super::received::Received;
use super::signzy::{lookups, recovery};
use super::state::{State, count, settle};
use super::{answers, juspay, signzy};

impl State {
    /// Answers one call, and says which fault befalls the answer on its way.
    pub(super) fn answer(&mut self, received: &Received) -> (Answer, Option<Fault>, ProviderKind) {
        let Some(endpoint) = Endpoint::of(received) else {
            self.ledger.count("unknown");
            return (Answer::json(404, ""), None, ProviderKind::Juspay);
        };
        self.ledger.count(endpoint.name());
        if received.simulated {
            self.latest = self.latest.max(Some(received.now));
        }
        let provider = endpoint.provider();
        let refusal = match provider {
            ProviderKind::Juspay => juspay::authorise(received, &self.juspay),
            ProviderKind::Signzy => signzy::authorise(received, &self.signzy_key),
        };
        if let Some(refusal) = refusal {
            return (refusal, None, provider);
        }
        let fault = self.prepare(&endpoint, received);
        if fault.is_some_and(Fault::is_before) {
            return (Answer::json(200, ""), fault, provider);
        }
        let answer = self.dispatch(&endpoint, received);
        let answer = match (fault, answer.status, provider, endpoint.call()) {
            (Some(Fault::Duplicate), 200, ProviderKind::Juspay, Call::Execute) => {
                Answer::json(400, answers::DUPLICATE_ORDER)
            }
            (Some(Fault::Duplicate), 200, ProviderKind::Juspay, Call::Notify) => {
                notifications::already_exists()
            }
            (Some(Fault::Duplicate), 200, ProviderKind::Juspay, Call::Retry) => {
                answers::duplicate_request()
            }
            _ => answer,
        };
        (answer, fault, provider)
    }

    /// Brings the mandate of a call up to its time, and draws the call's fault.
    fn prepare(&mut self, endpoint: &Endpoint<'_>, received: &Received) -> Option<Fault> {
        let id = endpoint.mandate_id(self, received)?;
        let mandate = self.mandates.get_mut(&id)?;
        settle(mandate, received.now, &self.world, &mut self.ledger);
        let fault = mandate.fault(&self.world, endpoint.call())?;
        count(&mut self.faults, fault, 1);
        Some(fault)
    }

    fn dispatch(&mut self, endpoint: &Endpoint<'_>, received: &Received) -> Answer {
        let answer = match endpoint {
            Endpoint::Txns => txns::create(self, received),
            Endpoint::Order(id) => orders::status(self, received, id),
            Endpoint::Notify(id) | Endpoint::Command(id) => mandates::command(self, received, id),
            Endpoint::Notification(reference) => notifications::status(self, received, reference),
            Endpoint::Retry => retry::retry(self, received),
            Endpoint::CustomerMandates(customer) => Ok(mandates::list(self, received, customer)),
            Endpoint::SignzyMandate(id) => lookups::mandate(self, received, id),
            Endpoint::Payments(id) => lookups::payments(self, received, id),
            Endpoint::Payment(id, payment) => lookups::payment(self, received, (id, payment)),
            Endpoint::Charge(id) => recovery::charge(self, received, id),
            Endpoint::CancelCharge(id, payment) => {
                recovery::cancel_charge(self, received, (id, payment))
            }
            Endpoint::RetryCharge(id) => recovery::retry(self, received, id),
            Endpoint::Activate(id) => recovery::activate(self, received, id),
            Endpoint::Cancel(id) => recovery::cancel(self, received, id),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }
}

/// A documented endpoint, with the ids in its path.
#[derive(Debug)]
enum Endpoint<'a> {
    Txns,
    Order(&'a str),
    /// The command that notifies the payer; every other one is about the mandate itself.
    Notify(&'a str),
    Command(&'a str),
    Notification(&'a str),
    Retry,
    CustomerMandates(&'a str),
    SignzyMandate(&'a str),
    Payments(&'a str),
    Payment(&'a str, &'a str),
    Charge(&'a str),
    CancelCharge(&'a str, &'a str),
    RetryCharge(&'a str),
    Activate(&'a str),
    Cancel(&'a str),
}

impl<'a> Endpoint<'a> {
    fn of(received: &'a Received) -> Option<Self> {
        let segments: Vec<&str> = received.segments.iter().map(String::as_str).collect();
        let signzy = segments.strip_prefix(&["api", "v3", "eNach", "eMandates"]);
        let found = match (received.method.as_str(), segments.as_slice(), signzy) {
            ("POST", ["txns"], _) => Self::Txns,
            ("GET", ["orders", id], _) => Self::Order(id),
            ("POST", ["mandates", id], _) if notifies(received) => Self::Notify(id),
            ("POST", ["mandates", id], _) => Self::Command(id),
            ("GET", ["notifications", reference], _) => Self::Notification(reference),
            ("POST", ["ecr", "mandate", "retry"], _) => Self::Retry,
            ("GET", ["customers", customer, "mandates"], _) => Self::CustomerMandates(customer),
            ("GET", _, Some([id])) => Self::SignzyMandate(id),
            ("GET", _, Some([id, "payments"])) => Self::Payments(id),
            ("GET", _, Some([id, "payments", payment])) => Self::Payment(id, payment),
            ("POST", _, Some([id, "charge"])) => Self::Charge(id),
            ("POST", _, Some([id, "charge", payment, "cancel"])) => Self::CancelCharge(id, payment),
            ("POST", _, Some([id, "retry-charge"])) => Self::RetryCharge(id),
            ("POST", _, Some([id, "activate"])) => Self::Activate(id),
            ("POST", _, Some([id, "cancel"])) => Self::Cancel(id),
            _ => return None,
        };
        Some(found)
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Txns => "POST /txns",
            Self::Order(_) => "GET /orders/{order_id}",
            Self::Notify(_) | Self::Command(_) => "POST /mandates/{mandate_id}",
            Self::Notification(_) => "GET /notifications/{reference}",
            Self::Retry => "POST /ecr/mandate/retry",
            Self::CustomerMandates(_) => "GET /customers/{customer_id}/mandates",
            Self::SignzyMandate(_) => "GET /eMandates/{id}",
            Self::Payments(_) => "GET /eMandates/{id}/payments",
            Self::Payment(..) => "GET /eMandates/{id}/payments/{payment}",
            Self::Charge(_) => "POST /eMandates/{id}/charge",
            Self::CancelCharge(..) => "POST /eMandates/{id}/charge/{payment}/cancel",
            Self::RetryCharge(_) => "POST /eMandates/{id}/retry-charge",
            Self::Activate(_) => "POST /eMandates/{id}/activate",
            Self::Cancel(_) => "POST /eMandates/{id}/cancel",
        }
    }

    const fn provider(&self) -> ProviderKind {
        match self {
            Self::Txns
            | Self::Order(_)
            | Self::Notify(_)
            | Self::Command(_)
            | Self::Notification(_)
            | Self::Retry
            | Self::CustomerMandates(_) => ProviderKind::Juspay,
            Self::SignzyMandate(_)
            | Self::Payments(_)
            | Self::Payment(..)
            | Self::Charge(_)
            | Self::CancelCharge(..)
            | Self::RetryCharge(_)
            | Self::Activate(_)
            | Self::Cancel(_) => ProviderKind::Signzy,
        }
    }

    /// What a script calls it.
    const fn call(&self) -> Call {
        match self {
            Self::Txns | Self::Charge(_) => Call::Execute,
            Self::Order(_) | Self::Payments(_) | Self::Payment(..) => Call::OrderStatus,
            Self::Notify(_) => Call::Notify,
            Self::Notification(_) => Call::NotificationStatus,
            Self::Retry | Self::RetryCharge(_) => Call::Retry,
            Self::Command(_)
            | Self::CustomerMandates(_)
            | Self::SignzyMandate(_)
            | Self::CancelCharge(..)
            | Self::Activate(_)
            | Self::Cancel(_) => Call::Mandate,
        }
    }

    fn mandate_id(&self, state: &State, received: &Received) -> Option<String> {
        match self {
            Self::Txns => received.form().remove("mandate_id"),
            Self::Order(id) => state.orders.get(*id).cloned(),
            Self::Notification(reference) => state.references.get(*reference).cloned(),
            Self::Retry => retry::mandate_id(received),
            Self::CustomerMandates(_) => None,
            Self::Notify(id)
            | Self::Command(id)
            | Self::SignzyMandate(id)
            | Self::Payments(id)
            | Self::Payment(id, _)
            | Self::Charge(id)
            | Self::CancelCharge(id, _)
            | Self::RetryCharge(id)
            | Self::Activate(id)
            | Self::Cancel(id) => Some((*id).to_owned()),
        }
    }
}

fn notifies(received: &Received) -> bool {
    received.form().get("command").map(String::as_str) == Some("pre_debit_notify")
}
