//! Arrow schemas out of schema messages, without the panics of the library's own conversion.
//!
//! The flatbuffer is verified first; then every width, unit, child count and number is checked, and
//! dictionary ids have to be 0, 1, 2, ... in depth-first order (S-5).

use crate::errors::{Problem, SchemaProblem};
use crate::limits::{MAX_DEPTH, MAX_PREAMBLE, SchemaSize, within};
use arrow_ipc as ipc;
use arrow_schema::{
    DataType, Field, FieldRef, Fields, IntervalUnit, Schema, TimeUnit, UnionFields, UnionMode,
};
use std::collections::HashMap;
use std::sync::Arc;

/// A schema, the value type of each of its dictionaries, and its size.
pub(crate) struct Parsed {
    pub(crate) size: SchemaSize,
    pub(crate) schema: Schema,
    pub(crate) dictionaries: Vec<DataType>,
}

/// Reads an encapsulated schema message.
pub(crate) fn parse(message: &[u8]) -> Result<Parsed, SchemaProblem> {
    within("bytes", message.len(), MAX_PREAMBLE)?;
    let flatbuffer = crate::message::unframe(message).map_err(metadata)?;
    let size = super::check::check(flatbuffer)?;
    // The verifier counts the message, the schema, and a field's type as levels, too.
    let options = flatbuffers::VerifierOptions {
        max_depth: MAX_DEPTH as usize + 8,
        ..flatbuffers::VerifierOptions::default()
    };
    let message = ipc::root_as_message_with_opts(&options, flatbuffer)
        .map_err(|e| SchemaProblem::Message(e.to_string()))?;
    if message.version() != ipc::MetadataVersion::V5 {
        return bad(format!(
            "metadata version {:?}, expected V5",
            message.version()
        ));
    }
    let schema = message
        .header_as_schema()
        .ok_or_else(|| text("the message holds no schema"))?;
    if schema.endianness() != ipc::Endianness::Little {
        return bad("big-endian data".to_owned());
    }
    let mut reader = FieldReader {
        dictionaries: Vec::new(),
    };
    let fields = schema
        .fields()
        .map(|fields| reader.fields(fields))
        .transpose()?;
    let schema =
        Schema::new_with_metadata(fields.unwrap_or_default(), pairs(schema.custom_metadata()));
    Ok(Parsed {
        size,
        schema,
        dictionaries: reader.dictionaries,
    })
}

fn metadata(problem: Problem) -> SchemaProblem {
    SchemaProblem::Message(problem.to_string())
}

fn text(reason: &str) -> SchemaProblem {
    SchemaProblem::Message(reason.to_owned())
}

fn bad<T>(reason: String) -> Result<T, SchemaProblem> {
    Err(SchemaProblem::Message(reason))
}

fn missing() -> SchemaProblem {
    text("a field's type is missing")
}

fn pairs<'a>(
    list: Option<flatbuffers::Vector<'a, flatbuffers::ForwardsUOffset<ipc::KeyValue<'a>>>>,
) -> HashMap<String, String> {
    let pair = |kv: ipc::KeyValue<'_>| Some((kv.key()?.to_owned(), kv.value()?.to_owned()));
    list.into_iter().flatten().filter_map(pair).collect()
}

type FbFields<'a> = flatbuffers::Vector<'a, flatbuffers::ForwardsUOffset<ipc::Field<'a>>>;

/// Counts dictionaries while it walks the fields depth-first.
struct FieldReader {
    dictionaries: Vec<DataType>,
}

impl FieldReader {
    fn fields(&mut self, fields: FbFields<'_>) -> Result<Fields, SchemaProblem> {
        fields
            .iter()
            .map(|field| self.field(field))
            .collect::<Result<Vec<Field>, _>>()
            .map(Fields::from)
    }

    fn field(&mut self, field: ipc::Field<'_>) -> Result<Field, SchemaProblem> {
        let name = field.name().unwrap_or_default();
        let before = self.dictionaries.len();
        let mut data_type = self.data_type(field)?;
        if let Some(dictionary) = field.dictionary() {
            if before != self.dictionaries.len() {
                return bad(format!("column `{name}` is a dictionary of dictionaries"));
            }
            let (found, expected) = (dictionary.id(), before as i64);
            if found != expected {
                let column = name.to_owned();
                return Err(SchemaProblem::DictionaryId {
                    column,
                    found,
                    expected,
                });
            }
            let index = dictionary
                .indexType()
                .map_or(Ok(DataType::Int32), integer)?;
            self.dictionaries.push(data_type.clone());
            data_type = DataType::Dictionary(Box::new(index), Box::new(data_type));
        }
        let read = Field::new(name, data_type, field.nullable());
        let read = match field.dictionary() {
            Some(dictionary) => read.with_dict_is_ordered(dictionary.isOrdered()),
            None => read,
        };
        Ok(read.with_metadata(pairs(field.custom_metadata())))
    }

