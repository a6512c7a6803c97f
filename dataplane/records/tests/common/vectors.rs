//! The vectors that this side writes, and what any vector says, as JSON.

use super::{logs, written};
use arrow_array::builder::*;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field, TimeUnit};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use strait_records::difference::{
    Action, Difference, DifferenceBuilder, Operation, Owner, Owners, Target, Value,
};
use strait_records::{Batch, Encoding, Header, ReceivedSchemas, Signal, Slot};
use strait_records::{Variable, Writer, writer};

/// A vector: name, slot, description.
pub type Vector = (&'static str, Vec<u8>, Json);

/// All vectors of this side.
pub fn all() -> Vec<Vector> {
    vec![
        logs_vector(),
        types_vector(),
        otlp_vector(),
        difference_vector(),
    ]
}

fn describe(comment: &str, slot: &[u8], preambles: &[Vec<u8>], owners: Option<Owners>) -> Json {
    let mut json = contents(slot, preambles, owners);
    json["comment"] = comment.into();
    json["preambles"] = preambles.iter().map(|bytes| hex(bytes)).collect();
    json
}

fn records(encoding: Encoding, batches: &[(u16, RecordBatch)]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut writer = Writer::new();
    let slot = written(&mut writer, &mut ReceivedSchemas::new(), encoding, batches);
    let preambles = writer
        .schemas()
        .iter()
        .map(|s| s.preamble().to_vec())
        .collect();
    (slot.as_ref().to_vec(), preambles)
}

fn logs_vector() -> Vector {
    let (slot, preambles) = records(Encoding::Records, &logs(3));
    let json = describe(
        "three logs with five attributes each",
        &slot,
        &preambles,
        None,
    );
    ("rust-logs", slot, json)
}

fn types_vector() -> Vector {
    let mut list = ListBuilder::new(UInt64Builder::new());
    list.append_value([Some(1), None, Some(u64::MAX)]);
    list.append_null();
    list.append_value([]);
    list.append_value([Some(7)]);
    let text = ["a", "b"].map(Some).into_iter();
    let dictionary: DictionaryArray<UInt8Type> = text.chain([None, Some("a")]).collect();
    let durations = DictionaryArray::<UInt16Type>::new(
        UInt16Array::from(vec![1, 0, 1, 0]),
        Arc::new(DurationNanosecondArray::from(vec![i64::MIN, 5])),
    );
    let times = TimestampNanosecondArray::from(vec![Some(0), None, Some(i64::MAX), Some(-1)]);
    let group = StructArray::from(vec![
        (
            Arc::new(Field::new("n", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![
                Some(i32::MIN),
                None,
                Some(3),
                Some(4),
            ])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("s", dictionary.data_type().clone(), true)),
            Arc::new(dictionary.clone()),
        ),
    ]);
    let ids = vec![Some([1u8; 16]), None, Some([0; 16]), Some([255; 16])];
    let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids.into_iter(), 16);
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "u8",
            Arc::new(UInt8Array::from(vec![Some(0), Some(255), None, Some(1)])),
        ),
        ("u16", Arc::new(UInt16Array::from(vec![0, 1, 2, 3]))),
        (
            "u32",
            Arc::new(UInt32Array::from(vec![None, None, None, Some(u32::MAX)])),
        ),
        (
            "i64",
            Arc::new(Int64Array::from(vec![i64::MIN, -1, 0, i64::MAX])),
        ),
        (
            "f64",
            Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, 1.5])),
        ),
        (
            "bool",
            Arc::new(BooleanArray::from(vec![
                Some(true),
                None,
                Some(false),
                Some(true),
            ])),
        ),
        (
            "text",
            Arc::new(StringArray::from(vec![
                Some(""),
                Some("äöü"),
                None,
                Some("🦀"),
            ])),
        ),
        (
            "bytes",
            Arc::new(BinaryArray::from(vec![
                Some(&b"\x00\xff"[..]),
                None,
                Some(b""),
                Some(b"x"),
            ])),
        ),
        ("id", Arc::new(ids.expect("sixteen bytes each"))),
        ("time", Arc::new(times.with_timezone("UTC"))),
        ("dictionary", Arc::new(dictionary)),
        ("duration", Arc::new(durations)),
        ("list", Arc::new(list.finish())),
        ("group", Arc::new(group)),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("equal lengths");
    let batches = [
        (0, batch.clone()),
        (0, batch.slice(1, 2)),
        (0, batch.slice(0, 0)),
    ];
    let (slot, preambles) = records(Encoding::Arrow, &batches);
    let comment = "every type that telemetry uses, with nulls; the same sliced, and empty";
    let json = describe(comment, &slot, &preambles, None);
    ("rust-types", slot, json)
}

