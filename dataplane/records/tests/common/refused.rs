//! Vectors that every reader refuses: a preamble or a slot, the rule that it breaks, and the kind
//! of the error.

use super::values::{hex, unhex};
use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt8Array};
use arrow_ipc as ipc;
use flatbuffers::{FlatBufferBuilder, WIPOffset};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use strait_records::{Batch, BatchView, Encoding, Error, ErrorKind};
use strait_records::{ReceivedSchemas, Slot, Writer};

/// A flatbuffer under construction.
pub type Builder = FlatBufferBuilder<'static>;
/// A field of a schema under construction.
pub type FieldOffset = WIPOffset<ipc::Field<'static>>;

/// The preamble of a schema whose fields are made by hand, as no library would.
pub fn preamble(
    id: u32,
    payload: u16,
    fields: impl FnOnce(&mut Builder) -> Vec<FieldOffset>,
) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let fields = fields(&mut builder);
    let fields = builder.create_vector(&fields);
    let mut schema = ipc::SchemaBuilder::new(&mut builder);
    schema.add_fields(fields);
    let schema = schema.finish().as_union_value();
    let mut message = ipc::MessageBuilder::new(&mut builder);
    message.add_version(ipc::MetadataVersion::V5);
    message.add_header_type(ipc::MessageHeader::Schema);
    message.add_header(schema);
    let message = message.finish();
    builder.finish(message, None);
    let flatbuffer = builder.finished_data();
    let len = (8 + flatbuffer.len()).next_multiple_of(64);
    let mut bytes = vec![0; 64 + len];
    bytes[..4].copy_from_slice(b"SSC1");
    bytes[4..6].copy_from_slice(&payload.to_le_bytes());
    bytes[8..12].copy_from_slice(&id.to_le_bytes());
    bytes[12..16].copy_from_slice(&(len as u32).to_le_bytes());
    bytes[64..68].fill(0xff);
    bytes[68..72].copy_from_slice(&(len as u32 - 8).to_le_bytes());
    bytes[72..72 + flatbuffer.len()].copy_from_slice(flatbuffer);
    bytes
}

/// A field of bytes, or of a struct of `children`.
pub fn field(
    builder: &mut Builder,
    name: Option<WIPOffset<&'static str>>,
    children: &[FieldOffset],
) -> FieldOffset {
    let (kind, table) = if children.is_empty() {
        (
            ipc::Type::Binary,
            ipc::BinaryBuilder::new(builder).finish().as_union_value(),
        )
    } else {
        (
            ipc::Type::Struct_,
            ipc::Struct_Builder::new(builder).finish().as_union_value(),
        )
    };
    let children = (!children.is_empty()).then(|| builder.create_vector(children));
    let mut field = ipc::FieldBuilder::new(builder);
    if let Some(name) = name {
        field.add_name(name);
    }
    field.add_type_type(kind);
    field.add_type_(table);
    if let Some(children) = children {
        field.add_children(children);
    }
    field.finish()
}

/// A name that lives as long as the flatbuffer that it was put into.
pub fn name(builder: &mut Builder, text: &str) -> WIPOffset<&'static str> {
    WIPOffset::new(builder.create_string(text).value())
}

/// Fields that all have one name, which is there once.
pub fn shared_names(count: usize, len: usize) -> impl FnOnce(&mut Builder) -> Vec<FieldOffset> {
    move |builder| {
        let name = name(builder, &"n".repeat(len));
        (0..count)
            .map(|_| field(builder, Some(name), &[]))
            .collect()
    }
}

/// A struct within a struct and so on: `levels` of fields in all.
pub fn nested(levels: usize) -> impl FnOnce(&mut Builder) -> Vec<FieldOffset> {
    move |builder| {
        let innermost = field(builder, None, &[]);
        let outer = (1..levels).fold(innermost, |inner, _| field(builder, None, &[inner]));
        vec![outer]
    }
}

/// Two fields that are one table.
fn shared_field(builder: &mut Builder) -> Vec<FieldOffset> {
    let field = field(builder, None, &[]);
    vec![field, field]
}

/// A slot of record batches with the preambles that it needs.
fn slot(batches: &[(u16, RecordBatch)]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let slot = super::written(&mut writer, &mut schemas, Encoding::Arrow, batches);
    let preambles = writer.schemas().iter().map(|s| s.preamble().to_vec());
    (slot.as_ref().to_vec(), preambles.collect())
}

fn text(values: &[&str]) -> RecordBatch {
    let column: ArrayRef = Arc::new(StringArray::from(values.to_vec()));
    RecordBatch::try_from_iter([("text", column)]).expect("one column")
}

