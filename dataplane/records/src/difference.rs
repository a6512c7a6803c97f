//! Differences: the answer of a unit whose host kept the original (format section 4).
//!
//! [`DifferenceBuilder`] collects operations, knows the exact length, and writes them to the payload of a slot;
//! [`Difference`] checks one in full before it gives the first operation away (S-15), and applies nothing itself.

use crate::errors::{Error, Expected, OperationProblem};
use bytemuck::{Pod, Zeroable};

/// Bytes of the payload's own header.
const HEADER_LEN: usize = 32;
/// Bytes of an operation.
const OPERATION_LEN: usize = 32;
const MAGIC: u32 = u32::from_le_bytes(*b"SDF1");
const PART: &str = "difference";
/// The owner that stands for every one.
const EVERY: u32 = u32::MAX;

/// What an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Target {
    /// An attribute of a log record.
    LogAttribute = 1,
    /// An attribute of a resource.
    ResourceAttribute = 2,
    /// An attribute of a scope.
    ScopeAttribute = 3,
    /// The body.
    Body = 4,
    /// The severity number.
    SeverityNumber = 5,
    /// The severity text.
    SeverityText = 6,
    /// The event name.
    EventName = 7,
}

impl Target {
    fn from_wire(value: u8) -> Option<Self> {
        Some(match value {
            1 => Self::LogAttribute,
            2 => Self::ResourceAttribute,
            3 => Self::ScopeAttribute,
            4 => Self::Body,
            5 => Self::SeverityNumber,
            6 => Self::SeverityText,
            7 => Self::EventName,
            _ => return None,
        })
    }

    /// Whether it is an attribute, which has a key.
    #[must_use]
    pub fn has_key(self) -> bool {
        matches!(self, Self::LogAttribute | Self::ResourceAttribute | Self::ScopeAttribute)
    }
}

/// Whom an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The item, resource or scope with this ordinal in the ingress batch.
    One(u32),
    /// Every one that stays and, for attributes, has the key.
    Every,
}

