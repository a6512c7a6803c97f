//! What of a batch a unit reads, and what it may change.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use strait_component::{AttributeTable, Payload};
use strait_records::compare::Watched;
use strait_records::difference::Target;

/// What a unit reads, for the host's encoder. Part of the reply to `validate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// False when the unit takes whole batches only; `tables` then mean nothing.
    pub projectable: bool,
    /// A node may drop rows.
    pub filters: bool,
    /// A node may change values.
    pub edits: bool,
    /// Why the unit takes whole batches only, for people.
    pub reason: String,
    /// The tables that are read, by OTAP's names.
    pub tables: BTreeMap<String, Table>,
}

/// What a unit reads of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// The columns that are read. Of attributes `key` and, unless only keys are looked at, `value`.
    pub columns: Vec<String>,
    /// Keys of the attributes that are read or written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Every key is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

impl Plan {
    /// What is read of a table.
    pub(crate) fn table(&self, of: Payload) -> Option<&Table> {
        self.tables.get(of.name())
    }
}

/// A unit's plan, and what its output is compared in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    pub(crate) plan: Plan,
    /// What the unit writes, as far as the host sends its values.
    pub(crate) compared: Vec<Watched>,
    /// What it writes of attributes of which the host sends keys alone.
    pub(crate) numbered: Vec<Numbered>,
}

/// Attributes that are known by the numbers of their rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) of: AttributeTable,
    pub(crate) target: Target,
    pub(crate) keys: Vec<String>,
}
