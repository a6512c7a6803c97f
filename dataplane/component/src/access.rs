//! What a component reads, writes and keeps: the declaration from which the host
//! decides what crosses to it and what comes back.

use std::collections::BTreeSet;
use std::ops::BitOr;

use crate::AttributeTable;

/// What one configured component does to its batches.
///
/// The host relies on it: a column that is not declared as read may be absent,
/// and a batch in which one that is not declared as written was changed is
/// refused. So declare from the configuration, and no more than needed: each column less is
/// one that is not encoded, sent and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// Columns and attribute tables that are read.
    pub reads: Columns,
    /// Columns and attribute tables whose values are changed.
    pub writes: Columns,
    /// Which attribute keys are read or written, in every attribute table of
    /// `reads` and `writes`.
    pub keys: Keys,
    /// Whether logs may be dropped.
    pub filters: bool,
    /// Whether ids and the order of the rows that stay are kept. True unless
    /// [`renumbers`](Self::renumbers) was called; needed for the reply to be a
    /// difference.
    pub keeps_ids: bool,
    /// Whether a batch, or arrays of it, may be kept after `process` returned.
    pub retains: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self::new()
    }
}

impl Access {
    /// Reads nothing, writes nothing, keeps every row and id.
    pub fn new() -> Self {
        Self {
            reads: Columns::NONE,
            writes: Columns::NONE,
            keys: Keys::All,
            filters: false,
            keeps_ids: true,
            retains: false,
        }
    }

    /// Everything is read and written, ids change, rows come and go: always correct, never fast.
    pub fn everything() -> Self {
        Self {
            reads: Columns::ALL,
            writes: Columns::ALL,
            keys: Keys::All,
            filters: true,
            keeps_ids: false,
            retains: true,
        }
    }

    /// Adds columns that are read.
    pub fn read(mut self, columns: Columns) -> Self {
        self.reads = self.reads | columns;
        self
    }

    /// Adds columns that are read and changed.
    pub fn write(mut self, columns: Columns) -> Self {
        self.writes = self.writes | columns;
        self.read(columns)
    }

    /// Limits, or widens, the attribute keys.
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    /// Logs may be dropped.
    pub fn filter(mut self) -> Self {
        self.filters = true;
        self
    }

    /// Ids change, or rows change their order.
    pub fn renumbers(mut self) -> Self {
        self.keeps_ids = false;
        self
    }

    /// Data is kept beyond `process`.
    pub fn retains(mut self) -> Self {
        self.retains = true;
        self
    }

    /// Whether values change (rows that are dropped do not count).
    pub fn edits(&self) -> bool {
        !self.writes.is_empty()
    }
}

/// Attribute keys that a component touches.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Keys {
    /// Every key.
    #[default]
    All,
    /// These keys only.
    Named(BTreeSet<String>),
}

impl Keys {
    /// These keys only.
    pub fn named<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self::Named(keys.into_iter().map(Into::into).collect())
    }

    /// Whether `key` is one of them.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(keys) => keys.contains(key),
        }
    }
}

/// A set of columns of a log batch. Combine sets with `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Columns(u32);

/// Names each column once: its constant, and its path in the OTAP schema.
macro_rules! columns {
    ($($bit:literal $name:ident $path:literal $doc:literal)*) => {
        impl Columns {
            $(#[doc = $doc] pub const $name: Self = Self(1 << $bit);)*
            /// Every column and attribute table.
            pub const ALL: Self = Self($(1 << $bit)|*);
            const PATHS: &'static [(Self, &'static str)] = &[$((Self::$name, $path)),*];
        }
    };
}

columns! {
    0 TIME "time_unix_nano" "When the event happened."
    1 OBSERVED_TIME "observed_time_unix_nano" "When it was observed."
    2 SEVERITY_NUMBER "severity_number" "The severity's number."
    3 SEVERITY_TEXT "severity_text" "The severity's text."
    4 BODY "body" "The body, of any type."
    5 EVENT_NAME "event_name" "The event's name."
    6 FLAGS "flags" "The flags."
    7 TRACE_ID "trace_id" "The trace id."
    8 SPAN_ID "span_id" "The span id."
    9 DROPPED_ATTRIBUTES_COUNT "dropped_attributes_count" "How many attributes were dropped."
    10 SCHEMA_URL "schema_url" "The scope's schema URL."
    11 RESOURCE "resource" "The resource's fields, without its attributes."
    12 SCOPE "scope" "The scope's name, version and other fields, without its attributes."
    13 LOG_ATTRIBUTES "log_attributes" "The logs' attributes."
    14 RESOURCE_ATTRIBUTES "resource_attributes" "The resources' attributes."
    15 SCOPE_ATTRIBUTES "scope_attributes" "The scopes' attributes."
}

impl Columns {
    /// No column.
    pub const NONE: Self = Self(0);

    /// The columns of the table of logs.
    pub(crate) const LOGS: Self = Self::ALL.without(Self(
        Self::LOG_ATTRIBUTES.0 | Self::RESOURCE_ATTRIBUTES.0 | Self::SCOPE_ATTRIBUTES.0,
    ));

    /// The attributes of one table.
    pub const fn attributes(of: AttributeTable) -> Self {
        match of {
            AttributeTable::Log => Self::LOG_ATTRIBUTES,
            AttributeTable::Resource => Self::RESOURCE_ATTRIBUTES,
            AttributeTable::Scope => Self::SCOPE_ATTRIBUTES,
        }
    }

    /// Whether the set has no column.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every column of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The columns of this set that are not in `other`.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Each column of the set with its name.
    pub(crate) fn parts(self) -> impl Iterator<Item = (Self, &'static str)> {
        let parts = Self::PATHS.iter().filter(move |(c, _)| self.contains(*c));
        parts.copied()
    }

    /// The names: a root column's name in the OTAP schema, or one of
    /// `log_attributes`, `resource_attributes`, `scope_attributes`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.parts().map(|(_, path)| path)
    }
}

impl BitOr for Columns {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
