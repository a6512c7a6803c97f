//! What an instance asks the host, as it crosses.

use serde::Serialize;

use super::Headers;
use super::storage::StorageOperation;

/// One question to the host. As JSON: `{"call": "storage_get", "storage": 1, "key": "k"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "call", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)] // the methods of Host, Storage, ClientAuth and ServerAuth say what each is
pub enum HostCall {
    Extensions,
    StorageOpen {
        extension: String,
        name: String,
    },
    StorageBatch {
        storage: u64,
        operations: Vec<StorageOperation>,
    },
    StorageClose {
        storage: u64,
    },
    ClientHeaders {
        extension: String,
        uri: String,
    },
    Authenticate {
        extension: String,
        headers: Headers,
    },
}
