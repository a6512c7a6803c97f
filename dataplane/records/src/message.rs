//! Encapsulated Arrow IPC messages: the frame, and the metadata of record and dictionary batches
//! (S-4).

use crate::errors::Problem;
use crate::flatbuf::Table;
use crate::table::{Kind, Record};

/// Bytes of continuation marker and length.
pub(crate) const FRAME_LEN: usize = 8;
const CONTINUATION: [u8; 4] = [0xff; 4];
const VERSION_5: i16 = 4;
/// Indexes of the fields in Arrow's `Message.fbs`.
pub(crate) mod fields {
    pub(crate) const MESSAGE_VERSION: usize = 0;
    pub(crate) const MESSAGE_HEADER_TYPE: usize = 1;
    pub(crate) const MESSAGE_HEADER: usize = 2;
    pub(crate) const MESSAGE_BODY_LENGTH: usize = 3;
    pub(crate) const BATCH_LENGTH: usize = 0;
    pub(crate) const BATCH_NODES: usize = 1;
    pub(crate) const BATCH_BUFFERS: usize = 2;
    pub(crate) const BATCH_COMPRESSION: usize = 3;
    pub(crate) const BATCH_VARIADIC: usize = 4;
    pub(crate) const DICTIONARY_ID: usize = 0;
    pub(crate) const DICTIONARY_DATA: usize = 1;
    pub(crate) const DICTIONARY_IS_DELTA: usize = 2;
}
use fields::{
    BATCH_BUFFERS, BATCH_COMPRESSION, BATCH_LENGTH, BATCH_NODES, BATCH_VARIADIC, DICTIONARY_DATA,
    DICTIONARY_ID, DICTIONARY_IS_DELTA, MESSAGE_BODY_LENGTH, MESSAGE_HEADER, MESSAGE_HEADER_TYPE,
    MESSAGE_VERSION,
};

/// Length and null count of an array.
pub(crate) const NODE_LEN: usize = 16;
/// Offset and length of a buffer.
pub(crate) const BUFFER_LEN: usize = 16;

/// What the metadata of a record or dictionary batch lists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchMessage<'a> {
    pub(crate) nodes: &'a [u8],
    pub(crate) buffers: &'a [u8],
    pub(crate) variadic: &'a [u8],
}

/// The flatbuffer within an encapsulated message.
pub(crate) fn unframe(message: &[u8]) -> Result<&[u8], Problem> {
    let (frame, flatbuffer) = message
        .split_first_chunk::<FRAME_LEN>()
        .ok_or(Problem::Metadata("the message is shorter than its frame"))?;
    let [a, b, c, d, length @ ..] = *frame;
    if [a, b, c, d] != CONTINUATION {
        return Err(Problem::Metadata(
            "the message does not begin with a continuation marker",
        ));
    }
    differs(
        "the message's length",
        i32::from_le_bytes(length).into(),
        flatbuffer.len() as i64,
    )?;
    Ok(flatbuffer)
}

/// Writes the frame of an encapsulated message whose whole length is `message.len()`.
pub(crate) fn frame(message: &mut [u8]) {
    let len = (message.len() - FRAME_LEN) as i32;
    message[..4].copy_from_slice(&CONTINUATION);
    message[4..FRAME_LEN].copy_from_slice(&len.to_le_bytes());
}

/// Reads the metadata of a record or dictionary batch and compares it with the record table's
/// entry.
pub(crate) fn parse<'a>(message: &'a [u8], record: &Record) -> Result<BatchMessage<'a>, Problem> {
    let root = Table::root(unframe(message)?)?;
    let version = i16::from_le_bytes(root.scalar(MESSAGE_VERSION)?);
    differs("the metadata version", version.into(), VERSION_5.into())?;
    let [header_type] = root.scalar(MESSAGE_HEADER_TYPE)?;
    // Message.fbs numbers the headers as the record table numbers kinds.
    differs("the header type", header_type.into(), record.kind as i64)?;
    let body_len = i64::from_le_bytes(root.scalar(MESSAGE_BODY_LENGTH)?);
    differs("the body length", body_len, record.body_len.into())?;
    let header = root
        .table(MESSAGE_HEADER)?
        .ok_or(Problem::Metadata("the header is missing"))?;
    let batch = match record.kind {
        Kind::Dictionary => dictionary(&header, record)?,
        Kind::Schema | Kind::Batch => header,
    };
    if batch.field(BATCH_COMPRESSION)?.is_some() {
        return Err(Problem::Metadata(
            "the body is compressed, which the format excludes",
        ));
    }
    let length = i64::from_le_bytes(batch.scalar(BATCH_LENGTH)?);
    differs("the number of rows", length, record.rows.into())?;
    Ok(BatchMessage {
        nodes: batch.elements(BATCH_NODES, NODE_LEN)?,
        buffers: batch.elements(BATCH_BUFFERS, BUFFER_LEN)?,
        variadic: batch.elements(BATCH_VARIADIC, 8)?,
    })
}

fn dictionary<'a>(header: &Table<'a>, record: &Record) -> Result<Table<'a>, Problem> {
    let id = i64::from_le_bytes(header.scalar(DICTIONARY_ID)?);
    differs(
        "the dictionary id",
        id,
        i64::try_from(record.dictionary_id).unwrap_or(i64::MAX),
    )?;
    let [is_delta] = header.scalar(DICTIONARY_IS_DELTA)?;
    if is_delta != 0 {
        return Err(Problem::Metadata(
            "the dictionary is a delta, which the format excludes",
        ));
    }
    header
        .table(DICTIONARY_DATA)?
        .ok_or(Problem::Metadata("the dictionary's data is missing"))
}

fn differs(what: &'static str, found: i64, expected: i64) -> Result<(), Problem> {
    if found == expected {
        Ok(())
    } else {
        Err(Problem::Differs {
            what,
            found,
            expected,
        })
    }
}