fn otlp_vector() -> Vector {
    let mut variable = Variable::new();
    variable
        .set_tracestate(b"rojo=00f067aa0ba902b7")
        .expect("room");
    variable.add(b"x-tenant", ["a", "", "b"]).expect("room");
    variable.add::<&str>(b"empty", []).expect("room");
    variable.add(b"x-tenant", ["again"]).expect("room");
    let mut header = Header::new(Signal::Traces, Encoding::Otlp, 7);
    (header.call_id, header.deadline_ns) = (1 << 63 | 5 << 48 | 9, u64::MAX);
    (header.remote, header.projected, header.trace_flags) = (true, true, 1);
    (header.trace_id, header.span_id) = ([0xab; 16], [0xcd; 8]);
    let payload = [0x0a, 0x00];
    let mut slot = vec![0; writer::payload_slot_len(&variable, payload.len()).expect("room")];
    writer::write_payload(&mut slot, &header, &variable, &payload).expect("room");
    let json = describe(
        "a payload with everything that a header can say",
        &slot,
        &[],
        None,
    );
    ("rust-otlp", slot, json)
}

fn difference_vector() -> Vector {
    let owners = Owners {
        items: 70,
        resources: 2,
        scopes: 3,
    };
    let mut builder = DifferenceBuilder::new(owners.items);
    [0, 63, 64, 69]
        .into_iter()
        .for_each(|row| builder.drop_row(row));
    let every = |target, key, action| Operation {
        target,
        owner: Owner::Every,
        key,
        action,
    };
    let one = |target, owner, key, action| {
        let owner = Owner::One(owner);
        Operation {
            target,
            owner,
            key,
            action,
        }
    };
    let set = Action::Set;
    for operation in [
        every(
            Target::LogAttribute,
            "user.id",
            Action::Rename("enduser.id"),
        ),
        every(Target::ResourceAttribute, "host.name", Action::Delete),
        one(Target::LogAttribute, 5, "a", set(Value::Str("text"))),
        one(Target::LogAttribute, 5, "b", set(Value::Int(i64::MIN))),
        one(Target::LogAttribute, 6, "", set(Value::Double(-0.0))),
        one(Target::LogAttribute, 6, "c", set(Value::Bool(true))),
        one(
            Target::ResourceAttribute,
            1,
            "d",
            set(Value::Bytes(b"\x00\xff")),
        ),
        one(Target::ScopeAttribute, 2, "e", set(Value::Map(&[0xa0]))),
        one(Target::ScopeAttribute, 2, "f", set(Value::Slice(&[0x80]))),
        one(Target::ScopeAttribute, 2, "g", set(Value::Empty)),
        one(Target::Body, 7, "", set(Value::Str(""))),
        every(Target::SeverityNumber, "", set(Value::Int(17))),
        one(Target::SeverityText, 8, "", set(Value::Str("ERROR"))),
        one(Target::EventName, 9, "", set(Value::Str("login"))),
    ] {
        builder.push(&operation).expect("room");
    }
    let header = Header::new(Signal::Logs, Encoding::Difference, builder.rows_kept());
    let (variable, len) = (Variable::new(), builder.payload_len());
    let mut slot = vec![0; writer::payload_slot_len(&variable, len).expect("room")];
    let payload = writer::begin_payload(&mut slot, &header, &variable, len).expect("room");
    builder.write(payload).expect("room");
    let json = describe("every kind of operation", &slot, &[], Some(owners));
    ("rust-difference", slot, json)
}

/// What a slot holds, as `vectors/README.md` describes it, without comment and preambles.
pub fn contents(slot: &[u8], preambles: &[Vec<u8>], owners: Option<Owners>) -> Json {
    let mut schemas = ReceivedSchemas::new();
    for preamble in preambles {
        schemas.publish(preamble).expect("a good preamble");
    }
    let batch = Batch::new(Slot::copy_of(slot)).expect("a good slot");
    let header = batch.header();
    let text = |bytes: &[u8]| Json::from(String::from_utf8(bytes.to_vec()).expect("text"));
    let metadata = batch.metadata().expect("checked");
    let mut json = json!({
        "header": {
            "signal": header.signal as u8,
            "encoding": header.encoding as u8,
            "remote": header.remote,
            "projected": header.projected,
            "items": header.items,
            "call_id": header.call_id.to_string(),
            "deadline_ns": header.deadline_ns.to_string(),
            "trace_id": hex(&header.trace_id),
            "span_id": hex(&header.span_id),
            "trace_flags": header.trace_flags,
        },
        "tracestate": text(batch.tracestate().expect("checked")),
        "metadata": metadata.map(|(key, values)| json!([text(key), values.map(text).collect::<Json>()])).collect::<Json>(),
        "batches": batch.records(&schemas).expect("good records").iter().map(batch_json).collect::<Json>(),
    });
    let payload = batch.payload().expect("checked");
    match (header.encoding, owners) {
        (Encoding::Otlp, _) => json["payload"] = hex(&payload).into(),
        (Encoding::Difference, Some(owners)) => {
            json["difference"] = difference_json(&payload, owners);
        }
        _ => {}
    }
    json
}