/// Two record batches of which one lies where `offset` says, given the first one's offset.
fn misplaced(at: usize, offset: impl Fn(u32) -> u32) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut bytes, preambles) = slot(&[(0, text(&["a"])), (0, text(&["b"]))]);
    let view = BatchView::parse(&bytes).expect("a good header");
    let first = view
        .records()
        .next()
        .expect("a record")
        .expect("a good one");
    let entry = 96 + 32 * at + 16;
    bytes[entry..entry + 4].copy_from_slice(&offset(first.offset).to_le_bytes());
    (bytes, preambles)
}

/// Columns whose buffers all are the whole body.
fn shared_buffers() -> (Vec<u8>, Vec<Vec<u8>>) {
    let columns = (0..32).map(|i| {
        let column: ArrayRef = Arc::new(UInt8Array::from(vec![i; 64]));
        (format!("c{i}"), column)
    });
    let batch = RecordBatch::try_from_iter(columns).expect("good columns");
    let (mut bytes, preambles) = slot(&[(0, batch)]);
    let pair = |a: u64, b: u64| [a.to_le_bytes(), b.to_le_bytes()].concat();
    for i in 0..32 {
        let at = bytes
            .windows(16)
            .position(|w| w == pair(64 * i, 64))
            .expect("the buffer");
        bytes[at..at + 16].copy_from_slice(&pair(0, 64 * 32));
    }
    (bytes, preambles)
}

fn changed_text(values: &[&str], from: &[u8], to: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut bytes, preambles) = slot(&[(0, text(values))]);
    let at = bytes
        .windows(from.len())
        .position(|w| w == from)
        .expect("what is to be changed");
    bytes[at..at + to.len()].copy_from_slice(to);
    (bytes, preambles)
}

/// All of them: name, bytes, description.
pub fn all() -> Vec<(&'static str, Vec<u8>, Json)> {
    let of_schema = |name, comment: &str, bytes| {
        let json =
            json!({"comment": comment, "reads": "preamble", "rule": "S-18", "kind": "content"});
        (name, bytes, json)
    };
    let of_slot = |name, comment: &str, rule: &str, kind: &str, made: (Vec<u8>, Vec<Vec<u8>>)| {
        let preambles: Vec<_> = made.1.iter().map(|p| hex(p)).collect();
        let json = json!({"comment": comment, "reads": "slot", "rule": rule, "kind": kind,
                          "preambles": preambles});
        (name, made.0, json)
    };
    let offsets: Vec<u8> = [0u32, 5, 10].iter().flat_map(|o| o.to_le_bytes()).collect();
    let split: Vec<u8> = [0u32, 6, 10].iter().flat_map(|o| o.to_le_bytes()).collect();
    vec![
        of_schema(
            "schema-shared-names",
            "fields that share one name: more text than the message has bytes",
            preamble(1, 0, shared_names(64, 4000)),
        ),
        of_schema(
            "schema-shared-field",
            "one field, listed twice",
            preamble(1, 0, shared_field),
        ),
        of_schema(
            "schema-deep",
            "65 levels of fields",
            preamble(1, 0, nested(65)),
        ),
        of_slot(
            "records-overlap",
            "the second record lies where the first one is",
            "S-20",
            "content",
            misplaced(1, |first| first),
        ),
        of_slot(
            "record-in-table",
            "the first record begins within the record table",
            "S-20",
            "content",
            misplaced(0, |_| 128),
        ),
        of_slot(
            "buffers-shared",
            "32 buffers that each are the whole body",
            "S-21",
            "content",
            shared_buffers(),
        ),
        of_slot(
            "text-not-utf8",
            "a byte of a text is 0xff",
            "S-13",
            "value",
            changed_text(&["plain", "text"], b"plain", b"pl\xffin"),
        ),
        of_slot(
            "text-split",
            "an offset lies within a character",
            "S-13",
            "value",
            changed_text(&["plain", "\u{e9}t\u{e9}"], &offsets, &split),
        ),
    ]
}

/// Reads a vector as its description says; gives the error.
pub fn read(bytes: &[u8], description: &Json) -> Option<Error> {
    let mut schemas = ReceivedSchemas::new();
    if description["reads"] == "preamble" {
        return schemas.publish(bytes).err();
    }
    for preamble in description["preambles"].as_array().into_iter().flatten() {
        let preamble = unhex(preamble.as_str().expect("hex"));
        schemas.publish(&preamble).expect("a good preamble");
    }
    let batch = Batch::new(Slot::copy_of(bytes));
    batch.and_then(|batch| batch.records(&schemas)).err()
}

/// The name of a kind in descriptions.
pub fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Content => "content",
        ErrorKind::Value => "value",
        ErrorKind::Limit => "limit",
    }
}
