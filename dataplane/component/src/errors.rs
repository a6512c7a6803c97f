//! The errors around a component: of its configuration, of creating an instance, and of a batch
//! that is not what it must be. What a component says of a batch is in `error`.

use std::fmt;

use arrow_schema::ArrowError;
use serde::Serialize;
use thiserror::Error;

use strait_description::Signal;

use crate::Payload;

/// One finding in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    /// The key's path within the component's own configuration, its parts joined
    /// by `::` (`rules::0::pattern`). Empty: the configuration as a whole.
    pub path: String,
    /// What is wrong there, and what is expected.
    pub message: String,
}

impl ConfigError {
    /// A finding at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why an instance could not be created.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateError {
    /// The configuration is wrong.
    #[error("invalid configuration: {}", join(.0))]
    Config(Vec<ConfigError>),
    /// The configuration is right, and creating the instance failed.
    #[error("{0}")]
    Failed(String),
}

impl From<Vec<ConfigError>> for CreateError {
    fn from(errors: Vec<ConfigError>) -> Self {
        Self::Config(errors)
    }
}

fn join(errors: &[ConfigError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Why a set of record batches is not a [`Batch`](crate::Batch), or cannot be edited.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchError {
    /// The batch holds OTLP bytes, and was read or edited as records.
    #[error("this batch of {0} holds OTLP bytes, not records: read them from `Batch::otlp`")]
    NotRecords(Signal),
    /// The batch holds records, and was to get other OTLP bytes.
    #[error("this batch holds records, not OTLP bytes: edit them in their place")]
    NotOtlp,
    /// A column has another type than its table's schema says.
    #[error("{payload} column {column}: type {found}, expected {expected}")]
    ColumnType {
        /// The table, such as `logs`.
        payload: &'static str,
        /// The column's path, such as `body.str`.
        column: &'static str,
        /// The Arrow type found.
        found: String,
        /// The Arrow type the schema asks for.
        expected: String,
    },
    /// A column that the table's schema requires is not there.
    #[error("{payload} column {column} is missing")]
    MissingColumn {
        /// The table, such as `log_attrs`.
        payload: &'static str,
        /// The column's path.
        column: &'static str,
    },
    /// An id column is not marked `encoding=plain`, so that its numbers may be
    /// differences; decode the batch's ids first.
    #[error("{payload} column {column} is not marked encoding=plain; decode the ids first")]
    EncodedIds {
        /// The table.
        payload: &'static str,
        /// The column's path.
        column: &'static str,
    },
    /// The same table was given twice.
    #[error("table {payload} was given twice")]
    DuplicateTable {
        /// The table.
        payload: &'static str,
    },
    /// No table has this number.
    #[error("payload type {0} is none of OTAP's tables, as `strait_component::Payload` lists them")]
    UnknownPayload(u8),
    /// A nested value is not valid CBOR of a map or list.
    #[error("{payload} column {column}, value {index}: {problem}")]
    Nested {
        /// The table.
        payload: &'static str,
        /// The column's path.
        column: &'static str,
        /// The value's row, or its place in the column's dictionary.
        index: usize,
        /// What is wrong with the bytes.
        problem: String,
    },
    /// A row mask has another length than the table has rows.
    #[error("a mask of {found} rows for a batch of {expected}")]
    MaskLength {
        /// The mask's length.
        found: usize,
        /// The batch's rows.
        expected: usize,
    },
    /// What a batch holds at most is exceeded: ids have 16 bits.
    #[error("{of}: a batch has at most 65,536 of those; make several batches")]
    Full {
        /// Whose ids they are: the table, such as `logs`.
        of: &'static str,
    },
    /// A row that is not there, or that was named before, was to be taken.
    #[error("row {row} was to be taken, which {problem}")]
    Row {
        /// The row.
        row: usize,
        /// Why it cannot be taken.
        problem: &'static str,
    },
    /// An Arrow operation failed, for example because text passed 2 GiB in a column.
    #[error("{payload}: {problem}")]
    Arrow {
        /// The table.
        payload: &'static str,
        /// Arrow's message.
        problem: String,
    },
}

impl BatchError {
    pub(crate) fn arrow(payload: Payload, error: ArrowError) -> Self {
        Self::Arrow {
            payload: payload.name(),
            problem: error.to_string(),
        }
    }
}
