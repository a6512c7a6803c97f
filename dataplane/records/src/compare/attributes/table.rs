//! One attribute table as it is walked: its keys as small numbers, its rows by owner.

use crate::compare::columns::{TextColumn, Values, column, ordinals};
use crate::compare::{Keys, NotExpressible};
use crate::difference::Value;
use arrow_array::{Array, RecordBatch};
use std::collections::HashMap;

/// Index of a key in [`Names`].
pub(super) type Key = u32;
/// A row that is not compared.
pub(super) const SKIP: Key = Key::MAX;

/// Gives small numbers to keys; keys that are not compared are [`SKIP`].
pub(super) struct Names<'a, 'k> {
    keys: &'k Keys,
    ids: HashMap<&'a str, Key>,
    names: Vec<&'a str>,
}

impl<'a, 'k> Names<'a, 'k> {
    pub(super) fn new(keys: &'k Keys) -> Self {
        Self {
            keys,
            ids: HashMap::new(),
            names: Vec::new(),
        }
    }

    /// The keys by their numbers.
    pub(super) fn into_list(self) -> Vec<&'a str> {
        self.names
    }

    fn id(&mut self, name: &'a str) -> Key {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = if self.keys.contains(name) {
            self.names.push(name);
            self.names.len() as Key - 1
        } else {
            SKIP
        };
        self.ids.insert(name, id);
        id
    }
}

/// An attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Attribute<'a> {
    pub(super) key: Key,
    pub(super) value: Value<'a>,
}

/// An attribute table.
#[derive(Default)]
pub(super) struct Table<'a> {
    pub(super) parents: &'a [u16],
    pub(super) keys: Vec<Key>,
    pub(super) values: Option<Values<'a>>,
    /// Once grouped: where each owner's rows begin in `rows`; one more than owners.
    starts: Vec<u32>,
    /// Once grouped: key and row, by owner and in row order within each. Skipped rows are left out.
    rows: Vec<(Key, u32)>,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        batch: Option<&'a RecordBatch>,
        names: &mut Names<'a, '_>,
    ) -> Result<Self, NotExpressible> {
        let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) else {
            return Ok(Self::default());
        };
        let missing = |name| NotExpressible::new(format!("attributes have no column `{name}`"));
        let (field, parents) = column(batch, "parent_id").ok_or_else(|| missing("parent_id"))?;
        let parents = ordinals("parent_id", field, parents)?;
        let (_, keys) = column(batch, "key").ok_or_else(|| missing("key"))?;
        let values = Values::new(|name| column(batch, name).map(|(_, array)| array), None)?;
        let keys = row_keys(
            TextColumn::new("key", Some(keys))?,
            batch.num_rows(),
            &values,
            names,
        )?;
        Ok(Self {
            parents,
            keys,
            values: Some(values),
            ..Self::default()
        })
    }

    /// Whether each row has the owner and the key of the same row in `other`, and owners do not
    /// decrease.
    pub(super) fn same_rows(&self, other: &Self) -> bool {
        self.keys == other.keys && self.parents == other.parents && self.parents.is_sorted()
    }

    /// Whether no row before it has the same owner and key. Owners do not decrease.
    pub(super) fn is_first(&self, row: usize) -> bool {
        let mut before = (0..row)
            .rev()
            .take_while(|at| self.parents[*at] == self.parents[row]);
        !before.any(|at| self.keys[at] == self.keys[row])
    }

    pub(super) fn group(&mut self) {
        let owners = self
            .parents
            .iter()
            .max()
            .map_or(0, |last| usize::from(*last) + 1);
        let pairs = || self.parents.iter().zip(&self.keys).zip(0..);
        let compared = || pairs().filter(|((_, key), _)| **key != SKIP);
        let mut starts = vec![0u32; owners + 1];
        compared().for_each(|((parent, _), _)| starts[usize::from(*parent) + 1] += 1);
        for owner in 0..owners {
            starts[owner + 1] += starts[owner];
        }
        self.rows = if self.parents.is_sorted() {
            compared().map(|((_, key), row)| (*key, row)).collect()
        } else {
            let mut next = starts.clone();
            let mut rows = vec![(SKIP, 0); starts[owners] as usize];
            for ((parent, key), row) in compared() {
                let at = &mut next[usize::from(*parent)];
                rows[*at as usize] = (*key, row);
                *at += 1;
            }
            rows
        };
        self.starts = starts;
    }

    pub(super) fn owners(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn rows(&self, owner: usize) -> &[(Key, u32)] {
        match (self.starts.get(owner), self.starts.get(owner + 1)) {
            (Some(from), Some(to)) => &self.rows[*from as usize..*to as usize],
            _ => &[],
        }
    }

    pub(super) fn value(&self, row: u32) -> Result<Value<'a>, NotExpressible> {
        self.values
            .as_ref()
            .map_or(Ok(Value::Empty), |values| values.get(row as usize))
    }

    pub(super) fn attributes(&self, owner: usize) -> Result<Vec<Attribute<'a>>, NotExpressible> {
        let attribute = |(key, row): &(Key, u32)| {
            Ok(Attribute {
                key: *key,
                value: self.value(*row)?,
            })
        };
        self.rows(owner).iter().map(attribute).collect()
    }
}

/// The key of each row.
fn row_keys<'a>(
    column: TextColumn<'a>,
    rows: usize,
    values: &Values<'a>,
    names: &mut Names<'a, '_>,
) -> Result<Vec<Key>, NotExpressible> {
    let dictionary: Option<Vec<Key>> = column.dictionary().map(|entries| {
        (0..entries.len())
            .map(|i| names.id(entries.value(i)))
            .collect()
    });
    let mut keys = Vec::with_capacity(rows);
    for row in 0..rows {
        let index = column.index(row);
        let key = match (&dictionary, index) {
            (Some(entries), Some(index)) => entries[index],
            _ => names.id(column.get(row)),
        };
        // A row without key and value is there for the engine's filter only.
        let placeholder =
            key != SKIP && names.names[key as usize].is_empty() && values.get(row)? == Value::Empty;
        keys.push(if placeholder { SKIP } else { key });
    }
    Ok(keys)
}