/// A value with its type (S-12).
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Nothing.
    Empty,
    /// Text.
    Str(&'a str),
    /// An integer.
    Int(i64),
    /// A floating-point number; equal when all bits are.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// A map in CBOR.
    Map(&'a [u8]),
    /// A list in CBOR.
    Slice(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Empty, Self::Empty) => true,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Map(a), Self::Map(b))
            | (Self::Slice(a), Self::Slice(b))
            | (Self::Bytes(a), Self::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl Value<'_> {
    fn wire_type(&self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::Str(_) => 1,
            Self::Int(_) => 2,
            Self::Double(_) => 3,
            Self::Bool(_) => 4,
            Self::Map(_) => 5,
            Self::Slice(_) => 6,
            Self::Bytes(_) => 7,
        }
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action<'a> {
    /// Replaces the value in place; an attribute that is not there is added at the tail.
    Set(Value<'a>),
    /// Removes the attribute.
    Delete,
    /// Gives the attribute this key; one that already has it is removed first.
    Rename(&'a str),
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation<'a> {
    /// What is changed.
    pub target: Target,
    /// Whose.
    pub owner: Owner,
    /// The attribute's key; empty for other targets.
    pub key: &'a str,
    /// How.
    pub action: Action<'a>,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct WireHeader {
    magic: u32,
    rows_in: u32,
    rows_kept: u32,
    bitmap_offset: u32,
    op_count: u32,
    ops_offset: u32,
    data_offset: u32,
    data_len: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct WireOperation {
    target: u8,
    action: u8,
    value_type: u8,
    reserved_3: u8,
    owner: u32,
    key_offset: u32,
    key_len: u32,
    value: u64,
    reserved_24: u64,
}

const _: () = assert!(size_of::<WireHeader>() == HEADER_LEN);
const _: () = assert!(size_of::<WireOperation>() == OPERATION_LEN);

/// Collects a difference. Reuse it: [`reset`](Self::reset) keeps the memory.
#[derive(Debug, Clone, Default)]
pub struct DifferenceBuilder {
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
    /// A difference that keeps all of `rows_in` items and changes nothing.
    #[must_use]
    pub fn new(rows_in: u32) -> Self {
        let mut builder = Self::default();
        builder.reset(rows_in);
        builder
    }

    /// Begins anew with `rows_in` items, all of which stay.
    pub fn reset(&mut self, rows_in: u32) {
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
        let word = self.bitmap.get(ordinal as usize / 64).copied().unwrap_or_default();
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
            target: operation.target as u8,
            action,
            value_type,
            reserved_3: 0,
            owner: match operation.owner {
                Owner::One(ordinal) => ordinal,
                Owner::Every => EVERY,
            },
            key_offset,
            key_len,
            value,
            reserved_24: 0,
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
            return Err(Error::TooLarge { what: "the difference's data", found, limit });
        }
        let offset = self.data.len() as u32;
        self.data.extend_from_slice(bytes);
        Ok((offset, bytes.len() as u32))
    }

    /// Where the operations end now.
    pub(crate) fn mark(&self) -> Mark {
        Mark { operations: self.operations.len(), data: self.data.len() }
    }

    /// Takes back what was pushed since the mark.
    pub(crate) fn truncate(&mut self, mark: Mark) {
        self.operations.truncate(mark.operations);
        self.data.truncate(mark.data);
        self.recent = [(0, 0); 8];
    }

    fn parts(&self) -> (WireHeader, usize) {
        let bitmap = if self.rows_kept == self.rows_in { 0 } else { self.bitmap.len() * 8 };
        let ops_offset = HEADER_LEN + bitmap;
        let data_offset = ops_offset + self.operations.len() * OPERATION_LEN;
        let header = WireHeader {
            magic: MAGIC,
            rows_in: self.rows_in,
            rows_kept: self.rows_kept,
            bitmap_offset: if bitmap == 0 { 0 } else { HEADER_LEN as u32 },
            op_count: self.operations.len() as u32,
            ops_offset: ops_offset as u32,
            data_offset: data_offset as u32,
            data_len: self.data.len() as u32,
        };
        (header, data_offset + self.data.len())
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.parts().1
    }

    /// Writes the payload, and returns the bytes used. See [`begin_payload`](crate::writer::begin_payload) for the slot.
    ///
    /// # Errors
    /// [`Error::SlotTooSmall`] if `to` is shorter than [`payload_len`](Self::payload_len); [`Error::TooLarge`] if
    /// that is more than `u32` can say.
    pub fn write(&self, to: &mut [u8]) -> Result<usize, Error> {
        let (header, len) = self.parts();
        let (needed, found, limit) = (len as u64, to.len() as u64, u64::from(u32::MAX));
        if needed > limit {
            return Err(Error::TooLarge { what: "the difference", found: needed, limit });
        }
        let to = to.get_mut(..len).ok_or(Error::SlotTooSmall { needed, found })?;
        let (head, rest) = to.split_at_mut(HEADER_LEN);
        head.copy_from_slice(bytemuck::bytes_of(&header));
        let bitmap: &[u64] = if header.bitmap_offset == 0 { &[] } else { &self.bitmap };
        let (words, rest) = rest.split_at_mut(bitmap.len() * 8);
        words.copy_from_slice(bytemuck::cast_slice(bitmap));
        let (operations, data) = rest.split_at_mut(self.operations.len() * OPERATION_LEN);
        operations.copy_from_slice(bytemuck::cast_slice(&self.operations));
        data.copy_from_slice(&self.data);
        Ok(len)
    }
}

/// A place in the list of operations.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    operations: usize,
    data: usize,
}

/// How many owners of each kind the ingress batch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owners {
    /// Items.
    pub items: u32,
    /// Resources.
    pub resources: u32,
    /// Scopes.
    pub scopes: u32,
}

/// A difference that has been checked in full.
#[derive(Debug, Clone, Copy)]
pub struct Difference<'a> {
    header: WireHeader,
    bitmap: &'a [u8],
    operations: &'a [u8],
    data: &'a [u8],
}

