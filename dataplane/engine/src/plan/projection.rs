//! What of a batch a unit reads, and what it may change.

use serde::{Deserialize, Serialize};
use strait_records::compare::{Keys, Watch};

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

/// Which attributes of one table a unit writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Those with these keys.
    Named(Vec<String>),
    /// Any.
    All,
}

impl Default for Written {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

/// What a unit may change: what its output is compared in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writes {
    pub(crate) log_attributes: Written,
    pub(crate) resource_attributes: Written,
    pub(crate) scope_attributes: Written,
    pub(crate) body: bool,
    pub(crate) severity_number: bool,
    pub(crate) severity_text: bool,
    pub(crate) event_name: bool,
}

impl Written {
    /// The keys; none stands for all.
    pub(crate) fn names(&self) -> Option<Vec<&str>> {
        match self {
            Self::Named(names) => Some(names.iter().map(String::as_str).collect()),
            Self::All => None,
        }
    }
}

fn keys<'a>(names: &'a Option<Vec<&'a str>>) -> Keys<'a> {
    match names.as_deref() {
        None => Keys::All,
        Some([]) => Keys::None,
        Some(names) => Keys::Only(names),
    }
}

impl Writes {
    /// The same without attributes.
    pub(crate) fn fields_only(&self) -> Self {
        Self {
            log_attributes: Written::default(),
            resource_attributes: Written::default(),
            scope_attributes: Written::default(),
            ..*self
        }
    }

    /// Calls `compare` with what it has to look at.
    pub(crate) fn watched<R>(&self, compare: impl FnOnce(&Watch<'_>) -> R) -> R {
        let log = self.log_attributes.names();
        let resource = self.resource_attributes.names();
        let scope = self.scope_attributes.names();
        compare(&Watch {
            log_attributes: keys(&log),
            resource_attributes: keys(&resource),
            scope_attributes: keys(&scope),
            body: self.body,
            severity_number: self.severity_number,
            severity_text: self.severity_text,
            event_name: self.event_name,
        })
    }
}

/// A unit's plan and what its output is compared in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    pub(crate) plan: Plan,
    pub(crate) writes: Writes,
}
