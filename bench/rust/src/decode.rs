//! Reading a slot that Go wrote, and the memcpy of the same slot.

use crate::{guard, lent};
use arrow_array::RecordBatch;
use std::convert::Infallible;
use std::hint::black_box;
use strait_records::{Batch, ReceivedSchemas, Slot};

/// A slot with the schemas that it needs, as a reader of a link has them.
pub(crate) struct Reader {
    slot: Slot,
    target: Vec<u8>,
    schemas: ReceivedSchemas,
}

/// Keeps a copy of a slot. Ends with `strait_bench_reader_close`.
///
/// # Safety
/// `slot` points to `len` bytes.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_reader_open(
    slot: *const u8,
    len: usize,
) -> *mut Reader {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the caller's promise; the bytes are copied.
        let slot = Slot::copy_of(unsafe { lent(slot, len) });
        let reader = Reader {
            target: slot.as_ref().to_vec(),
            slot,
            schemas: ReceivedSchemas::new(),
        };
        Ok::<_, Infallible>(Box::into_raw(Box::new(reader)))
    })
}

/// Takes in a preamble.
///
/// # Safety
/// `reader` is open and used by nobody else; `preamble` points to `len` bytes.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_reader_schema(
    reader: *mut Reader,
    preamble: *const u8,
    len: usize,
) -> i32 {
    guard(-1, || {
        // SAFETY: the caller's promise.
        let (reader, preamble) = unsafe { (&mut *reader, lent(preamble, len)) };
        reader.schemas.publish(preamble).map(|_| 0)
    })
}

/// Copies the slot `rounds` times.
///
/// # Safety
/// `reader` is open and used by nobody else.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_memcpy(reader: *mut Reader, rounds: u64) -> i32 {
    // SAFETY: the caller's promise.
    let reader = unsafe { &mut *reader };
    for _ in 0..rounds {
        black_box(&mut reader.target).copy_from_slice(black_box(reader.slot.as_ref()));
    }
    0
}

/// Reads the slot `rounds` times into record batches, all checks included; gives the rows of the
/// last time.
///
/// # Safety
/// `reader` is open and used by nobody else.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_decode(
    reader: *mut Reader,
    rounds: u64,
    trusted: bool,
) -> i64 {
    guard(-1, || {
        // SAFETY: the caller's promise.
        let reader = unsafe { &*reader };
        let mut rows = 0;
        for _ in 0..rounds {
            let batch = if trusted {
                // SAFETY: the Go side of the bench wrote the slot, and checked that its text is
                // UTF-8.
                unsafe { Batch::trusted(reader.slot.clone())? }
            } else {
                // As the ring does with what another side may still write.
                Batch::new(Slot::copy_of(reader.slot.as_ref()))?
            };
            rows = rows_of(&black_box(batch.records(&reader.schemas)?));
        }
        Ok::<_, strait_records::Error>(rows)
    })
}

/// Rows of all tables: something to do with what was read.
pub(crate) fn rows_of(tables: &[(u16, RecordBatch)]) -> i64 {
    tables
        .iter()
        .map(|(_, table)| table.num_rows() as i64)
        .sum()
}

/// Gives back what `strait_bench_reader_open` gave.
///
/// # Safety
/// `reader` is open, and is not used again.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_reader_close(reader: *mut Reader) {
    // SAFETY: it came from Box::into_raw, and the caller gives it up.
    drop(unsafe { Box::from_raw(reader) });
}
