//! What was changed in a batch, kept beside it so that it can be held against what the component
//! declared: the host brings back only what is declared, and would lose the rest without a word.

use std::collections::BTreeSet;

use arrow_array::{Array, ArrayRef, RecordBatch};

use crate::{Access, Columns, Error, Keys, Payload};

/// What edits have changed since a batch was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    columns: Columns,
    /// Keys of attributes that edits named, whether anything had them or not: those that are not
    /// declared do not cross, so that nothing may have them.
    keys: BTreeSet<String>,
    dropped: bool,
    renumbered: bool,
}

impl Changes {
    /// Values of these columns are others now.
    pub(crate) fn edited(&mut self, columns: Columns) {
        self.columns |= columns;
    }

    /// An edit named these keys. One of all keys means those that are there.
    pub(crate) fn used(&mut self, keys: &Keys) {
        let Keys::Named(keys) = keys else { return };
        for key in keys {
            if !self.keys.contains(key) {
                self.keys.insert(key.clone());
            }
        }
    }

    /// Items came, have other ids, or lie in another order.
    pub(crate) fn renumbered(&mut self) {
        self.renumbered = true;
    }

    /// Items are gone.
    pub(crate) fn dropped(&mut self) {
        self.dropped = true;
    }

    /// A whole table was replaced. Equal arrays are unchanged; others count as changed, save where
    /// items were dropped, which makes every array another one.
    pub(crate) fn replaced(
        &mut self,
        payload: Payload,
        old: Option<&RecordBatch>,
        new: Option<&RecordBatch>,
    ) {
        let all = Columns::table(payload);
        if payload.is_attributes() {
            if !same_table(old, new) {
                self.edited(all);
            }
        } else if rows(new) < rows(old) {
            self.dropped();
        } else {
            let differs = |name| !same_column(column(old, name), column(new, name));
            let changed = all.iter().filter(|column| differs(column.name));
            changed.for_each(|column| self.edited(column.into()));
        }
    }

    /// Checks that no other change was made than `access` declares.
    pub(crate) fn check(&self, access: &Access) -> Result<(), Error> {
        let undeclared = self.columns.without(access.writes);
        if !undeclared.is_empty() {
            return Err(Error::permanent(format!(
                "the component changed {undeclared}, which it does not declare as written: \
                 declare it in `access` with `write`"
            )));
        }
        let mut keys = self.keys.iter();
        if let Some(key) = keys.find(|key| !access.keys.contains(key)) {
            return Err(Error::permanent(format!(
                "the component edits attributes with the key `{key}`, which it does not declare: \
                 declare it in `access` with `keys`"
            )));
        }
        if self.renumbered && access.keeps_ids {
            return Err(Error::permanent(
                "the component added items, or gave them another order or other ids, which it does \
                 not declare: declare it in `access` with `renumbers`",
            ));
        }
        if self.dropped && !access.filters {
            return Err(Error::permanent(
                "the component dropped items, which it does not declare: \
                 declare it in `access` with `filter`",
            ));
        }
        Ok(())
    }
}

fn rows(table: Option<&RecordBatch>) -> usize {
    table.map_or(0, RecordBatch::num_rows)
}

fn column<'t>(table: Option<&'t RecordBatch>, name: &str) -> Option<&'t ArrayRef> {
    table?.column_by_name(name)
}

fn same_column(old: Option<&ArrayRef>, new: Option<&ArrayRef>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => {
            std::sync::Arc::ptr_eq(old, new) || old.to_data().ptr_eq(&new.to_data())
        }
        (old, new) => old.is_none() && new.is_none(),
    }
}

fn same_table(old: Option<&RecordBatch>, new: Option<&RecordBatch>) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return rows(old) == rows(new);
    };
    let pairs = || old.columns().iter().zip(new.columns());
    old.num_columns() == new.num_columns()
        && pairs().all(|(old, new)| same_column(Some(old), Some(new)))
}
