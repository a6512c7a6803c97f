//! Checks a difference in full, then hands out its operations (S-15).

use super::{
    Action, EVERY, HEADER_LEN, Holds, MAGIC, OPERATION_LEN, Of, Operation, Owner, TABLE_LEN,
    Target, Value, WireHeader, WireOperation, WireTable,
};
use crate::errors::{Error, Expected, OperationProblem};

const PART: &str = "difference";

/// How many of each kind the ingress batch has: what ordinals may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owners {
    /// The payload type of its root table.
    pub root: u16,
    /// Items, the rows of the root table.
    pub items: u32,
    /// Resources.
    pub resources: u32,
    /// Scopes.
    pub scopes: u32,
}

impl Owners {
    /// The rows of a table that can lose some.
    fn rows(&self, payload: u16) -> Option<u32> {
        (payload == self.root).then_some(self.items)
    }

    /// How many owners a target has; none where the batch has no such table.
    fn count(&self, of: Of) -> Option<u32> {
        match of {
            Of::Rows(table) => self.rows(table),
            Of::Resources => Some(self.resources),
            Of::Scopes => Some(self.scopes),
        }
    }
}

/// Which rows of a table stay.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    rows_in: u32,
    rows_kept: u32,
    /// None where all stay.
    bitmap: Option<&'a [u8]>,
}

impl<'a> Kept<'a> {
    /// Checks a table's entry and its bitmap.
    fn parse(payload: &'a [u8], table: &WireTable, rows: u32) -> Result<Self, Error> {
        exactly("reserved", table.reserved_2.into(), 0)?;
        exactly("rows_in", table.rows_in, rows)?;
        let mut kept = Self {
            rows_in: table.rows_in,
            rows_kept: table.rows_kept,
            bitmap: None,
        };
        if table.bitmap_offset == 0 {
            exactly("rows_kept", kept.rows_kept, kept.rows_in)?;
            return Ok(kept);
        }
        let len = u64::from(kept.rows_in).div_ceil(64) * 8;
        let bitmap = part(payload, "bitmap_offset", table.bitmap_offset, len, 8)?;
        let ones = bitmap.iter().map(|byte| byte.count_ones()).sum();
        exactly("rows_kept", kept.rows_kept, ones)?;
        kept.bitmap = Some(bitmap);
        match (kept.rows_in..bitmap.len() as u32 * 8).find(|row| kept.bit(*row)) {
            None => Ok(kept),
            Some(bit) => {
                let expected = Expected::AtMost(kept.rows_in.saturating_sub(1).into());
                Err(wrong("bitmap", bit, expected))
            }
        }
    }

    fn bit(&self, ordinal: u32) -> bool {
        self.bitmap.is_none_or(|bitmap| {
            let byte = bitmap.get(ordinal as usize / 8);
            byte.is_some_and(|byte| byte >> (ordinal % 8) & 1 == 1)
        })
    }

    /// Rows that stay.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.rows_kept
    }

    /// Whether a row stays.
    #[must_use]
    pub fn contains(&self, ordinal: u32) -> bool {
        ordinal < self.rows_in && self.bit(ordinal)
    }
}

