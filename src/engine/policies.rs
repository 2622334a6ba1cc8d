//! The policies that executions were planned under. They never change once they have a number, so each is read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::database::Database;
use crate::domain::policy::Policy;
use crate::store::{self, StoreError};

/// Those that were read. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Policies(Arc<Mutex<HashMap<i64, Arc<Policy>>>>);

impl Policies {
    pub(super) async fn get(
        &self,
        database: &Database,
        id: i64,
    ) -> Result<Arc<Policy>, StoreError> {
        // A poisoned cache of immutable values is still a good cache.
        let cached = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        if let Some(policy) = cached {
            return Ok(policy);
        }
        let read = async {
            let mut transaction = store::planning::begin(&database.pool).await?;
            let policy = store::policies::get(&mut transaction, id).await?;
            store::planning::commit(transaction).await?;
            Ok(policy)
        };
        let policy = Arc::new(database.within("read the policy", read).await?);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Arc::clone(&policy));
        Ok(policy)
    }
}
