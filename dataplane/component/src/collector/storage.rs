//! Storage that an extension of the Collector keeps, such as `file_storage`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Collector, ExtensionError, HostCall, StorageOperation};

/// A store of values by key that outlives the process. It belongs to one component and one name;
/// nobody else sees its keys. Closed at the latest when the component ends.
#[derive(Debug)]
pub struct Storage {
    pub(super) collector: Collector,
    pub(super) storage: u64,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<Option<String>>,
}

impl Storage {
    /// The value of a key; `None` where there is none.
    ///
    /// # Errors
    ///
    /// What the storage says.
    pub async fn get(&self, key: impl Into<String>) -> Result<Option<Vec<u8>>, ExtensionError> {
        let found = self
            .batch(vec![StorageOperation::Get { key: key.into() }])
            .await?;
        Ok(found.into_iter().next().flatten())
    }

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// What the storage says.
    pub async fn set(
        &self,
        key: impl Into<String>,
        value: impl Into<Vec<u8>>,
    ) -> Result<(), ExtensionError> {
        let (key, value) = (key.into(), value.into());
        self.batch(vec![StorageOperation::Set { key, value }])
            .await
            .map(drop)
    }

    /// Removes a value, if it is there.
    ///
    /// # Errors
    ///
    /// What the storage says.
    pub async fn delete(&self, key: impl Into<String>) -> Result<(), ExtensionError> {
        self.batch(vec![StorageOperation::Delete { key: key.into() }])
            .await
            .map(drop)
    }

    /// Does all of it in order, together where the storage can. One value for each operation: what
    /// a [`StorageOperation::Get`] found, else `None`.
    ///
    /// # Errors
    ///
    /// What the storage says.
    pub async fn batch(
        &self,
        operations: Vec<StorageOperation>,
    ) -> Result<Vec<Option<Vec<u8>>>, ExtensionError> {
        let expected = operations.len();
        let call = HostCall::StorageBatch {
            storage: self.storage,
            operations,
        };
        let Values { values } = self.collector.ask(call).await?;
        if values.len() != expected {
            let found = values.len();
            return Err(ExtensionError::failed(format!(
                "the storage answered {found} of {expected} operations"
            )));
        }
        values
            .into_iter()
            .map(|value| value.map(|text| STANDARD.decode(text)).transpose())
            .collect::<Result<_, _>>()
            .map_err(|error| ExtensionError::failed(format!("the storage's answer: {error}")))
    }

    /// Closes it.
    ///
    /// # Errors
    ///
    /// What the storage says.
    pub async fn close(self) -> Result<(), ExtensionError> {
        let call = HostCall::StorageClose {
            storage: self.storage,
        };
        self.collector
            .ask::<serde::de::IgnoredAny>(call)
            .await
            .map(drop)
    }
}
