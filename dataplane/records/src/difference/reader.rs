//! Checks a difference in full, then hands out its operations (S-15).

use super::{
    Action, EVERY, HEADER_LEN, MAGIC, OPERATION_LEN, Operation, Owner, Target, Value, WireHeader,
    WireOperation,
};
use crate::errors::{Error, Expected, OperationProblem};

const PART: &str = "difference";

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
            return Err(Error::Magic {
                part: PART,
                found: header.magic,
                expected: MAGIC,
            });
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
        let data = part(
            payload,
            "data_offset",
            header.data_offset,
            header.data_len.into(),
            1,
        )?;
        let difference = Self {
            header,
            bitmap,
            operations,
            data,
        };
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
                Err(Error::Field {
                    part: PART,
                    field: "bitmap",
                    found: bit.into(),
                    expected,
                })
            }
        }
    }

    fn bit(&self, ordinal: u32) -> bool {
        self.bitmap
            .get(ordinal as usize / 8)
            .is_some_and(|byte| byte >> (ordinal % 8) & 1 == 1)
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
        let owners = Owners {
            items: u32::MAX,
            resources: u32::MAX,
            scopes: u32::MAX,
        };
        self.wire_operations()
            .filter_map(move |wire| self.operation(&wire, owners).ok())
    }

    fn wire_operations(&self) -> impl Iterator<Item = WireOperation> + 'a {
        self.operations
            .chunks_exact(OPERATION_LEN)
            .map(bytemuck::pod_read_unaligned)
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
            return Err(unknown(
                "key length",
                wire.key_len.into(),
                Expected::Exactly(0),
            ));
        }
        let key = self.text("key", wire.key_offset, wire.key_len)?;
        let action = match (wire.action, target.has_key()) {
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
        };
        Ok(Operation {
            target,
            owner,
            key,
            action,
        })
    }

    fn value(&self, wire: &WireOperation, target: Target) -> Result<Value<'a>, OperationProblem> {
        let fits = match target {
            Target::SeverityNumber => wire.value_type == 2,
            Target::SeverityText | Target::EventName => wire.value_type == 1,
            _ => wire.value_type <= 7,
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
                if target == Target::SeverityNumber && i32::try_from(number).is_err() {
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
    let expected = Expected::Exactly(expected.into());
    Err(Error::Field {
        part: PART,
        field,
        found: found.into(),
        expected,
    })
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
        return Err(Error::Field {
            part: PART,
            field,
            found: offset.into(),
            expected,
        });
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