    fn child(&mut self, field: ipc::Field<'_>) -> Result<FieldRef, SchemaProblem> {
        match field.children() {
            Some(children) if children.len() == 1 => Ok(Arc::new(self.field(children.get(0))?)),
            other => bad(format!(
                "a list has {} children",
                other.map_or(0, |c| c.len())
            )),
        }
    }

    fn data_type(&mut self, field: ipc::Field<'_>) -> Result<DataType, SchemaProblem> {
        Ok(match field.type_type() {
            ipc::Type::List => DataType::List(self.child(field)?),
            ipc::Type::LargeList => DataType::LargeList(self.child(field)?),
            ipc::Type::ListView => DataType::ListView(self.child(field)?),
            ipc::Type::LargeListView => DataType::LargeListView(self.child(field)?),
            ipc::Type::FixedSizeList => {
                let size = field
                    .type_as_fixed_size_list()
                    .ok_or_else(missing)?
                    .listSize();
                DataType::FixedSizeList(self.child(field)?, width(size)?)
            }
            ipc::Type::Map => {
                let sorted = field.type_as_map().ok_or_else(missing)?.keysSorted();
                let entries = self.child(field)?;
                match entries.data_type() {
                    DataType::Struct(fields) if fields.len() == 2 => {}
                    other => return bad(format!("a map of {other}")),
                }
                DataType::Map(entries, sorted)
            }
            ipc::Type::Struct_ => DataType::Struct(
                field
                    .children()
                    .map(|c| self.fields(c))
                    .transpose()?
                    .unwrap_or_default(),
            ),
            ipc::Type::RunEndEncoded => self.run_end_encoded(field)?,
            ipc::Type::Union => self.union(field)?,
            _ => leaf(field)?,
        })
    }

    fn run_end_encoded(&mut self, field: ipc::Field<'_>) -> Result<DataType, SchemaProblem> {
        let children = field
            .children()
            .map(|c| self.fields(c))
            .transpose()?
            .unwrap_or_default();
        match children.as_ref() {
            [ends, values]
                if matches!(
                    ends.data_type(),
                    DataType::Int16 | DataType::Int32 | DataType::Int64
                ) && !ends.is_nullable() =>
            {
                Ok(DataType::RunEndEncoded(ends.clone(), values.clone()))
            }
            _ => bad("a run-end encoded column without its two children".to_owned()),
        }
    }

    fn union(&mut self, field: ipc::Field<'_>) -> Result<DataType, SchemaProblem> {
        let union = field.type_as_union().ok_or_else(missing)?;
        let mode = match union.mode() {
            ipc::UnionMode::Dense => UnionMode::Dense,
            ipc::UnionMode::Sparse => UnionMode::Sparse,
            other => return bad(format!("union mode {other:?}")),
        };
        let children = field
            .children()
            .map(|c| self.fields(c))
            .transpose()?
            .unwrap_or_default();
        // At most as many bytes as the schema has: `check` has counted them.
        let ids: Vec<i32> = match union.typeIds() {
            Some(ids) => ids.iter().collect(),
            None => (0..children.len() as i32).collect(),
        };
        let ids: Result<Vec<i8>, _> = ids.into_iter().map(i8::try_from).collect();
        let ids = ids.map_err(|_| text("a union type id beyond 127"))?;
        if ids.len() != children.len() {
            return bad(format!(
                "a union with {} ids of {} types",
                ids.len(),
                children.len()
            ));
        }
        let fields = UnionFields::try_new(ids, children.iter().cloned())
            .map_err(|e| SchemaProblem::Message(e.to_string()))?;
        Ok(DataType::Union(fields, mode))
    }
}

/// Types without children.
fn leaf(field: ipc::Field<'_>) -> Result<DataType, SchemaProblem> {
    Ok(match field.type_type() {
        ipc::Type::Null => DataType::Null,
        ipc::Type::Bool => DataType::Boolean,
        ipc::Type::Int => integer(field.type_as_int().ok_or_else(missing)?)?,
        ipc::Type::Binary => DataType::Binary,
        ipc::Type::BinaryView => DataType::BinaryView,
        ipc::Type::LargeBinary => DataType::LargeBinary,
        ipc::Type::Utf8 => DataType::Utf8,
        ipc::Type::Utf8View => DataType::Utf8View,
        ipc::Type::LargeUtf8 => DataType::LargeUtf8,
        ipc::Type::FixedSizeBinary => {
            let binary = field.type_as_fixed_size_binary().ok_or_else(missing)?;
            DataType::FixedSizeBinary(width(binary.byteWidth())?)
        }
        ipc::Type::FloatingPoint => {
            match field
                .type_as_floating_point()
                .ok_or_else(missing)?
                .precision()
            {
                ipc::Precision::HALF => DataType::Float16,
                ipc::Precision::SINGLE => DataType::Float32,
                ipc::Precision::DOUBLE => DataType::Float64,
                other => return bad(format!("float precision {other:?}")),
            }
        }
        ipc::Type::Decimal => decimal(field.type_as_decimal().ok_or_else(missing)?)?,
        _ => temporal(field)?,
    })
}