/// A difference that has been checked in full.
#[derive(Debug, Clone, Copy)]
pub struct Difference<'a> {
    owners: Owners,
    items: Kept<'a>,
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
            return Err(Error::Magic {
                part: PART,
                found: header.magic,
                expected: MAGIC,
            });
        }
        exactly("reserved", header.reserved_28, 0)?;
        let list = |field, offset, count: u32, size: usize| {
            let len = u64::from(count) * size as u64;
            part(payload, field, offset, len, 8)
        };
        let tables = list(
            "tables_offset",
            header.tables_offset,
            header.table_count,
            TABLE_LEN,
        )?;
        let operations = list(
            "ops_offset",
            header.ops_offset,
            header.op_count,
            OPERATION_LEN,
        )?;
        let data_len = header.data_len.into();
        let data = part(payload, "data_offset", header.data_offset, data_len, 1)?;
        let difference = Self {
            owners,
            items: Self::items(payload, tables, &owners)?,
            operations,
            data,
        };
        for (index, wire) in difference.wire_operations().enumerate() {
            let checked = difference.operation(&wire);
            let operation = index as u32;
            checked.map_err(|problem| Error::Operation { operation, problem })?;
        }
        Ok(difference)
    }

    /// Checks the tables' entries; gives which items stay.
    fn items(payload: &'a [u8], tables: &[u8], owners: &Owners) -> Result<Kept<'a>, Error> {
        let mut items = None;
        let mut least = u32::from(owners.root);
        for table in tables.chunks_exact(TABLE_LEN) {
            let table: WireTable = bytemuck::pod_read_unaligned(table);
            let found = u32::from(table.payload);
            if found < least {
                let expected = Expected::AtLeast(least.into());
                return Err(wrong("payload", found, expected));
            }
            least = found + 1;
            let rows = owners.rows(table.payload);
            let rows = rows.ok_or_else(|| wrong("payload", found, Expected::Known))?;
            let kept = Kept::parse(payload, &table, rows)?;
            items.get_or_insert(kept);
        }
        items.ok_or_else(|| wrong("table_count", 0, Expected::AtLeast(1)))
    }

    /// Which items stay.
    #[must_use]
    pub fn kept(&self) -> Kept<'a> {
        self.items
    }

    /// The operations in order.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'a>> + '_ {
        self.wire_operations()
            .filter_map(move |wire| self.operation(&wire).ok())
    }

    fn wire_operations(&self) -> impl Iterator<Item = WireOperation> + 'a {
        self.operations
            .chunks_exact(OPERATION_LEN)
            .map(bytemuck::pod_read_unaligned)
    }

    fn operation(&self, wire: &WireOperation) -> Result<Operation<'a>, OperationProblem> {
        let (payload, column) = (wire.payload, wire.column);
        let known = Target::from_numbers(payload, column);
        let target = known.and_then(|target| Some((target, self.owners.count(target.of())?)));
        let (target, limit) = target.ok_or(OperationProblem::Target { payload, column })?;
        let reserved = u64::from(wire.reserved_5) | u64::from(wire.reserved_6);
        let reserved = reserved | u64::from(wire.reserved_20);
        if reserved != 0 {
            return Err(unknown("reserved", reserved, Expected::Exactly(0)));
        }
        let owner = match wire.owner {
            EVERY => Owner::Every,
            found if found < limit => Owner::One(found),
            found => return Err(OperationProblem::Owner { found, limit }),
        };
        if !target.has_key() && wire.key_len != 0 {
            return Err(unknown(
                "key length",
                wire.key_len.into(),
                Expected::Exactly(0),
            ));
        }
        let key = self.text("key", wire.key_offset, wire.key_len)?;
        let action = self.action(wire, target)?;
        Ok(Operation {
            target,
            owner,
            key,
            action,
        })
    }

    fn action(&self, wire: &WireOperation, target: Target) -> Result<Action<'a>, OperationProblem> {
        Ok(match (wire.action, target.has_key()) {
            (1, _) => Action::Set(self.value(wire, target)?),
            (2, true) => Action::Delete,
            (3, true) if wire.value_type == 1 => {
                Action::Rename(self.text("value", wire.value as u32, (wire.value >> 32) as u32)?)
            }
            (3, true) => {
                return Err(unknown(
                    "value type",
                    wire.value_type.into(),
                    Expected::Exactly(1),
                ));
            }
            (other, _) => return Err(unknown("action", other.into(), Expected::Known)),
        })
    }

    fn value(&self, wire: &WireOperation, target: Target) -> Result<Value<'a>, OperationProblem> {
        let fits = match target.holds() {
            Holds::Int => wire.value_type == 2,
            Holds::Text => wire.value_type == 1,
            Holds::Any | Holds::Attributes => wire.value_type <= 7,
        };
        if !fits {
            return Err(unknown(
                "value type",
                wire.value_type.into(),
                Expected::Known,
            ));
        }
        let (offset, len) = (wire.value as u32, (wire.value >> 32) as u32);
        Ok(match wire.value_type {
            0 if wire.value == 0 => Value::Empty,
            0 => return Err(unknown("value", wire.value, Expected::Exactly(0))),
            1 => Value::Str(self.text("value", offset, len)?),
            2 => {
                let number = wire.value as i64;
                if target.holds() == Holds::Int && i32::try_from(number).is_err() {
                    return Err(unknown(
                        "value",
                        wire.value,
                        Expected::AtMost(i32::MAX as u64),
                    ));
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
        found.ok_or(OperationProblem::Data {
            field,
            offset,
            len,
            limit,
        })
    }
}

fn unknown(field: &'static str, found: u64, expected: Expected) -> OperationProblem {
    OperationProblem::Field {
        field,
        found,
        expected,
    }
}

fn exactly(field: &'static str, found: u32, expected: u32) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(wrong(field, found, Expected::Exactly(expected.into())))
}

fn wrong(field: &'static str, found: u32, expected: Expected) -> Error {
    Error::Field {
        part: PART,
        field,
        found: found.into(),
        expected,
    }
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
        return Err(wrong(field, offset, Expected::MultipleOf(align.into())));
    }
    let (from, end) = (u64::from(offset), u64::from(offset) + len);
    let (low, high) = (HEADER_LEN as u64, payload.len() as u64);
    if from < low || end > high {
        return Err(Error::Range {
            part: PART,
            field,
            offset: from,
            end,
            low,
            high,
        });
    }
    Ok(&payload[from as usize..end as usize])
}