fn difference_json(payload: &[u8], owners: Owners) -> Json {
    let difference = Difference::parse(payload, owners).expect("a good difference");
    json!({
        "items": owners.items,
        "resources": owners.resources,
        "scopes": owners.scopes,
        "stays": (0..owners.items).filter(|row| difference.stays(*row)).collect::<Vec<_>>(),
        "operations": difference.operations().map(|o| operation_json(&o)).collect::<Json>(),
    })
}

fn operation_json(operation: &Operation<'_>) -> Json {
    let (action, kind, value) = match operation.action {
        Action::Delete => (2, 0, Json::Null),
        Action::Rename(key) => (3, 1, key.into()),
        Action::Set(value) => {
            let (kind, value) = match value {
                Value::Empty => (0, Json::Null),
                Value::Str(text) => (1, text.into()),
                Value::Int(int) => (2, int.to_string().into()),
                Value::Double(double) => (3, format!("{:016x}", double.to_bits()).into()),
                Value::Bool(bool) => (4, bool.to_string().into()),
                Value::Map(bytes) => (5, hex(bytes).into()),
                Value::Slice(bytes) => (6, hex(bytes).into()),
                Value::Bytes(bytes) => (7, hex(bytes).into()),
            };
            (1, kind, value)
        }
    };
    let owner = match operation.owner {
        Owner::One(ordinal) => Json::from(ordinal),
        Owner::Every => Json::Null,
    };
    let (target, key) = (operation.target as u8, operation.key);
    json!({"target": target, "action": action, "owner": owner, "key": key, "type": kind, "value": value})
}

fn batch_json((payload, batch): &(u16, RecordBatch)) -> Json {
    let mut columns = Map::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let values = (0..batch.num_rows()).map(|row| value(column, row));
        columns.insert(field.name().clone(), values.collect());
    }
    json!({"payload": payload, "rows": batch.num_rows(), "columns": columns})
}

fn value(array: &dyn Array, row: usize) -> Json {
    use DataType as D;
    if array.is_null(row) {
        return Json::Null;
    }
    match array.data_type() {
        D::Boolean => array.as_boolean().value(row).to_string().into(),
        D::Utf8 => array.as_string::<i32>().value(row).into(),
        D::Binary => hex(array.as_binary::<i32>().value(row)).into(),
        D::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row)).into(),
        D::Float64 => format!(
            "{:016x}",
            array.as_primitive::<Float64Type>().value(row).to_bits()
        )
        .into(),
        D::UInt8 => array
            .as_primitive::<UInt8Type>()
            .value(row)
            .to_string()
            .into(),
        D::UInt16 => array
            .as_primitive::<UInt16Type>()
            .value(row)
            .to_string()
            .into(),
        D::UInt32 => array
            .as_primitive::<UInt32Type>()
            .value(row)
            .to_string()
            .into(),
        D::UInt64 => array
            .as_primitive::<UInt64Type>()
            .value(row)
            .to_string()
            .into(),
        D::Int32 => array
            .as_primitive::<Int32Type>()
            .value(row)
            .to_string()
            .into(),
        D::Int64 => array
            .as_primitive::<Int64Type>()
            .value(row)
            .to_string()
            .into(),
        D::Timestamp(TimeUnit::Nanosecond, _) => array
            .as_primitive::<TimestampNanosecondType>()
            .value(row)
            .to_string()
            .into(),
        D::Duration(TimeUnit::Nanosecond) => array
            .as_primitive::<DurationNanosecondType>()
            .value(row)
            .to_string()
            .into(),
        D::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            value(dictionary.values(), dictionary.normalized_keys()[row])
        }
        D::Struct(fields) => {
            let columns = array.as_struct().columns();
            let pairs = fields
                .iter()
                .zip(columns)
                .map(|(f, c)| (f.name().clone(), value(c, row)));
            Json::Object(pairs.collect())
        }
        D::List(_) => {
            let list = array.as_list::<i32>().value(row);
            (0..list.len()).map(|i| value(&list, i)).collect()
        }
        other => panic!("telemetry has no {other}"),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(digits).collect()
}
