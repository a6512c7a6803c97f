//! What the other side can make this one keep or do is bounded (format section 6).

mod common;

use arrow_array::builder::StringViewBuilder;
use arrow_array::{ArrayRef, NullArray, RecordBatch};
use common::refused::{field, name, nested, preamble, shared_names};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use strait_records::errors::{Problem, SchemaProblem};
use strait_records::limits::*;
use strait_records::{Encoding, Error, Header, ReceivedSchemas, Signal, Slot, Variable, Writer};

/// Counts the bytes that a thread has allocated and not freed.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn live() -> usize {
    usize::try_from(LIVE.get()).unwrap_or_default()
}

// SAFETY: hands everything on to the system's allocator, as it was asked.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LIVE.try_with(|live| live.set(live.get() + layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let _ = LIVE.try_with(|live| live.set(live.get() - layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn problem(result: Result<u32, Error>) -> SchemaProblem {
    match result {
        Err(Error::Schema { problem, .. }) => problem,
        other => panic!("not an error of a schema: {other:?}"),
    }
}

/// Fields of bytes, each with a name of its own of `len` bytes.
fn named(
    count: usize,
    len: usize,
) -> impl FnOnce(&mut common::refused::Builder) -> Vec<common::refused::FieldOffset> {
    move |builder| {
        let one = |i: usize| {
            let name = name(builder, &format!("{i:0>4}{}", "n".repeat(len)));
            field(builder, Some(name), &[])
        };
        (0..count).map(one).collect()
    }
}

/// Scenario: preambles that are as large as may be, made to be kept at any cost; and an epoch full
/// of them. Guarantees: what is kept is a small multiple of the preambles' bytes, and an epoch's
/// worth is bounded (S-18, S-19).
#[test]
fn what_is_kept_of_schemas_is_a_small_multiple_of_their_bytes() {
    let kept = |preambles: &[Vec<u8>]| {
        let before = live();
        let mut schemas = ReceivedSchemas::new();
        let last = preambles
            .iter()
            .map(|p| schemas.publish(p))
            .last()
            .expect("a preamble");
        (live() - before, last, schemas)
    };
    // The attack: names that are there once, kept by each of 4,000 fields.
    let attack = preamble(1, 0, shared_names(4000, 400_000));
    let (bytes, result, _schemas) = kept(std::slice::from_ref(&attack));
    assert!(matches!(problem(result), SchemaProblem::Limit { .. }));
    assert!(bytes < 4096, "{bytes} bytes are kept of a refused preamble");
    // The most that is accepted: all fields, and as much text as there is room for.
    for preamble in [
        preamble(1, 0, named(4096, 190)),
        preamble(1, 0, named(4096, 1)),
    ] {
        assert!(preamble.len() <= MAX_PREAMBLE);
        let (bytes, result, _schemas) = kept(std::slice::from_ref(&preamble));
        result.expect("within the limits");
        assert!(bytes <= 8 * preamble.len(), "{bytes} of {}", preamble.len());
    }
    // An epoch of them ends at the sum of fields, or of bytes.
    let many = |len| (1..40).map(move |id| preamble(id, id as u16, named(4096, len)));
    for (len, what) in [
        (1, "fields and metadata entries in the epoch"),
        (190, "bytes of preambles in the epoch"),
    ] {
        let preambles: Vec<_> = many(len).collect();
        let (bytes, result, schemas) = kept(&preambles);
        let SchemaProblem::Order { expected } = problem(result) else {
            panic!("the epoch was not full")
        };
        assert_eq!(expected as usize, schemas.iter().count() + 1);
        let mut again = ReceivedSchemas::new();
        let first = preambles.iter().find_map(|p| again.publish(p).err());
        let Some(Error::Schema {
            problem: SchemaProblem::Limit { what: found, .. },
            ..
        }) = first
        else {
            panic!("{first:?}")
        };
        assert_eq!(found, what);
        assert!(bytes <= 48 << 20, "{bytes} bytes are kept of an epoch");
    }
}

