//! Messages whose numbers are patched instead of built anew for each batch.
//!
//! Flatbuffers leave out what equals its default, so a template is built with other numbers; then
//! the places of length, body length, nodes and buffers are looked up once. Patching one costs a
//! copy and a few stores.

use crate::flatbuf::Table;
use crate::message::{FRAME_LEN, fields as at, frame};
use crate::table::Kind;
use arrow_ipc as ipc;
use flatbuffers::FlatBufferBuilder;

/// Any number that is not a default.
const PLACEHOLDER: i64 = 1;

/// The encapsulated message of a record or dictionary batch, and where its numbers go.
#[derive(Debug)]
pub(crate) struct Template {
    message: Vec<u8>,
    length: usize,
    body_length: usize,
    nodes: usize,
    buffers: usize,
}

/// What a template has places for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) nodes: usize,
    pub(crate) buffers: usize,
    /// How many data buffers each view array has.
    pub(crate) variadic: &'a [i64],
}

impl Template {
    /// A template for a record batch, or for the dictionary with this id.
    pub(crate) fn new(shape: Shape<'_>, dictionary: Option<i64>) -> Self {
        let mut fbb = FlatBufferBuilder::new();
        let nodes = fbb.create_vector(&vec![
            ipc::FieldNode::new(PLACEHOLDER, PLACEHOLDER);
            shape.nodes
        ]);
        let buffers = fbb.create_vector(&vec![
            ipc::Buffer::new(PLACEHOLDER, PLACEHOLDER);
            shape.buffers
        ]);
        let variadic = (!shape.variadic.is_empty()).then(|| fbb.create_vector(shape.variadic));
        let mut batch = ipc::RecordBatchBuilder::new(&mut fbb);
        batch.add_length(PLACEHOLDER);
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        if let Some(variadic) = variadic {
            batch.add_variadicBufferCounts(variadic);
        }
        let batch = batch.finish();
        let (kind, header) = match dictionary {
            None => (ipc::MessageHeader::RecordBatch, batch.as_union_value()),
            Some(id) => {
                let mut dictionary = ipc::DictionaryBatchBuilder::new(&mut fbb);
                dictionary.add_id(id);
                dictionary.add_data(batch);
                (
                    ipc::MessageHeader::DictionaryBatch,
                    dictionary.finish().as_union_value(),
                )
            }
        };
        let mut message = ipc::MessageBuilder::new(&mut fbb);
        message.add_version(ipc::MetadataVersion::V5);
        message.add_header_type(kind);
        message.add_bodyLength(PLACEHOLDER);
        message.add_header(header);
        let root = message.finish();
        fbb.finish(root, None);
        let kind = if dictionary.is_some() {
            Kind::Dictionary
        } else {
            Kind::Batch
        };
        Self::locate(encapsulate(fbb.finished_data()), kind)
    }

    fn locate(message: Vec<u8>, kind: Kind) -> Self {
        let find = || {
            let root = Table::root(&message[FRAME_LEN..]).ok()?;
            let mut batch = root.table(at::MESSAGE_HEADER).ok()??;
            if kind == Kind::Dictionary {
                batch = batch.table(at::DICTIONARY_DATA).ok()??;
            }
            Some([
                batch.field(at::BATCH_LENGTH).ok()??,
                root.field(at::MESSAGE_BODY_LENGTH).ok()??,
                batch
                    .vector(at::BATCH_NODES, crate::message::NODE_LEN)
                    .ok()?
                    .0,
                batch
                    .vector(at::BATCH_BUFFERS, crate::message::BUFFER_LEN)
                    .ok()?
                    .0,
            ])
        };
        let [length, body_length, nodes, buffers] = find()
            .expect("a message that was built with these fields has them")
            .map(|at| at + FRAME_LEN);
        Self {
            message,
            length,
            body_length,
            nodes,
            buffers,
        }
    }

    /// Bytes of the message, a multiple of 64.
    pub(crate) fn len(&self) -> usize {
        self.message.len()
    }

    /// Writes the message with these numbers to `to`, which is as long as the message.
    pub(crate) fn write(
        &self,
        to: &mut [u8],
        rows: u32,
        body_len: u32,
        nodes: impl Iterator<Item = (u64, u64)>,
        buffers: impl Iterator<Item = (u64, u64)>,
    ) {
        to.copy_from_slice(&self.message);
        put(to, self.length, rows.into());
        put(to, self.body_length, body_len.into());
        put_pairs(&mut to[self.nodes..], nodes);
        put_pairs(&mut to[self.buffers..], buffers);
    }
}

fn put(to: &mut [u8], at: usize, value: u64) {
    to[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn put_pairs(to: &mut [u8], pairs: impl Iterator<Item = (u64, u64)>) {
    for (entry, (a, b)) in to.chunks_exact_mut(16).zip(pairs) {
        put(entry, 0, a);
        put(entry, 8, b);
    }
}

/// Frames a flatbuffer and pads it so that the whole is a multiple of 64.
pub(crate) fn encapsulate(flatbuffer: &[u8]) -> Vec<u8> {
    let len = (FRAME_LEN + flatbuffer.len()).next_multiple_of(crate::slot::ALIGN);
    let mut message = Vec::with_capacity(len);
    message.resize(FRAME_LEN, 0);
    message.extend_from_slice(flatbuffer);
    message.resize(len, 0);
    frame(&mut message);
    message
}
