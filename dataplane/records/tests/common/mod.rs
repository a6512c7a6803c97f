//! Numbers from a seed, logs as records, and the way through a slot.
#![allow(dead_code, unreachable_pub, missing_docs)] // Each test uses a part of this.

pub mod arrays;
pub mod differences;
pub mod refused;
pub mod types;
pub mod values;
pub mod vectors;

use arrow_array::builder::*;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use std::collections::HashMap;
use std::sync::Arc;
use strait_records::{Batch, Encoding, Error, Header, ReceivedSchemas, Signal, Slot};
use strait_records::{Variable, Writer};

/// SplitMix64: the same numbers from the same seed.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn text(&mut self) -> String {
        let words = [
            "",
            "a",
            "GET /users",
            "äöü",
            "日本語",
            "🦀",
            "http.method",
            "value-17",
        ];
        let mut text = words[self.below(words.len())].to_owned();
        if self.chance(20) {
            text.push_str(&self.next().to_string());
        }
        text
    }

    pub fn blob(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Four record batches like those of a real logs batch.
pub fn logs(rows: usize) -> Vec<(u16, RecordBatch)> {
    let id = |name: &str, values: Vec<u16>| {
        let plain = ("encoding".to_owned(), "plain".to_owned());
        let field = Field::new(name, DataType::UInt16, false).with_metadata(HashMap::from([plain]));
        (field, Arc::new(UInt16Array::from(values)) as ArrayRef)
    };
    let mut severity = StringDictionaryBuilder::<UInt8Type>::new();
    let mut body = StringBuilder::new();
    for i in 0..rows {
        severity.append_value(["INFO", "WARN", "ERROR"][i % 3]);
        body.append_value(format!(
            "GET /api/v1/users/{i}/orders?limit=50 200 OK in 12ms"
        ));
    }
    let column =
        |name: &str, array: ArrayRef| (Field::new(name, array.data_type().clone(), true), array);
    let time =
        TimestampNanosecondArray::from_iter_values((0..rows).map(|i| 1_700_000_000 + i as i64));
    let resource = StructArray::from(vec![{
        let (field, array) = id("id", (0..rows).map(|i| (i / 500) as u16).collect());
        (Arc::new(field), array)
    }]);
    let body: ArrayRef = Arc::new(body.finish());
    let types: ArrayRef = Arc::new(UInt8Array::from(vec![1; rows]));
    let body = StructArray::from(vec![
        (Arc::new(Field::new("type", DataType::UInt8, true)), types),
        (Arc::new(Field::new("str", DataType::Utf8, true)), body),
    ]);
    let root = make(vec![
        id("id", (0..rows).map(|i| i as u16).collect()),
        column("resource", Arc::new(resource)),
        column("time_unix_nano", Arc::new(time.with_timezone("UTC"))),
        column("severity_text", Arc::new(severity.finish())),
        column("body", Arc::new(body)),
    ]);
    let keys = [
        "http.method",
        "http.status_code",
        "k8s.pod.name",
        "net.peer.ip",
        "user.id",
    ];
    let attributes = |rows: usize, per: usize| {
        let mut key = StringDictionaryBuilder::<UInt8Type>::new();
        let mut text = StringDictionaryBuilder::<UInt16Type>::new();
        for i in 0..rows {
            key.append_value(keys[i % 5]);
            match i % 5 {
                1 => text.append_null(),
                _ => text.append_value(format!("value-{}-{}", i % 5, i % 200)),
            }
        }
        let int = Int64Array::from_iter((0..rows).map(|i| (i % 5 == 1).then_some(200 + i as i64)));
        let types = UInt8Array::from_iter_values((0..rows).map(|i| if i % 5 == 1 { 2 } else { 1 }));
        make(vec![
            id("parent_id", (0..rows).map(|i| (i / per) as u16).collect()),
            column("key", Arc::new(key.finish())),
            column("type", Arc::new(types)),
            column("str", Arc::new(text.finish())),
            column("int", Arc::new(int)),
        ])
    };
    vec![
        (30, root),
        (31, attributes(rows * 5, 5)),
        (1, attributes(10, 5)),
        (2, attributes(4, 2)),
    ]
}

fn make(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns fit the schema")
}

/// Writes batches and publishes what is due; the slot and the reader's schemas.
pub fn written(
    writer: &mut Writer,
    schemas: &mut ReceivedSchemas,
    encoding: Encoding,
    batches: &[(u16, RecordBatch)],
) -> Slot {
    let rows = batches.iter().map(|(_, b)| b.num_rows() as u32).sum();
    let header = Header::new(Signal::Logs, encoding, rows);
    let plan = writer
        .plan(header, Variable::new(), batches)
        .expect("can be written");
    let due: Vec<u32> = writer.schemas().unpublished().map(|s| s.id()).collect();
    for schema in writer.schemas().unpublished() {
        schemas.publish(schema.preamble()).expect("a good preamble");
    }
    for id in due {
        writer.schemas_mut().mark_published(id);
    }
    let mut slot = vec![0xA5; plan.len()];
    assert_eq!(plan.write(&mut slot), Ok(plan.len()));
    Slot::copy_of(&slot)
}

/// Reads a slot of anybody's.
pub fn read(slot: &Slot, schemas: &ReceivedSchemas) -> Result<Vec<(u16, RecordBatch)>, Error> {
    Batch::new(slot.clone())?.records(schemas)
}

/// Reads a slot as one of a trusted link.
#[allow(unsafe_code, dead_code)]
pub fn read_trusted(
    slot: &Slot,
    schemas: &ReceivedSchemas,
) -> Result<Vec<(u16, RecordBatch)>, Error> {
    // SAFETY: the tests write UTF-8, or use nothing of what they read but its layout.
    let batch = unsafe { Batch::trusted(slot.clone()) };
    batch?.records(schemas)
}
