//! The HTTP side: what a separate process uses to tell the sandbox about mandates and to read its ledger. Every
//! other path is a provider's.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::routing::{get, post};
use axum::{body::Body, response::IntoResponse};
use serde::de::DeserializeOwned;

use super::Shared;
use super::answer::Answer;
use super::fault::Script;
use super::received::Received;
use super::registration::Registration;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/sandbox/mandates", post(register))
        .route("/sandbox/script", post(script))
        .route("/sandbox/ledger", get(ledger))
        .fallback(provider)
        .with_state(shared)
}

/// A provider's endpoint.
async fn provider(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    match read(&shared, request).await {
        Err(unreadable) => unreadable.respond(),
        Ok(received) => {
            let (answer, fault, provider) = shared.state().answer(&received);
            answer.respond_after(fault, provider, shared.slow_for).await
        }
    }
}

async fn read(shared: &Shared, request: Request) -> Result<Received, Answer> {
    let (parts, body) = request.into_parts();
    Received::read(parts, body, shared.clock.now()).await
}

/// `POST /sandbox/mandates`: one registration a line of JSON, all or none.
async fn register(State(shared): State<Arc<Shared>>, body: String) -> Response<Body> {
    match lines::<Registration>(&body) {
        Err(why) => Answer::text(400, &why).respond(),
        Ok(registrations) => {
            let count = registrations.len();
            let mut state = shared.state();
            for registration in registrations {
                state.register(registration);
            }
            Answer::text(200, &format!("registered {count} mandates\n")).respond()
        }
    }
}

/// `POST /sandbox/script`: one step a line of JSON.
async fn script(State(shared): State<Arc<Shared>>, body: String) -> Response<Body> {
    match lines::<Script>(&body) {
        Err(why) => Answer::text(400, &why).respond(),
        Ok(steps) => {
            let mut state = shared.state();
            let unknown = steps
                .iter()
                .find(|step| !state.mandates.contains_key(&step.mandate_id));
            if let Some(step) = unknown {
                let why = format!("script mandate {:?}: register it first\n", step.mandate_id);
                return Answer::text(404, &why).respond();
            }
            for step in steps {
                state.script(&step.mandate_id, step.call, step.then);
            }
            Answer::text(200, "scripted\n").respond()
        }
    }
}

/// `GET /sandbox/ledger`: settles to the caller's time, or to the latest that a simulated caller has named.
async fn ledger(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    match read(&shared, request).await {
        Err(unreadable) => unreadable.respond(),
        Ok(received) => {
            let mut state = shared.state();
            let now = if received.simulated {
                received.now
            } else {
                state.time(received.now)
            };
            state.settle(now);
            axum::Json(state.ledger.sorted()).into_response()
        }
    }
}

fn lines<T: DeserializeOwned>(body: &str) -> Result<Vec<T>, String> {
    body.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            let number = index.saturating_add(1);
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}\n"))
        })
        .collect()
}
