//! Foreign bytes: whatever a slot holds, reading it gives records or a named error, never a panic.
//!
//! A read beyond the slot would be a crash or, where it stays in mapped memory, is found by the
//! fuzz targets under the address sanitizer. Here every array that comes out is walked to its end.

mod common;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use common::Rng;
use proptest::prelude::*;
use strait_records::difference::{Action, Difference, DifferenceBuilder, Operation};
use strait_records::difference::{Owner, Owners, Target, Value};
use strait_records::errors::{Problem, SchemaProblem};
use strait_records::{
    Batch, BatchView, Encoding, Error, ErrorKind, Header, ReceivedSchemas, Signal,
};
use strait_records::{Slot, Variable, Writer, writer};

/// Touches every value: `validate_full` follows each offset and key and checks UTF-8.
fn walk(batches: &[(u16, RecordBatch)]) {
    for column in batches.iter().flat_map(|(_, batch)| batch.columns()) {
        column
            .to_data()
            .validate_full()
            .expect("what was validated is valid");
    }
}

/// Reads everything that can be read of a slot.
fn read_all(bytes: &[u8], schemas: &ReceivedSchemas) {
    if let Ok(batch) = Batch::new(Slot::copy_of(bytes)) {
        let keys = batch.metadata().expect("checked").count();
        assert_eq!(keys, batch.metadata().expect("checked").len());
        let _ = batch.tracestate();
        let _ = batch.payload();
        if let Ok(records) = batch.records(schemas) {
            walk(&records);
        }
    }
    if let Ok(records) = common::read_trusted(&Slot::copy_of(bytes), schemas) {
        // All that a trusted reader leaves unchecked is text.
        for column in records.iter().flat_map(|(_, batch)| batch.columns()) {
            let checked = column.to_data().validate_full();
            let text = |error: &ArrowError| {
                error
                    .to_string()
                    .to_lowercase()
                    .replace('-', "")
                    .contains("utf8")
            };
            assert!(checked.as_ref().err().is_none_or(text), "{checked:?}");
        }
    }
}

/// The bytes that say where everything is: header, table, metadata, offsets, keys and bitmaps.
fn structure(slot: &Slot) -> Vec<usize> {
    let view = BatchView::parse(slot.as_ref()).expect("a good header");
    let records: Vec<_> = view.records().map(|r| r.expect("a good entry")).collect();
    let first = records
        .first()
        .map_or(slot.as_ref().len(), |r| r.offset as usize);
    (0..first)
        .chain(records.iter().flat_map(|r| r.metadata()))
        .collect()
}

fn setup(seed: u64, any: bool) -> (Slot, ReceivedSchemas) {
    let mut rng = Rng(seed);
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let batches: Vec<_> = (0..3)
        .map(|_| (0, common::arrays::batch(&mut rng, any)))
        .collect();
    let slot = common::written(&mut writer, &mut schemas, Encoding::Arrow, &batches);
    (slot, schemas)
}

