//! Collects and writes a difference.

use super::{
    Action, EVERY, HEADER_LEN, MAGIC, OPERATION_LEN, Operation, Owner, TABLE_LEN, Value,
    WireHeader, WireOperation, WireTable,
};
use crate::errors::Error;

/// Collects a difference. Reuse it: [`reset`](Self::reset) keeps the memory.
#[derive(Debug, Clone, Default)]
pub struct DifferenceBuilder {
    /// The payload type of the root table, the only one that loses rows by itself.
    root: u16,
    rows_in: u32,
    rows_kept: u32,
    /// Bit `i`: item `i` stays.
    bitmap: Vec<u64>,
    operations: Vec<WireOperation>,
    data: Vec<u8>,
    /// The last keys, which most operations share: where they lie in the data.
    recent: [(u32, u32); 8],
    next_recent: usize,
}

impl DifferenceBuilder {
    /// A difference that keeps all of `rows_in` items, the rows of the root table with this payload
    /// type, and changes nothing.
    #[must_use]
    pub fn new(root: u16, rows_in: u32) -> Self {
        let mut builder = Self::default();
        builder.reset(root, rows_in);
        builder
    }

    /// Begins anew with `rows_in` items, all of which stay.
    pub fn reset(&mut self, root: u16, rows_in: u32) {
        self.root = root;
        self.rows_in = rows_in;
        self.rows_kept = rows_in;
        self.bitmap.clear();
        self.bitmap.resize(rows_in.div_ceil(64) as usize, u64::MAX);
        if let Some(last) = self.bitmap.last_mut()
            && !rows_in.is_multiple_of(64)
        {
            *last = (1 << (rows_in % 64)) - 1;
        }
        self.truncate(Mark::default());
    }

    /// Notes that an item does not stay. Ordinals beyond the items are ignored.
    pub fn drop_row(&mut self, ordinal: u32) {
        let bit = 1 << (ordinal % 64);
        if let Some(word) = self.bitmap.get_mut(ordinal as usize / 64)
            && *word & bit != 0
        {
            *word &= !bit;
            self.rows_kept -= 1;
        }
    }

    /// Whether an item stays.
    #[must_use]
    pub fn stays(&self, ordinal: u32) -> bool {
        let word = self
            .bitmap
            .get(ordinal as usize / 64)
            .copied()
            .unwrap_or_default();
        word >> (ordinal % 64) & 1 == 1
    }

    /// Items of the ingress batch.
    #[must_use]
    pub fn rows_in(&self) -> u32 {
        self.rows_in
    }

    /// Items that stay.
    #[must_use]
    pub fn rows_kept(&self) -> u32 {
        self.rows_kept
    }

    /// Operations so far.
    #[must_use]
    pub fn operation_count(&self) -> usize {
        self.operations.len()
    }

    /// Adds an operation behind the others.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the data exceeds what `u32` can say; nothing is added then.
    pub fn push(&mut self, operation: &Operation<'_>) -> Result<(), Error> {
        let mark = self.mark();
        let pushed = self.append(operation);
        if pushed.is_err() {
            self.truncate(mark);
        }
        pushed
    }

    fn append(&mut self, operation: &Operation<'_>) -> Result<(), Error> {
        let (key_offset, key_len) = self.intern(operation.key.as_bytes())?;
        let (action, value_type, value) = match operation.action {
            Action::Set(value) => (1, value.wire_type(), self.value(value)?),
            Action::Delete => (2, 0, 0),
            Action::Rename(key) => {
                let (offset, len) = self.intern(key.as_bytes())?;
                (3, 1, u64::from(offset) | u64::from(len) << 32)
            }
        };
        self.operations.push(WireOperation {
            payload: operation.target.payload(),
            column: operation.target.column(),
            action,
            value_type,
            reserved_5: 0,
            reserved_6: 0,
            owner: match operation.owner {
                Owner::One(ordinal) => ordinal,
                Owner::Every => EVERY,
            },
            key_offset,
            key_len,
            reserved_20: 0,
            value,
        });
        Ok(())
    }