impl<'a> Difference<'a> {
    /// Checks a payload against the ingress batch that it is about.
    ///
    /// CBOR values are not decoded here.
    ///
    /// # Errors
    /// The first thing that is wrong (S-15).
    pub fn parse(payload: &'a [u8], owners: Owners) -> Result<Self, Error> {
        let head = payload.get(..HEADER_LEN).ok_or(Error::Truncated {
            part: PART,
            needed: HEADER_LEN as u64,
            found: payload.len() as u64,
        })?;
        let header: WireHeader = bytemuck::pod_read_unaligned(head);
        if header.magic != MAGIC {
            return Err(Error::Magic { part: PART, found: header.magic, expected: MAGIC });
        }
        exactly("rows_in", header.rows_in, owners.items)?;
        let bitmap = match header.bitmap_offset {
            0 => &[],
            at => {
                let len = u64::from(header.rows_in).div_ceil(64) * 8;
                part(payload, "bitmap_offset", at, len, 8)?
            }
        };
        let len = u64::from(header.op_count) * OPERATION_LEN as u64;
        let operations = part(payload, "ops_offset", header.ops_offset, len, 8)?;
        let data = part(payload, "data_offset", header.data_offset, header.data_len.into(), 1)?;
        let difference = Self { header, bitmap, operations, data };
        difference.check_bitmap()?;
        for (index, wire) in difference.wire_operations().enumerate() {
            let checked = difference.operation(&wire, owners);
            let operation = index as u32;
            checked.map_err(|problem| Error::Operation { operation, problem })?;
        }
        Ok(difference)
    }

    fn check_bitmap(&self) -> Result<(), Error> {
        if self.header.bitmap_offset == 0 {
            return exactly("rows_kept", self.header.rows_kept, self.header.rows_in);
        }
        let kept: u32 = self.bitmap.iter().map(|byte| byte.count_ones()).sum();
        exactly("rows_kept", self.header.rows_kept, kept)?;
        let beyond = (self.header.rows_in..self.bitmap.len() as u32 * 8).find(|i| self.bit(*i));
        match beyond {
            None => Ok(()),
            Some(bit) => {
                let expected = Expected::AtMost(self.header.rows_in.saturating_sub(1).into());
                Err(Error::Field { part: PART, field: "bitmap", found: bit.into(), expected })
            }
        }
    }

    fn bit(&self, ordinal: u32) -> bool {
        self.bitmap.get(ordinal as usize / 8).is_some_and(|byte| byte >> (ordinal % 8) & 1 == 1)
    }

    /// Items that stay.
    #[must_use]
    pub fn rows_kept(&self) -> u32 {
        self.header.rows_kept
    }

    /// Whether an item stays.
    #[must_use]
    pub fn stays(&self, ordinal: u32) -> bool {
        ordinal < self.header.rows_in && (self.header.bitmap_offset == 0 || self.bit(ordinal))
    }