fn damage(rng: &mut Rng, bytes: &mut [u8], places: &[usize]) {
    for _ in 0..rng.below(3) + 1 {
        let at = places[rng.below(places.len())];
        bytes[at] = match rng.below(4) {
            0 => 0,
            1 => 0xff,
            2 => bytes[at] ^ (1 << rng.below(8)),
            _ => rng.next() as u8,
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_structure_never_panics(seed: u64, any: bool) {
        let (slot, schemas) = setup(seed, any);
        let places = structure(&slot);
        let mut rng = Rng(!seed);
        for _ in 0..20 {
            let mut bytes = slot.as_ref().to_vec();
            damage(&mut rng, &mut bytes, &places);
            read_all(&bytes, &schemas);
        }
    }

    #[test]
    fn changed_bytes_anywhere_never_panic(seed: u64, any: bool) {
        let (slot, schemas) = setup(seed, any);
        let places: Vec<usize> = (0..slot.as_ref().len()).collect();
        let mut rng = Rng(!seed);
        for _ in 0..20 {
            let mut bytes = slot.as_ref().to_vec();
            damage(&mut rng, &mut bytes, &places);
            if rng.chance(20) {
                bytes.truncate(rng.below(bytes.len()));
            }
            read_all(&bytes, &schemas);
        }
    }

    #[test]
    fn changed_preambles_never_panic(seed: u64, any: bool) {
        let mut rng = Rng(seed);
        let mut writer = Writer::new();
        let batches = [(0, common::arrays::batch(&mut rng, any))];
        let header = Header::new(Signal::None, Encoding::Arrow, 0);
        writer.plan(header, Variable::new(), &batches).expect("can be written");
        let preamble = writer.schemas().iter().next().expect("a schema").preamble().to_vec();
        let places: Vec<usize> = (0..preamble.len()).collect();
        for _ in 0..20 {
            let mut bytes = preamble.clone();
            damage(&mut rng, &mut bytes, &places);
            let mut schemas = ReceivedSchemas::new();
            if schemas.publish(&bytes).is_ok() {
                // Schema and batch no longer fit: that too is an error at most.
                let mut good = ReceivedSchemas::new();
                let mut writer = Writer::new();
                let slot = common::written(&mut writer, &mut good, Encoding::Arrow, &batches);
                read_all(slot.as_ref(), &schemas);
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut schemas = ReceivedSchemas::new();
        let _ = schemas.publish(&bytes);
        read_all(&bytes, &schemas);
        let owners = Owners { root: 30, items: 10, resources: 2, scopes: 2 };
        let _ = Difference::parse(&bytes, owners);
    }

    #[test]
    fn changed_differences_never_panic_and_name_only_what_is_there(seed: u64) {
        let mut rng = Rng(seed);
        let mut builder = DifferenceBuilder::new(30, 100);
        builder.drop_row(17);
        let values = [Value::Int(7), Value::Str("text"), Value::Bool(true), Value::Empty];
        for i in 0..5 {
            let action = [Action::Delete, Action::Rename("b"), Action::Set(values[rng.below(4)])];
            builder
                .push(&Operation {
                    target: Target::LOG_ATTRIBUTES,
                    owner: Owner::One(i),
                    key: "a",
                    action: action[rng.below(3)],
                })
                .expect("room");
        }
        let mut payload = vec![0; builder.payload_len()];
        builder.write(&mut payload).expect("room");
        let owners = Owners { root: 30, items: 100, resources: 2, scopes: 2 };
        prop_assert!(Difference::parse(&payload, owners).is_ok());
        let places: Vec<usize> = (0..payload.len()).collect();
        for _ in 0..50 {
            let mut bytes = payload.clone();
            damage(&mut rng, &mut bytes, &places);
            if let Ok(parsed) = Difference::parse(&bytes, owners) {
                let in_range = |operation: Operation<'_>| match operation.owner {
                    Owner::One(ordinal) => ordinal < 100,
                    Owner::Every => true,
                };
                prop_assert!(parsed.operations().all(in_range));
                let kept = (0..100).filter(|row| parsed.kept().contains(*row)).count();
                prop_assert_eq!(kept, parsed.kept().count() as usize);
            }
        }
    }
}

/// A slot with one wrong field, and what reading it says.
fn with(at: usize, bytes: &[u8]) -> Error {
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let slot = common::written(
        &mut writer,
        &mut schemas,
        Encoding::Records,
        &common::logs(10),
    );
    let mut wrong = slot.as_ref().to_vec();
    wrong[at..at + bytes.len()].copy_from_slice(bytes);
    common::read(&Slot::copy_of(&wrong), &schemas).expect_err("it is wrong")
}

#[test]
fn header_errors_name_field_value_and_limit() {
    let text = |at, bytes: &[u8]| with(at, bytes).to_string();
    assert_eq!(
        text(0, b"SBH2"),
        "batch header begins with 0x32484253, expected 0x31484253"
    );
    assert!(text(4, &[2, 0]).starts_with("batch header has version 2, this side reads version 1"));
    assert_eq!(
        text(6, &[4, 0]),
        "batch header: flags is 4, expected at most 3"
    );
    assert_eq!(
        text(8, &[9]),
        "batch header: signal is 9, which the format does not know"
    );
    assert_eq!(
        text(10, &[1]),
        "batch header: reserved at 10 is 1, expected 0"
    );
    assert_eq!(
        text(58, &[0x40, 0x40]),
        "batch header: tracestate_len is 16448, expected at most 16447"
    );
    assert_eq!(
        text(64, &[1, 4]),
        "batch header: metadata_count is 1025, expected at most 1024"
    );
    assert_eq!(
        text(72, &[97]),
        "batch header: table_offset is 97, expected a multiple of 8"
    );
    assert_eq!(
        text(9, &[2]),
        "batch header: record_count is 11, which does not fit the batch's encoding"
    );
}

#[test]
fn table_errors_name_field_and_value() {
    let entry = 96;
    assert_eq!(
        with(entry + 2, &[4]).to_string(),
        "record table: kind is 4, which the format does not know"
    );
    assert_eq!(
        with(entry + 16, &[1]).to_string(),
        "record table: offset is 257, expected a multiple of 64"
    );
    let Error::Range {
        field: "offset", ..
    } = with(entry + 19, &[0x7f])
    else {
        panic!("a range")
    };
    let unknown = Error::Schema {
        id: 9,
        problem: SchemaProblem::Unknown,
    };
    assert_eq!(with(entry + 4, &[9]), unknown);
}

/// The message of the only record of a batch with one dictionary column, to break by hand.
fn broken(change: impl Fn(&mut [u8], std::ops::Range<usize>)) -> Problem {
    use arrow_array::types::UInt8Type;
    let column: ArrayRef = std::sync::Arc::new(
        ["a", "b", "a"]
            .into_iter()
            .collect::<arrow_array::DictionaryArray<UInt8Type>>(),
    );
    let batch = RecordBatch::try_from_iter([("key", column)]).expect("one column");
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let slot = common::written(&mut writer, &mut schemas, Encoding::Arrow, &[(0, batch)]);
    let view = BatchView::parse(slot.as_ref()).expect("a good header");
    let records: Vec<_> = view.records().map(|r| r.expect("a good entry")).collect();
    let mut bytes = slot.as_ref().to_vec();
    change(&mut bytes, records[1].body());
    change(&mut bytes, records[0].body());
    match common::read(&Slot::copy_of(&bytes), &schemas) {
        Err(Error::Record { problem, .. }) => problem,
        other => panic!("not an error of a record: {other:?}"),
    }
}

#[test]
fn trusted_reading_checks_keys_and_offsets() {
    // Two records: the dictionary's body is offsets and text, the batch's is keys.
    let key = broken(|bytes, body| {
        if body.len() == 64 {
            bytes[body.start + 1] = 2;
        }
    });
    assert_eq!(
        key,
        Problem::Key {
            row: 1,
            key: 2,
            len: 2
        }
    );
    let decreasing = broken(|bytes, body| {
        if body.len() == 128 {
            bytes[body.start + 4] = 9;
        }
    });
    assert!(
        matches!(decreasing, Problem::Offsets { .. }),
        "{decreasing:?}"
    );
}

/// Scenario: a slot that is laid out well holds text that is not UTF-8; or a slot is laid out
/// wrongly; or nothing fits. Guarantees: the kinds of errors tell what ends a call from what ends a
/// link (S-13).
#[test]
fn kinds_of_errors_tell_values_from_content_and_limits() {
    use arrow_array::builder::BinaryBuilder;
    use arrow_array::{BinaryArray, StringArray};
    let written = |text: &[&str]| {
        let column: ArrayRef = std::sync::Arc::new(StringArray::from(text.to_vec()));
        let batch = RecordBatch::try_from_iter([("text", column)]).expect("one column");
        let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
        let slot = common::written(&mut writer, &mut schemas, Encoding::Arrow, &[(0, batch)]);
        (slot.as_ref().to_vec(), schemas)
    };
    let (good, schemas) = written(&["plain", "\u{e9}t\u{e9}"]);
    let at = good
        .windows(5)
        .position(|w| w == b"plain")
        .expect("the text");
    for (change, expected) in [(0, 0), (5 + 1, 6), (5 + 4, 9)] {
        let mut wrong = good.clone();
        wrong[at + change] = 0xff;
        let error = common::read(&Slot::copy_of(&wrong), &schemas);
        let Err(
            error @ Error::Record {
                problem: Problem::Text { at, .. },
                ..
            },
        ) = &error
        else {
            panic!("not an error of text: {error:?}")
        };
        assert_eq!(error.kind(), ErrorKind::Value, "{error}");
        assert!(*at <= expected, "{error}");
    }
    // Two values that are UTF-8 together and not each: the offset between them splits a character.
    let mut split = good.clone();
    let offsets = good
        .windows(12)
        .position(|w| w == [0, 0, 0, 0, 5, 0, 0, 0, 10, 0, 0, 0]);
    split[offsets.expect("the offsets") + 4] = 6;
    let error = common::read(&Slot::copy_of(&split), &schemas);
    assert_eq!(error.expect_err("split").kind(), ErrorKind::Value);
    // Bytes are not text.
    let mut bytes = BinaryBuilder::new();
    bytes.append_value([0xff]);
    let column: ArrayRef = std::sync::Arc::new(BinaryArray::from(bytes.finish()));
    let batch = [(
        0,
        RecordBatch::try_from_iter([("bytes", column)]).expect("one column"),
    )];
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let slot = common::written(&mut writer, &mut schemas, Encoding::Arrow, &batch);
    assert_eq!(common::read(&slot, &schemas), Ok(batch.to_vec()));

    assert_eq!(with(0, b"SBH2").kind(), ErrorKind::Content);
    let small = writer::write_payload(
        &mut [0; 8],
        &Header::new(Signal::Logs, Encoding::Otlp, 0),
        &Variable::new(),
        b"",
    );
    assert_eq!(small.expect_err("too small").kind(), ErrorKind::Limit);
}

#[test]
fn metadata_and_tracestate_come_back_in_order() {
    let mut variable = Variable::new();
    variable.add(b"x-tenant", ["a", "b"]).expect("room");
    variable.add::<&str>(b"empty", []).expect("room");
    variable.set_tracestate(b"rojo=1").expect("room");
    variable.add(b"x-tenant", [""]).expect("room");
    variable
        .set_tracestate(&[b'x'; 16_447])
        .expect("W3C allows it");
    variable.set_tracestate(b"rojo=1").expect("room");
    assert!(variable.set_tracestate(&[b'x'; 16_448]).is_err());
    let mut header = Header::new(Signal::Traces, Encoding::Otlp, 3);
    (header.call_id, header.deadline_ns, header.remote) = (1 << 63 | 5, 77, true);
    (header.trace_id, header.span_id, header.trace_flags) = ([1; 16], [2; 8], 1);
    let mut slot = vec![0xA5; writer::payload_slot_len(&variable, 5).expect("room")];
    let used = writer::write_payload(&mut slot, &header, &variable, b"bytes");
    assert_eq!(used, Ok(slot.len()));

    let batch = Batch::new(Slot::copy_of(&slot)).expect("a good slot");
    assert_eq!(batch.header(), &header);
    assert_eq!(batch.payload().expect("a payload"), &b"bytes"[..]);
    assert_eq!(batch.tracestate().expect("checked"), b"rojo=1");
    let read: Vec<(&[u8], Vec<&[u8]>)> = batch
        .metadata()
        .expect("checked")
        .map(|(key, values)| (key, values.collect()))
        .collect();
    let expected: [(&[u8], Vec<&[u8]>); 3] = [
        (b"x-tenant", vec![b"a", b"b"]),
        (b"empty", vec![]),
        (b"x-tenant", vec![b""]),
    ];
    assert_eq!(read, expected);
    let mut copy = Variable::new();
    batch.view().expect("checked").copy_variable(&mut copy);
    assert_eq!(copy, variable);
    assert!(
        batch
            .records(&ReceivedSchemas::new())
            .expect("no records")
            .is_empty()
    );
}

#[test]
fn schemas_are_numbered_without_gaps_and_once() {
    let mut rng = Rng(5);
    let mut writer = Writer::new();
    let header = Header::new(Signal::None, Encoding::Arrow, 0);
    let batches: Vec<_> = (1..4)
        .map(|p| (p, common::arrays::batch(&mut rng, false)))
        .collect();
    writer
        .plan(header, Variable::new(), &batches)
        .expect("can be written");
    let preambles: Vec<_> = writer
        .schemas()
        .unpublished()
        .map(|s| s.preamble().to_vec())
        .collect();
    assert_eq!(preambles.len(), 3);
    let mut schemas = ReceivedSchemas::new();
    let order = Error::Schema {
        id: 2,
        problem: SchemaProblem::Order { expected: 1 },
    };
    assert_eq!(schemas.publish(&preambles[1]), Err(order));
    assert_eq!(schemas.publish(&preambles[0]), Ok(1));
    let twice = Error::Schema {
        id: 1,
        problem: SchemaProblem::Twice,
    };
    assert_eq!(schemas.publish(&preambles[0]), Err(twice));
    assert_eq!(schemas.publish(&preambles[1]), Ok(2));
}
