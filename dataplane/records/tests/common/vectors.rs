//! The vectors that this side writes, and what any vector says, as JSON.

use super::values::{batch_json, hex};
use super::{differences, logs, written};
use arrow_array::builder::*;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use strait_records::difference::Owners;
use strait_records::variable::{AUTH, PEER};
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
    let columns = plain_columns().into_iter().chain(nested_columns());
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

/// Columns of four rows, each value for itself.
fn plain_columns() -> Vec<(&'static str, ArrayRef)> {
    let times = TimestampNanosecondArray::from(vec![Some(0), None, Some(i64::MAX), Some(-1)]);
    let ids = vec![Some([1u8; 16]), None, Some([0; 16]), Some([255; 16])];
    let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids.into_iter(), 16);
    let bytes = vec![Some(&b"\x00\xff"[..]), None, Some(b""), Some(b"x")];
    let bools = vec![Some(true), None, Some(false), Some(true)];
    let texts = vec![Some(""), Some("äöü"), None, Some("🦀")];
    vec![
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
        ("bool", Arc::new(BooleanArray::from(bools))),
        ("text", Arc::new(StringArray::from(texts))),
        ("bytes", Arc::new(BinaryArray::from(bytes))),
        ("id", Arc::new(ids.expect("sixteen bytes each"))),
        ("time", Arc::new(times.with_timezone("UTC"))),
    ]
}

/// Columns of four rows that have others within them.
fn nested_columns() -> Vec<(&'static str, ArrayRef)> {
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
    let numbers = Int32Array::from(vec![Some(i32::MIN), None, Some(3), Some(4)]);
    let group = StructArray::from(vec![
        (
            Arc::new(Field::new("n", DataType::Int32, true)),
            Arc::new(numbers) as ArrayRef,
        ),
        (
            Arc::new(Field::new("s", dictionary.data_type().clone(), true)),
            Arc::new(dictionary.clone()),
        ),
    ]);
    vec![
        ("dictionary", Arc::new(dictionary)),
        ("duration", Arc::new(durations)),
        ("list", Arc::new(list.finish())),
        ("group", Arc::new(group)),
    ]
}

fn otlp_vector() -> Vector {
    let mut variable = Variable::new();
    variable
        .set_tracestate(b"rojo=00f067aa0ba902b7")
        .expect("room");
    variable.add(b"x-tenant", ["a", "", "b"]).expect("room");
    variable.add::<&str>(b"empty", []).expect("room");
    variable.add(b"x-tenant", ["again"]).expect("room");
    variable.add(PEER, ["192.0.2.7:4317"]).expect("room");
    let subject = [AUTH, b"subject"].concat();
    variable.add(&subject, ["u", "v"]).expect("room");
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
    let (owners, builder) = differences::every_kind();
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
    let metadata = metadata.map(|(key, values)| {
        let values: Json = values.map(text).collect();
        json!([text(key), values])
    });
    let records = batch.records(&schemas).expect("good records");
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
        "metadata": metadata.collect::<Json>(),
        "batches": records.iter().map(batch_json).collect::<Json>(),
    });
    let payload = batch.payload().expect("checked");
    match (header.encoding, owners) {
        (Encoding::Otlp, _) => json["payload"] = hex(&payload).into(),
        (Encoding::Difference, Some(owners)) => {
            json["difference"] = differences::description(&payload, owners);
        }
        _ => {}
    }
    json
}
