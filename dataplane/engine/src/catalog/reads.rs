//! What the nodes of a chain read and write, as far as they say so.

use std::collections::{BTreeMap, BTreeSet};
use strait_component::{AttributeTable, Columns, Keys, Payload};

/// Collects over the nodes of a chain.
#[derive(Default)]
pub(crate) struct Reads {
    /// What is read or written. Of attributes that are written, only the keys are read.
    pub(crate) read: Touched,
    /// What is written.
    pub(crate) written: Touched,
    /// A node drops items.
    pub(crate) filters: bool,
    /// A node changes items.
    pub(crate) edits: bool,
}

impl Reads {
    /// A node writes the attributes with this key.
    pub(crate) fn changes(&mut self, of: AttributeTable, key: &str) {
        self.read.columns |= Columns::of(of.payload(), "key");
        self.read.keys_of(of.payload()).add(key);
        self.written.columns |= Columns::attributes(of);
        self.written.keys_of(of.payload()).add(key);
    }

    /// A node looks at the values of the attributes with this key.
    pub(crate) fn tests(&mut self, of: AttributeTable, key: &str) {
        self.read.columns |= Columns::attributes(of);
        self.read.keys_of(of.payload()).add(key);
    }
}

/// Columns, and of attributes the keys.
#[derive(Default)]
pub(crate) struct Touched {
    pub(crate) columns: Columns,
    keys: BTreeMap<Payload, Named>,
}

impl Touched {
    /// Adds columns that a component has declared; these keys in every table of attributes, where
    /// no value is without its key.
    pub(crate) fn take(&mut self, columns: Columns, keys: &Keys) {
        self.columns |= columns;
        for of in columns.iter().map(|column| column.payload) {
            if of.is_attributes() {
                self.columns |= Columns::of(of, "key");
                self.keys_of(of).take(keys);
            }
        }
    }

    /// The columns of a table, by their names.
    pub(crate) fn names(&self, of: Payload) -> Vec<&'static str> {
        let columns = self.columns.iter();
        let columns = columns.filter(|column| column.payload == of);
        columns.map(|column| column.name).collect()
    }

    /// The keys of a table of attributes; none where no key of it is touched.
    pub(crate) fn keys(&self, of: Payload) -> Option<&Named> {
        self.keys.get(&of).filter(|keys| !keys.is_empty())
    }

    fn keys_of(&mut self, of: Payload) -> &mut Named {
        self.keys.entry(of).or_default()
    }
}

/// Keys of one table.
#[derive(Default)]
pub(crate) struct Named {
    /// Every key.
    pub(crate) all: bool,
    names: BTreeSet<String>,
}

impl Named {
    fn add(&mut self, key: &str) {
        if !self.names.contains(key) {
            self.names.insert(key.to_owned());
        }
    }

    fn take(&mut self, keys: &Keys) {
        match keys {
            Keys::All => self.all = true,
            Keys::Named(keys) => keys.iter().for_each(|key| self.add(key)),
        }
    }

    fn is_empty(&self) -> bool {
        !self.all && self.names.is_empty()
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
