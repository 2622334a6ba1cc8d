//! One id for everything that is sent on behalf of one job, so that a line of our log can be found in the provider's.

tokio::task_local! {
    static ID: String;
}

/// Carries the id.
pub(super) const HEADER: &str = "x-request-id";

/// Whatever is sent within carries the id.
pub async fn with_request_id<T>(id: String, work: impl Future<Output = T>) -> T {
    ID.scope(id, work).await
}

/// The id of whatever this is sent for, if it has one.
pub(super) fn current() -> Option<String> {
    ID.try_with(Clone::clone).ok()
}
