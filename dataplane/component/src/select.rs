//! Taking logs out of a batch, with what belongs to them: in any order, or by a key of each.

use std::collections::HashMap;
use std::hash::Hash;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;

use crate::id_set::IdSet;
use crate::{AttributeTable, Batch, BatchError, Log, Logs, Payload};

impl Batch {
    /// A batch of these rows, in this order, with their attributes, those of their resources and
    /// scopes, and the context. Ids stay what they were. The values of dictionaries are shared, not
    /// copied.
    ///
    /// # Errors
    ///
    /// [`BatchError::Row`]: a row is named twice, or lies past the end. The batch holds OTLP bytes.
    pub fn take(&self, rows: &[usize]) -> Result<Self, BatchError> {
        self.has_records()?;
        let mut taken = vec![false; self.len()];
        for row in rows.iter().copied() {
            let problem = match taken.get_mut(row) {
                None => "is past the end",
                Some(true) => "was taken before",
                Some(new) => {
                    *new = true;
                    continue;
                }
            };
            return Err(BatchError::Row { row, problem });
        }
        self.select(&self.logs(), rows)
    }

    /// A batch for each key that `key` gives to some log, in the order of their first logs. The
    /// logs of each keep their order.
    ///
    /// ```
    /// use strait_component::testing::{batch, Sample};
    /// use strait_component::{AttributeTable, BatchError};
    ///
    /// let records = ["a", "b", "a"].map(|tenant| Sample::default().with("tenant", tenant));
    /// let parts = batch(&records).partition(|log| {
    ///     log.attribute(AttributeTable::Log, "tenant")?.as_str().map(str::to_owned)
    /// })?;
    /// let sizes: Vec<_> = parts.iter().map(|(key, logs)| (key.as_deref(), logs.len())).collect();
    /// assert_eq!(sizes, [(Some("a"), 2), (Some("b"), 1)]);
    /// # Ok::<(), BatchError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The batch holds OTLP bytes, or an error of Arrow's.
    pub fn partition<K: Eq + Hash + Clone>(
        &self,
        mut key: impl FnMut(Log<'_>) -> K,
    ) -> Result<Vec<(K, Self)>, BatchError> {
        self.has_records()?;
        let logs = self.logs();
        let mut places = HashMap::new();
        let mut parts: Vec<(K, Vec<usize>)> = Vec::new();
        for log in logs.iter() {
            let place = *places.entry(key(log)).or_insert_with_key(|key| {
                parts.push((key.clone(), Vec::new()));
                parts.len() - 1
            });
            parts[place].1.push(log.row());
        }
        if let [(_, rows)] = &parts[..]
            && rows.len() == self.len()
        {
            let all = parts.into_iter().map(|(key, _)| (key, self.clone()));
            return Ok(all.collect());
        }
        let parts = parts.into_iter();
        parts
            .map(|(key, rows)| Ok((key, self.select(&logs, &rows)?)))
            .collect()
    }

    /// A batch of these rows, which are there, each once.
    fn select(&self, logs: &Logs<'_>, rows: &[usize]) -> Result<Self, BatchError> {
        let mut part = Self::default().with_context(self.context().clone());
        part.changes = self.changes.clone();
        let indices = rows.iter().map(|row| *row as u32).collect();
        part.tables[Payload::Logs.index()] = self.taken(Payload::Logs, indices)?;
        for of in AttributeTable::ALL {
            let ids = logs.ids(of);
            let mut seen = IdSet::none();
            let owners = rows.iter().filter_map(|row| ids.get(*row));
            let owners = owners.filter(|id| seen.insert(*id));
            let indices: Vec<u32> = owners
                .flat_map(|id| logs.rows_of(of, id))
                .copied()
                .collect();
            if !indices.is_empty() {
                part.tables[of.payload().index()] = self.taken(of.payload(), indices)?;
            }
        }
        part.changes.renumbered();
        Ok(part)
    }

    fn taken(&self, payload: Payload, rows: Vec<u32>) -> Result<Option<RecordBatch>, BatchError> {
        let Some(table) = self.table(payload) else {
            return Ok(None);
        };
        let taken = take_record_batch(table, &UInt32Array::from(rows));
        taken
            .map(Some)
            .map_err(|error| BatchError::arrow(payload, error))
    }
}
