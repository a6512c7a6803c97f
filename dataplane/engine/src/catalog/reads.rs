//! What the nodes of a chain read and write of logs, as far as they say so.

use std::collections::BTreeSet;
use strait_component::{AttributeTable, Columns, Keys};

/// Collects over the nodes of a chain.
#[derive(Default)]
pub(crate) struct Reads {
    /// Columns that are read.
    pub(crate) columns: Columns,
    /// Columns that are written.
    pub(crate) written: Columns,
    /// Keys that are read or written, by table.
    pub(crate) keys: Tables,
    /// Keys that are written, by table.
    pub(crate) written_keys: Tables,
    /// A node looks at attributes' values.
    pub(crate) values: bool,
    /// A node drops logs.
    pub(crate) filters: bool,
    /// A node changes logs.
    pub(crate) edits: bool,
}

impl Reads {
    /// A node writes the attributes with this key.
    pub(crate) fn changes(&mut self, of: AttributeTable, key: &str) {
        self.keys.of_mut(of).add(key);
        self.written_keys.of_mut(of).add(key);
    }

    /// A node looks at the values of the attributes with this key.
    pub(crate) fn tests(&mut self, of: AttributeTable, key: &str) {
        self.keys.of_mut(of).add(key);
        self.values = true;
    }
}

/// Keys of each table of attributes.
#[derive(Default)]
pub(crate) struct Tables {
    log: Touched,
    resource: Touched,
    scope: Touched,
}

impl Tables {
    pub(crate) fn of(&self, table: AttributeTable) -> &Touched {
        match table {
            AttributeTable::Log => &self.log,
            AttributeTable::Resource => &self.resource,
            AttributeTable::Scope => &self.scope,
        }
    }

    pub(crate) fn of_mut(&mut self, table: AttributeTable) -> &mut Touched {
        match table {
            AttributeTable::Log => &mut self.log,
            AttributeTable::Resource => &mut self.resource,
            AttributeTable::Scope => &mut self.scope,
        }
    }
}

/// Keys of one table.
#[derive(Default)]
pub(crate) struct Touched {
    /// Every key.
    pub(crate) all: bool,
    names: BTreeSet<String>,
}

impl Touched {
    fn add(&mut self, key: &str) {
        if !self.names.contains(key) {
            self.names.insert(key.to_owned());
        }
    }

    /// Adds what a component has declared.
    pub(crate) fn take(&mut self, keys: &Keys) {
        match keys {
            Keys::All => self.all = true,
            Keys::Named(keys) => keys.iter().for_each(|key| self.add(key)),
        }
    }

    /// Whether this key is among them.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.all || self.names.contains(key)
    }

    /// The keys; none where it is every key.
    pub(crate) fn list(&self) -> Vec<String> {
        if self.all {
            Vec::new()
        } else {
            self.names.iter().cloned().collect()
        }
    }
}