/// Scenario: one more of each thing than S-8 and S-18 allow.
/// Guarantees: refused, and what is at the limit is taken.
#[test]
fn schemas_end_at_their_limits() {
    let publish = |preamble: &[u8]| ReceivedSchemas::new().publish(preamble);
    let limit = |preamble: &[u8]| match problem(publish(preamble)) {
        SchemaProblem::Limit { what, limit, .. } => (what, limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(publish(&preamble(1, 0, nested(MAX_DEPTH as usize))), Ok(1));
    let deep = preamble(1, 0, nested(MAX_DEPTH as usize + 1));
    assert_eq!(limit(&deep), ("levels of fields", u64::from(MAX_DEPTH)));
    assert_eq!(
        publish(&preamble(1, 0, named(MAX_FIELDS as usize, 1))),
        Ok(1)
    );
    let wide = preamble(1, 0, named(MAX_FIELDS as usize + 1, 1));
    assert_eq!(limit(&wide), ("fields", u64::from(MAX_FIELDS)));
    let long = preamble(1, 0, named(1, MAX_PREAMBLE));
    assert!(matches!(
        publish(&long),
        Err(Error::Field {
            field: "length",
            ..
        })
    ));

    let mut schemas = ReceivedSchemas::new();
    for payload in 0..MAX_PAYLOADS as u16 {
        let made = preamble(u32::from(payload) + 1, payload, named(1, 1));
        schemas.publish(&made).expect("64 payloads");
    }
    let one_more = preamble(MAX_PAYLOADS as u32 + 1, 1000, named(1, 1));
    let expected = SchemaProblem::Limit {
        what: "payloads in the epoch",
        found: 65,
        limit: 64,
    };
    assert_eq!(problem(schemas.publish(&one_more)), expected);
    let known = preamble(MAX_PAYLOADS as u32 + 1, 3, named(2, 1));
    assert_eq!(schemas.publish(&known), Ok(65));

    let mut schemas = ReceivedSchemas::new();
    for id in 1..=MAX_SCHEMAS {
        schemas
            .publish(&preamble(id, 7, named(1, 1)))
            .expect("64 schemas");
    }
    let expected = SchemaProblem::TooMany {
        payload: 7,
        limit: 64,
    };
    assert_eq!(
        problem(schemas.publish(&preamble(65, 7, named(1, 1)))),
        expected
    );
}

/// Scenario: a schema that a reader would refuse, and more payloads than an epoch holds.
/// Guarantees: the writer says so, or has the batch carry its schema; what it writes is read.
#[test]
fn writers_stay_within_the_limits() {
    let columns = (0..MAX_FIELDS + 1).map(|i| {
        let column: ArrayRef = Arc::new(NullArray::new(1));
        (format!("c{i}"), column)
    });
    let wide = RecordBatch::try_from_iter(columns).expect("columns");
    let header = Header::new(Signal::None, Encoding::Arrow, 1);
    let error = Writer::new().plan(header, Variable::new(), &[(0, wide)]);
    assert!(matches!(error, Err(Error::Unwritable { .. })), "{error:?}");

    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    for payload in 0..80 {
        let column: ArrayRef = Arc::new(NullArray::new(2));
        let batch = [(
            payload,
            RecordBatch::try_from_iter([("n", column)]).expect("a column"),
        )];
        let slot = common::written(&mut writer, &mut schemas, Encoding::Arrow, &batch);
        assert_eq!(common::read(&slot, &schemas).expect("can be read"), batch);
    }
    assert_eq!(schemas.iter().count(), MAX_PAYLOADS);
}

fn column_problem(error: Option<Error>) -> Problem {
    match error {
        Some(Error::Record { problem, .. }) => problem,
        other => panic!("not an error of a record: {other:?}"),
    }
}

/// Scenario: as many records as a slot may have, each as wide as a schema may be.
/// Guarantees: the arrays of a slot end at their limit, for writers and readers (S-21).
#[test]
fn arrays_of_a_slot_are_counted() {
    let columns = (0..MAX_FIELDS).map(|i| {
        let column: ArrayRef = Arc::new(NullArray::new(1));
        (format!("c{i}"), column)
    });
    let wide = RecordBatch::try_from_iter(columns).expect("columns");
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let header = Header::new(Signal::None, Encoding::Arrow, 1);
    let most = (MAX_NODES / MAX_FIELDS) as usize;
    let batches = vec![(0, wide.clone()); most];
    let slot = common::written(&mut writer, &mut schemas, Encoding::Arrow, &batches);
    assert_eq!(
        common::read(&slot, &schemas).expect("at the limit").len(),
        most
    );
    let too_many = vec![(0, wide); most + 1];
    let error = writer.plan(header, Variable::new(), &too_many);
    assert!(matches!(
        error,
        Err(Error::TooLarge {
            what: "the number of arrays",
            ..
        })
    ));

    // A slot by hand: the same record once more, behind the others.
    let len = slot.as_ref().len();
    let bytes = slot.as_ref();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    let (table, last) = (96, 96 + 32 * (most - 1));
    let record = word(last + 16) as usize..len;
    // The table has room for one entry: it is followed by gaps up to a multiple of 64.
    assert!(word(table + 16) as usize >= table + 32 * (most + 1));
    let mut more = [bytes, &bytes[record.clone()]].concat();
    more.copy_within(last..last + 32, last + 32);
    more[last + 32 + 16..last + 32 + 20].copy_from_slice(&(len as u32).to_le_bytes());
    more[68..72].copy_from_slice(&(most as u32 + 1).to_le_bytes());
    let total = (len + record.len()) as u32;
    more[84..88].copy_from_slice(&total.to_le_bytes());
    let error = common::read(&Slot::copy_of(&more), &schemas).err();
    assert_eq!(column_problem(error), Problem::Nodes { limit: MAX_NODES });
}

/// Scenario: many values that name the same long bytes.
/// Guarantees: they are read where the bytes are text as a whole; where they are not, each value is
/// looked at by itself, and refused before that has cost more than S-21 allows.
#[test]
fn values_that_name_the_same_bytes_are_bounded() {
    let mut builder = StringViewBuilder::new();
    let text = "x".repeat(10_000);
    let block = builder.append_block(text.as_bytes().into());
    for _ in 0..2000 {
        builder
            .try_append_view(block, 0, 9_000)
            .expect("within the block");
    }
    let column: ArrayRef = Arc::new(builder.finish());
    let batch = [(
        0,
        RecordBatch::try_from_iter([("text", column)]).expect("a column"),
    )];
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let slot = common::written(&mut writer, &mut schemas, Encoding::Arrow, &batch);
    assert_eq!(common::read(&slot, &schemas).expect("text"), batch);

    let mut odd = slot.as_ref().to_vec();
    *odd.iter_mut()
        .rfind(|byte| **byte == b'x')
        .expect("the text") = 0xff;
    let limit = MAX_CHECKED * odd.len() as u64;
    let error = common::read(&Slot::copy_of(&odd), &schemas).err();
    assert_eq!(column_problem(error), Problem::Checked { limit });
    // A value that is not text is the batch's fault, however the rest looks.
    let at = odd.iter().position(|byte| *byte == b'x').expect("the text");
    let first = at
        + odd[at..]
            .windows(64)
            .position(|w| w == [b'x'; 64])
            .expect("the block");
    odd[first + 100] = 0xff;
    let error = common::read(&Slot::copy_of(&odd), &schemas).err();
    assert_eq!(
        column_problem(error),
        Problem::Text {
            at: 100,
            len: 9_000
        }
    );
}