    /// The operations in order.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'a>> + '_ {
        let owners = Owners { items: u32::MAX, resources: u32::MAX, scopes: u32::MAX };
        self.wire_operations().filter_map(move |wire| self.operation(&wire, owners).ok())
    }

    fn wire_operations(&self) -> impl Iterator<Item = WireOperation> + 'a {
        self.operations.chunks_exact(OPERATION_LEN).map(bytemuck::pod_read_unaligned)
    }

    fn operation(
        &self,
        wire: &WireOperation,
        owners: Owners,
    ) -> Result<Operation<'a>, OperationProblem> {
        let target = Target::from_wire(wire.target)
            .ok_or_else(|| unknown("target", wire.target.into(), Expected::Known))?;
        let reserved = u64::from(wire.reserved_3) | wire.reserved_24;
        if reserved != 0 {
            return Err(unknown("reserved", reserved, Expected::Exactly(0)));
        }
        let limit = match target {
            Target::ResourceAttribute => owners.resources,
            Target::ScopeAttribute => owners.scopes,
            _ => owners.items,
        };
        let owner = match wire.owner {
            EVERY => Owner::Every,
            found if found < limit => Owner::One(found),
            found => return Err(OperationProblem::Owner { found, limit }),
        };
        if !target.has_key() && wire.key_len != 0 {
            return Err(unknown("key length", wire.key_len.into(), Expected::Exactly(0)));
        }
        let key = self.text("key", wire.key_offset, wire.key_len)?;
        let action = match (wire.action, target.has_key()) {
            (1, _) => Action::Set(self.value(wire, target)?),
            (2, true) => Action::Delete,
            (3, true) if wire.value_type == 1 => {
                Action::Rename(self.text("value", wire.value as u32, (wire.value >> 32) as u32)?)
            }
            (3, true) => {
                return Err(unknown("value type", wire.value_type.into(), Expected::Exactly(1)));
            }
            (other, _) => return Err(unknown("action", other.into(), Expected::Known)),
        };
        Ok(Operation { target, owner, key, action })
    }

    fn value(&self, wire: &WireOperation, target: Target) -> Result<Value<'a>, OperationProblem> {
        let fits = match target {
            Target::SeverityNumber => wire.value_type == 2,
            Target::SeverityText | Target::EventName => wire.value_type == 1,
            _ => wire.value_type <= 7,
        };
        if !fits {
            return Err(unknown("value type", wire.value_type.into(), Expected::Known));
        }
        let (offset, len) = (wire.value as u32, (wire.value >> 32) as u32);
        Ok(match wire.value_type {
            0 if wire.value == 0 => Value::Empty,
            0 => return Err(unknown("value", wire.value, Expected::Exactly(0))),
            1 => Value::Str(self.text("value", offset, len)?),
            2 => {
                let number = wire.value as i64;
                if target == Target::SeverityNumber && i32::try_from(number).is_err() {
                    return Err(unknown("value", wire.value, Expected::AtMost(i32::MAX as u64)));
                }
                Value::Int(number)
            }
            3 => Value::Double(f64::from_bits(wire.value)),
            4 if wire.value <= 1 => Value::Bool(wire.value == 1),
            4 => return Err(unknown("value", wire.value, Expected::AtMost(1))),
            5 => Value::Map(self.bytes("value", offset, len)?),
            6 => Value::Slice(self.bytes("value", offset, len)?),
            _ => Value::Bytes(self.bytes("value", offset, len)?),
        })
    }

    fn text(
        &self,
        field: &'static str,
        offset: u32,
        len: u32,
    ) -> Result<&'a str, OperationProblem> {
        let bytes = self.bytes(field, offset, len)?;
        std::str::from_utf8(bytes).map_err(|_| OperationProblem::Text { field })
    }

    fn bytes(
        &self,
        field: &'static str,
        offset: u32,
        len: u32,
    ) -> Result<&'a [u8], OperationProblem> {
        let (from, limit) = (offset as usize, self.data.len() as u32);
        let found = self.data.get(from..from + len as usize);
        found.ok_or(OperationProblem::Data { field, offset, len, limit })
    }
}

fn unknown(field: &'static str, found: u64, expected: Expected) -> OperationProblem {
    OperationProblem::Field { field, found, expected }
}

fn exactly(field: &'static str, found: u32, expected: u32) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let expected = Expected::Exactly(expected.into());
    Err(Error::Field { part: PART, field, found: found.into(), expected })
}

/// The bytes that an offset and a length name in the payload, behind its header.
fn part<'a>(
    payload: &'a [u8],
    field: &'static str,
    offset: u32,
    len: u64,
    align: u32,
) -> Result<&'a [u8], Error> {
    if !offset.is_multiple_of(align) {
        let expected = Expected::MultipleOf(align.into());
        return Err(Error::Field { part: PART, field, found: offset.into(), expected });
    }
    let (from, end) = (u64::from(offset), u64::from(offset) + len);
    let (low, high) = (HEADER_LEN as u64, payload.len() as u64);
    if from < low || end > high {
        return Err(Error::Range { part: PART, field, offset: from, end, low, high });
    }
    Ok(&payload[from as usize..end as usize])
}
