//! What of a batch a unit reads, and what it may change.

use serde::{Deserialize, Serialize};
use strait_component::AttributeTable;
use strait_records::compare::Watched;
use strait_records::difference::Target;

/// What a unit reads, for the host's encoder. Part of the reply to `validate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// False when the unit takes whole batches only; the other fields then mean nothing.
    pub projectable: bool,
    /// Columns of the Logs table that are read.
    pub columns: Vec<String>,
    /// Keys of log attributes that are read or written.
    pub keys: Vec<String>,
    /// Keys of resource attributes that are read or written.
    pub resource_keys: Vec<String>,
    /// Keys of scope attributes that are read or written.
    pub scope_keys: Vec<String>,
    /// Every log attribute is read.
    pub all_attributes: bool,
    /// Every resource attribute is read.
    pub all_resource_attributes: bool,
    /// Every scope attribute is read.
    pub all_scope_attributes: bool,
    /// No node looks at attributes' values: keys and types are enough.
    pub keys_only: bool,
    /// A node may drop rows.
    pub filters: bool,
    /// A node may change values.
    pub edits: bool,
    /// Why the unit takes whole batches only, for people; not sent.
    #[serde(skip)]
    pub reason: String,
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
    pub(crate) keys: Vec<String>,
}

/// What a difference calls the attributes of a table.
pub(crate) fn target(of: AttributeTable) -> Target {
    match of {
        AttributeTable::Log => Target::LOG_ATTRIBUTES,
        AttributeTable::Resource => Target::RESOURCE_ATTRIBUTES,
        AttributeTable::Scope => Target::SCOPE_ATTRIBUTES,
    }
}
