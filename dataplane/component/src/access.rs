//! What a component reads, writes and keeps: the declaration from which the host
//! decides what crosses to it and what comes back.

use std::collections::BTreeSet;

use crate::{AttributeTable, Columns};

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
        self.reads |= columns;
        self
    }

    /// Adds columns that are read and changed.
    pub fn write(mut self, columns: Columns) -> Self {
        self.writes |= columns;
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

    /// What both do, together.
    pub fn and(mut self, other: Self) -> Self {
        self.keys = match (self.uses_attributes(), other.uses_attributes()) {
            (true, true) => self.keys.and(other.keys),
            (false, true) => other.keys,
            (_, false) => self.keys,
        };
        self.reads |= other.reads;
        self.writes |= other.writes;
        self.filters |= other.filters;
        self.keeps_ids &= other.keeps_ids;
        self.retains |= other.retains;
        self
    }

    /// Whether its keys say anything.
    fn uses_attributes(&self) -> bool {
        let mut columns = (self.reads | self.writes).iter();
        columns.any(|column| column.payload.is_attributes())
    }

    /// Whether values change (rows that are dropped do not count).
    pub fn edits(&self) -> bool {
        !self.writes.is_empty()
    }
}

/// Reads these columns.
impl From<Columns> for Access {
    fn from(columns: Columns) -> Self {
        Self::new().read(columns)
    }
}

/// Reads the attributes of this table with this key.
impl From<(AttributeTable, &str)> for Access {
    fn from((of, key): (AttributeTable, &str)) -> Self {
        Self::from(Columns::attributes(of)).keys(Keys::named([key]))
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

    /// The keys of both.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Named(mut keys), Self::Named(others)) => {
                keys.extend(others);
                Self::Named(keys)
            }
            _ => Self::All,
        }
    }

    /// Whether `key` is one of them.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(keys) => keys.contains(key),
        }
    }
}