    fn value(&mut self, value: Value<'_>) -> Result<u64, Error> {
        let bytes = match value {
            Value::Empty => return Ok(0),
            Value::Int(int) => return Ok(int as u64),
            Value::Double(double) => return Ok(double.to_bits()),
            Value::Bool(bool) => return Ok(bool.into()),
            Value::Str(text) => text.as_bytes(),
            Value::Map(bytes) | Value::Slice(bytes) | Value::Bytes(bytes) => bytes,
        };
        let (offset, len) = self.store(bytes)?;
        Ok(u64::from(offset) | u64::from(len) << 32)
    }

    /// Where these bytes lie in the data, if they are among the last keys; else adds them.
    fn intern(&mut self, bytes: &[u8]) -> Result<(u32, u32), Error> {
        let same = |(offset, len): &(u32, u32)| {
            self.data.get(*offset as usize..(*offset + *len) as usize) == Some(bytes)
        };
        if let Some(known) = self.recent.iter().copied().find(same) {
            return Ok(known);
        }
        let stored = self.store(bytes)?;
        self.recent[self.next_recent] = stored;
        self.next_recent = (self.next_recent + 1) % self.recent.len();
        Ok(stored)
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(u32, u32), Error> {
        let found = (self.data.len() + bytes.len()) as u64;
        let limit = i32::MAX as u64;
        if found > limit {
            return Err(Error::TooLarge {
                what: "the difference's data",
                found,
                limit,
            });
        }
        let offset = self.data.len() as u32;
        self.data.extend_from_slice(bytes);
        Ok((offset, bytes.len() as u32))
    }

    /// Where the operations end now.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            operations: self.operations.len(),
            data: self.data.len(),
        }
    }

    /// Takes back what was pushed since the mark.
    pub(crate) fn truncate(&mut self, mark: Mark) {
        self.operations.truncate(mark.operations);
        self.data.truncate(mark.data);
        self.recent = [(0, 0); 8];
    }

    /// The header, the root table's entry and the bytes of all.
    fn parts(&self) -> (WireHeader, WireTable, usize) {
        let bitmap_offset = HEADER_LEN + TABLE_LEN;
        let all = self.rows_kept == self.rows_in;
        let bitmap_len = if all { 0 } else { self.bitmap.len() * 8 };
        let table = WireTable {
            payload: self.root,
            reserved_2: 0,
            rows_in: self.rows_in,
            rows_kept: self.rows_kept,
            bitmap_offset: if all { 0 } else { bitmap_offset as u32 },
        };
        let ops_offset = bitmap_offset + bitmap_len;
        let data_offset = ops_offset + self.operations.len() * OPERATION_LEN;
        let header = WireHeader {
            magic: MAGIC,
            table_count: 1,
            tables_offset: HEADER_LEN as u32,
            op_count: self.operations.len() as u32,
            ops_offset: ops_offset as u32,
            data_offset: data_offset as u32,
            data_len: self.data.len() as u32,
            reserved_28: 0,
        };
        (header, table, data_offset + self.data.len())
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.parts().2
    }

    /// Writes the payload, and returns the bytes used. See
    /// [`begin_payload`](crate::writer::begin_payload) for the slot.
    ///
    /// # Errors
    /// [`Error::SlotTooSmall`] if `to` is shorter than [`payload_len`](Self::payload_len);
    /// [`Error::TooLarge`] if that is more than `u32` can say.
    pub fn write(&self, to: &mut [u8]) -> Result<usize, Error> {
        let (header, table, len) = self.parts();
        let (needed, found, limit) = (len as u64, to.len() as u64, u64::from(u32::MAX));
        if needed > limit {
            return Err(Error::TooLarge {
                what: "the difference",
                found: needed,
                limit,
            });
        }
        let to = to
            .get_mut(..len)
            .ok_or(Error::SlotTooSmall { needed, found })?;
        let bitmap: &[u64] = match table.bitmap_offset {
            0 => &[],
            _ => &self.bitmap,
        };
        let parts: [&[u8]; 5] = [
            bytemuck::bytes_of(&header),
            bytemuck::bytes_of(&table),
            bytemuck::cast_slice(bitmap),
            bytemuck::cast_slice(&self.operations),
            &self.data,
        ];
        let mut at = 0;
        for part in parts {
            to[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Ok(len)
    }
}

/// A place in the list of operations.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    operations: usize,
    data: usize,
}