fn temporal(field: ipc::Field<'_>) -> Result<DataType, SchemaProblem> {
    Ok(match field.type_type() {
        ipc::Type::Date => match field.type_as_date().ok_or_else(missing)?.unit() {
            ipc::DateUnit::DAY => DataType::Date32,
            ipc::DateUnit::MILLISECOND => DataType::Date64,
            other => return bad(format!("date unit {other:?}")),
        },
        ipc::Type::Time => {
            let time = field.type_as_time().ok_or_else(missing)?;
            match (time.bitWidth(), unit(time.unit())?) {
                (32, unit @ (TimeUnit::Second | TimeUnit::Millisecond)) => DataType::Time32(unit),
                (64, unit @ (TimeUnit::Microsecond | TimeUnit::Nanosecond)) => {
                    DataType::Time64(unit)
                }
                (bits, unit) => return bad(format!("a time of {bits} bits in {unit:?}")),
            }
        }
        ipc::Type::Timestamp => {
            let timestamp = field.type_as_timestamp().ok_or_else(missing)?;
            DataType::Timestamp(unit(timestamp.unit())?, timestamp.timezone().map(Arc::from))
        }
        ipc::Type::Duration => {
            DataType::Duration(unit(field.type_as_duration().ok_or_else(missing)?.unit())?)
        }
        ipc::Type::Interval => match field.type_as_interval().ok_or_else(missing)?.unit() {
            ipc::IntervalUnit::YEAR_MONTH => DataType::Interval(IntervalUnit::YearMonth),
            ipc::IntervalUnit::DAY_TIME => DataType::Interval(IntervalUnit::DayTime),
            ipc::IntervalUnit::MONTH_DAY_NANO => DataType::Interval(IntervalUnit::MonthDayNano),
            other => return bad(format!("interval unit {other:?}")),
        },
        other => return bad(format!("type {other:?}, which this version does not know")),
    })
}

fn integer(int: ipc::Int<'_>) -> Result<DataType, SchemaProblem> {
    Ok(match (int.bitWidth(), int.is_signed()) {
        (8, true) => DataType::Int8,
        (8, false) => DataType::UInt8,
        (16, true) => DataType::Int16,
        (16, false) => DataType::UInt16,
        (32, true) => DataType::Int32,
        (32, false) => DataType::UInt32,
        (64, true) => DataType::Int64,
        (64, false) => DataType::UInt64,
        (bits, _) => return bad(format!("an integer of {bits} bits")),
    })
}

fn decimal(decimal: ipc::Decimal<'_>) -> Result<DataType, SchemaProblem> {
    let (bits, precision, scale) = (decimal.bitWidth(), decimal.precision(), decimal.scale());
    let most = match bits {
        32 => 9,
        64 => 18,
        128 => 38,
        256 => 76,
        _ => return bad(format!("a decimal of {bits} bits")),
    };
    if !(1..=most).contains(&precision) || !(-most..=precision).contains(&scale) {
        return bad(format!(
            "a decimal of {bits} bits with precision {precision}, scale {scale}"
        ));
    }
    let (precision, scale) = (precision as u8, scale as i8);
    Ok(match bits {
        32 => DataType::Decimal32(precision, scale),
        64 => DataType::Decimal64(precision, scale),
        128 => DataType::Decimal128(precision, scale),
        _ => DataType::Decimal256(precision, scale),
    })
}

fn unit(unit: ipc::TimeUnit) -> Result<TimeUnit, SchemaProblem> {
    Ok(match unit {
        ipc::TimeUnit::SECOND => TimeUnit::Second,
        ipc::TimeUnit::MILLISECOND => TimeUnit::Millisecond,
        ipc::TimeUnit::MICROSECOND => TimeUnit::Microsecond,
        ipc::TimeUnit::NANOSECOND => TimeUnit::Nanosecond,
        other => return bad(format!("time unit {other:?}")),
    })
}

fn width(width: i32) -> Result<i32, SchemaProblem> {
    if width < 0 {
        bad(format!("a width of {width}"))
    } else {
        Ok(width)
    }
}
