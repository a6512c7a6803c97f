//! What is written is read back equal, and is what Arrow's own reader reads.

mod common;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::StreamReader;
use common::{Rng, arrays};
use proptest::prelude::*;
use strait_records::table::Kind;
use strait_records::{BatchView, Encoding, ReceivedSchemas, Slot, Writer};

/// The Arrow stream of each record batch (S-4): its schema's message, its dictionaries, the batch,
/// end of stream.
fn streams(slot: &Slot, schemas: &ReceivedSchemas, writer: &Writer) -> Vec<Vec<u8>> {
    let view = BatchView::parse(slot.as_ref()).expect("a good header");
    let bytes = |record: &strait_records::table::Record| {
        &slot.as_ref()[record.metadata().start..record.body().end]
    };
    let mut streams = Vec::new();
    let (mut dictionaries, mut inline) = (Vec::new(), None);
    for record in view.records() {
        let record = record.expect("a good entry");
        match record.kind {
            Kind::Schema => inline = Some(bytes(&record).to_vec()),
            Kind::Dictionary => dictionaries.extend_from_slice(bytes(&record)),
            Kind::Batch => {
                let schema = match record.schema_id {
                    0 => inline.clone().expect("the batch has its own schema"),
                    id => {
                        assert!(schemas.get(id).is_some());
                        let sent = writer.schemas().iter().find(|s| s.id() == id);
                        sent.expect("the writer knows it").preamble()[64..].to_vec()
                    }
                };
                let end = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
                let all = [&schema, &dictionaries, bytes(&record), &end].concat();
                streams.push(all);
                dictionaries.clear();
            }
        }
    }
    streams
}

/// Scenario: a batch is written to a slot and read on trusted and untrusted links, and by Arrow's
/// reader. Guarantees: all three see what was written; the trusted reader's buffers lie in the
/// slot.
fn check(
    writer: &mut Writer,
    schemas: &mut ReceivedSchemas,
    encoding: Encoding,
    batches: &[(u16, RecordBatch)],
) {
    let slot = common::written(writer, schemas, encoding, batches);
    for read in [common::read, common::read_trusted] {
        assert_eq!(read(&slot, schemas).expect("can be read"), batches);
    }
    let streams = streams(&slot, schemas, writer);
    assert_eq!(streams.len(), batches.len());
    for (stream, (_, batch)) in streams.iter().zip(batches) {
        let reader = StreamReader::try_new(stream.as_slice(), None).expect("a schema");
        let read: Vec<_> = reader.map(|batch| batch.expect("a batch")).collect();
        assert_eq!(read, std::slice::from_ref(batch));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_telemetry_batches_come_back_equal(seed: u64, count in 0usize..5) {
        let mut rng = Rng(seed);
        let batch = |i| (i as u16 + 30, arrays::batch(&mut rng, false));
        let batches: Vec<_> = (0..count).map(batch).collect();
        check(&mut Writer::new(), &mut ReceivedSchemas::new(), Encoding::Records, &batches);
    }

    #[test]
    fn random_batches_of_any_type_come_back_equal(seed: u64, count in 0usize..4) {
        let mut rng = Rng(seed);
        let batches: Vec<_> = (0..count).map(|_| (0, arrays::batch(&mut rng, true))).collect();
        check(&mut Writer::new(), &mut ReceivedSchemas::new(), Encoding::Arrow, &batches);
    }
}

#[test]
fn logs_come_back_equal_and_are_not_copied() {
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let batches = common::logs(1000);
    check(&mut writer, &mut schemas, Encoding::Records, &batches);
    assert_eq!(schemas.iter().count(), 4, "one schema per payload");
    check(&mut writer, &mut schemas, Encoding::Records, &batches);
    assert_eq!(
        writer.schemas().unpublished().count(),
        0,
        "nothing new the second time"
    );

    let slot = common::written(&mut writer, &mut schemas, Encoding::Records, &batches);
    let range = slot.as_ref().as_ptr_range();
    let read = common::read(&slot, &schemas).expect("can be read");
    for column in read.iter().flat_map(|(_, batch)| batch.columns()) {
        for buffer in column.to_data().buffers() {
            assert!(range.contains(&buffer.as_ptr()));
        }
    }
}

/// A table of attributes whose schema is another one for each number.
fn variant(i: usize) -> RecordBatch {
    let (_, full) = common::logs(10).swap_remove(1);
    let named = |(at, field): (usize, &std::sync::Arc<arrow_schema::Field>)| {
        let field = field.as_ref().clone();
        let mut metadata = field.metadata().clone();
        if at == 1 {
            metadata.insert("variant".to_owned(), i.to_string());
        }
        field.with_metadata(metadata)
    };
    let schema = full.schema();
    let fields: Vec<_> = schema.fields().iter().enumerate().map(named).collect();
    let schema = std::sync::Arc::new(arrow_schema::Schema::new(fields));
    RecordBatch::try_new(schema, full.columns().to_vec()).expect("the same columns")
}

fn assert_converted(read: &RecordBatch, batch: &RecordBatch) {
    use arrow_array::cast::AsArray;
    fn key(batch: &RecordBatch) -> &ArrayRef {
        batch.column_by_name("key").expect("a key column")
    }
    let before = key(batch).as_any_dictionary();
    let plain = arrow_select::take::take(before.values(), before.keys(), None).expect("taken");
    assert_eq!(key(read).as_string::<i32>(), plain.as_string::<i32>());
    assert_eq!(read.column_by_name("int"), batch.column_by_name("int"));
    let double = read.column_by_name("double").expect("a column");
    assert_eq!(double.null_count(), 50);
}

/// Scenario: more schemas than a payload may have.
/// Guarantees: telemetry is converted to the superset, which reads equal column by column; plain
/// Arrow carries its schema itself.
#[test]
fn from_the_64th_schema_on_batches_still_come_back() {
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    for i in 0..63 {
        let batches = [(31, variant(i))];
        check(&mut writer, &mut schemas, Encoding::Records, &batches);
    }
    for i in 63..70 {
        let batches = [(31, variant(i))];
        let slot = common::written(&mut writer, &mut schemas, Encoding::Records, &batches);
        let read = common::read(&slot, &schemas).expect("can be read");
        let [(31, read)] = &read[..] else {
            panic!("one batch")
        };
        assert_converted(read, &batches[0].1);
    }
    assert_eq!(schemas.iter().count(), 64);

    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    for i in 0..70 {
        let batches = [(0, variant(i))];
        check(&mut writer, &mut schemas, Encoding::Arrow, &batches);
    }
    assert_eq!(schemas.iter().count(), 63);
}
