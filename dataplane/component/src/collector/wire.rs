//! What a component asks the host, as it crosses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use super::Headers;

/// One question to the host. As JSON: `{"call": "storage_get", "storage": 1, "key": "k"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "call", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)] // the methods of Collector, Storage and the authenticators say what each is
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

/// One step of a [batch](super::Storage::batch).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum StorageOperation {
    /// Reads a value.
    Get {
        /// Its key.
        key: String,
    },
    /// Writes a value.
    Set {
        /// Its key.
        key: String,
        /// The value.
        #[serde(serialize_with = "base64")]
        value: Vec<u8>,
    },
    /// Removes a value, if it is there.
    Delete {
        /// Its key.
        key: String,
    },
}

fn base64<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(value))
}
