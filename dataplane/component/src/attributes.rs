//! Reading a table of attributes.

use arrow_array::{RecordBatch, StringArray, UInt16Array};

use crate::Value;
use crate::column::Column;
use crate::value::Values;

/// The rows of one attribute table: of the logs, the resources or the scopes.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    len: usize,
    parent: Column<'a, UInt16Array>,
    key: Column<'a, StringArray>,
    values: Values<'a>,
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attribute<'a> {
    /// The id of what it belongs to: [`Log::id`](crate::Log::id), the resource's
    /// id or the scope's.
    pub parent: u16,
    /// The key.
    pub key: &'a str,
    /// The value.
    pub value: Value<'a>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(table: Option<&'a RecordBatch>) -> Self {
        Self {
            len: table.map_or(0, RecordBatch::num_rows),
            parent: Column::root(table, "parent_id"),
            key: Column::root(table, "key"),
            values: Values::of_table(table),
        }
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The attributes in the order of their rows, which is not the order of what
    /// they belong to. Rows without a parent id belong to nothing and are left out.
    pub fn iter(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let table = *self;
        (0..table.len).filter_map(move |row| table.get(row))
    }

    /// The attributes with this key, in the order of their rows. Cheaper than to
    /// search in [`iter`](Self::iter): a dictionary's keys are compared once each.
    pub fn with_key(&self, key: &str) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let table = *self;
        let rows = self.key.rows_where(self.len, |found| found == key);
        (0..table.len)
            .filter(move |row| rows.value(*row))
            .filter_map(move |row| table.get(row))
    }

    /// The value in a row.
    pub fn value(&self, row: usize) -> Value<'a> {
        self.values.get(row)
    }

    /// The attribute in a row; none where it belongs to nothing.
    pub(crate) fn get(&self, row: usize) -> Option<Attribute<'a>> {
        Some(Attribute {
            parent: self.parent.get(row)?,
            key: self.key.get(row).unwrap_or_default(),
            value: self.values.get(row),
        })
    }

    /// The parents' ids, by row.
    pub(crate) fn parents(&self) -> Column<'a, UInt16Array> {
        self.parent
    }

    /// The keys, by row.
    pub(crate) fn keys(&self) -> Column<'a, StringArray> {
        self.key
    }

    /// The values, by row.
    pub(crate) fn values(&self) -> Values<'a> {
        self.values
    }
}

/// The rows of a table by what they belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grouped {
    /// Where the rows of each id begin; one more than there are ids.
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Grouped {
    pub(crate) fn new(attributes: &Attributes<'_>) -> Self {
        let parent = |row| attributes.parent.get(row).map(usize::from);
        let parents = (0..attributes.len).filter_map(parent);
        let Some(last) = parents.clone().max() else {
            return Self::default();
        };
        let mut starts = vec![0; last + 2];
        parents.for_each(|id| starts[id + 1] += 1);
        for id in 0..=last {
            starts[id + 1] += starts[id];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; starts[last + 1] as usize];
        for row in 0..attributes.len {
            if let Some(id) = parent(row) {
                rows[next[id] as usize] = row as u32;
                next[id] += 1;
            }
        }
        Self { starts, rows }
    }

    /// The rows that belong to an id, in their order.
    pub(crate) fn rows(&self, id: u16) -> &[u32] {
        let id = usize::from(id);
        match (self.starts.get(id), self.starts.get(id + 1)) {
            (Some(from), Some(to)) => &self.rows[*from as usize..*to as usize],
            _ => &[],
        }
    }
}
