//! What random batches do not reach: dictionaries and ids that end, masks, leftovers.

use std::sync::Arc;

use arrow_array::{Array, RecordBatch, UInt8Array};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, Field, Schema};
use strait_component::{
    Any, AttributeTable, Batch, BatchError, Keys, Log, LogRecord, LogsBuilder, Pairs, Payload,
    Resource, Scope, Value,
};

use crate::draw::moved;
use crate::model::{Model, Row, read, without_idle_ids};

/// So many logs, the attribute `n` of each a text of its own where `distinct`.
fn many(rows: usize, distinct: bool) -> Model {
    let record = |row: usize| LogRecord {
        severity_number: (row % 24) as i32,
        ..LogRecord::new("x").with(
            "n",
            if distinct {
                format!("{row}")
            } else {
                "n".into()
            },
        )
    };
    Model {
        rows: (0..rows)
            .map(|row| Row {
                record: record(row),
                resource: 0,
                scope: 0,
            })
            .collect(),
        resources: vec![Pairs::new()],
        scopes: vec![Scope::default()],
    }
}

// Scenario: 40,000 logs whose attributes are behind a dictionary of 16 bits get another text each.
// Guarantees: 80,000 values leave the dictionary, 256 more widen one of 8 bits, and all read right.
#[test]
fn dictionaries_that_overflow_are_widened_then_given_up() {
    let mut model = many(40_000, false);
    let mut batch = model.build();
    let text = |batch: &Batch| {
        let table = batch.table(Payload::LogAttributes).unwrap();
        table.column_by_name("str").unwrap().data_type().clone()
    };
    let dictionary = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
    batch.all().set_severity_number(9).unwrap();
    for row in &mut model.rows {
        row.record.severity_number = 9;
    }
    assert_eq!(text(&batch), dictionary);
    for key in ["one", "two"] {
        let number = |row: usize| Any::Str(format!("{key}{row}"));
        let changed = batch
            .all()
            .upsert_with(AttributeTable::Log, key, |log| Some(number(log.row())));
        assert_eq!(changed, Ok(true));
        for (row, found) in model.rows.iter_mut().enumerate() {
            found.record.attributes.push((key.into(), number(row)));
        }
        let expected = if key == "one" {
            dictionary.clone()
        } else {
            DataType::Utf8
        };
        assert_eq!(text(&batch), expected, "{key}");
        assert!(read(&batch) == model.wholes(), "{key}");
    }
    let renamed = batch.all().rename(AttributeTable::Log, "one", "three");
    assert_eq!(renamed, Ok(true));
    model
        .rows
        .iter_mut()
        .for_each(|row| row.record.attributes[1].0 = "three".into());
    assert!(read(&batch) == model.wholes());
}

// Scenario: 70,000 logs, which are more than there are ids.
// Guarantees: fields and resources are edited; an attribute for each fails, and changes nothing,
// says what to do, and that works.
#[test]
fn more_logs_than_ids_are_edited_as_far_as_that_goes() {
    let without = |rows| {
        let batch = many(rows, false).build();
        let mut batch = batch;
        batch.all().delete(AttributeTable::Log, &Keys::All).unwrap();
        without_idle_ids(batch)
    };
    let mut batch = without(40_000);
    batch.append(without(30_000)).unwrap();
    assert_eq!(batch.len(), 70_000);
    assert_eq!(batch.all().set_body(7), Ok(true));
    assert_eq!(batch.all().set_event_name("e"), Ok(true));
    assert_eq!(
        batch.all().upsert(AttributeTable::Resource, "env", "prod"),
        Ok(true)
    );
    let before = batch.clone();
    let full = batch
        .all()
        .upsert(AttributeTable::Log, "k", "v")
        .unwrap_err();
    assert_eq!(full, BatchError::Full { of: "logs" });
    assert!(moved(&before, &batch).is_empty());
    assert_eq!(
        batch.row(69_999).upsert(AttributeTable::Log, "k", "last"),
        Ok(true)
    );

    let parts = batch.partition(|log| log.row() / 50_000).unwrap();
    assert_eq!(
        parts.iter().map(|(_, part)| part.len()).collect::<Vec<_>>(),
        [50_000, 20_000]
    );
    for (_, mut part) in parts {
        assert_eq!(part.all().insert(AttributeTable::Log, "k", "v"), Ok(true));
        let logs = part.logs();
        let value = |log: Log<'_>, of, key| log.attribute(of, key).unwrap().to_any().unwrap();
        for log in logs.iter() {
            let last = part.len() == 20_000 && log.row() == 19_999;
            let expected = if last { "last" } else { "v" };
            assert_eq!(value(log, AttributeTable::Log, "k"), expected.into());
            assert_eq!(value(log, AttributeTable::Resource, "env"), "prod".into());
            assert_eq!(
                (log.body().to_any(), log.event_name()),
                (Some(Any::Int(7)), "e")
            );
        }
    }
}

// Guarantees: what 16 bits cannot number is refused, where it is added.
#[test]
fn builders_and_appends_know_the_limit() {
    let mut logs = LogsBuilder::new();
    for _ in 0..LogsBuilder::MAX {
        logs.push(LogRecord::new(1)).unwrap();
    }
    let error = logs.push(LogRecord::new(1)).unwrap_err();
    assert_eq!(error, BatchError::Full { of: "logs" });
    assert!(error.to_string().contains("65,536"), "{error}");
    let mut full = logs.finish().unwrap();
    assert_eq!(full.len(), LogsBuilder::MAX);
    let before = full.clone();
    assert!(full.append(many(1, false).build()).is_err());
    assert!(moved(&before, &full).is_empty());
}

// Guarantees: logs with high ids, which stayed where others were dropped, are appended like any,
// with the attributes that are theirs.
#[test]
fn few_logs_with_high_ids_are_appended() {
    let mut logs = LogsBuilder::new();
    for number in 0..60_000 {
        let resource = Resource::new([("number", i64::from(number))]);
        logs.resource(resource).unwrap();
        logs.push(LogRecord::new(number).with("k", number)).unwrap();
    }
    let mut last = logs.finish().unwrap();
    last.retain(|log| log.row() == 59_999).unwrap();
    let mut all = Batch::default();
    for _ in 0..5 {
        all.append(last.clone()).unwrap();
    }
    assert_eq!(all.len(), 5);
    for log in all.logs().iter() {
        for (of, key) in [
            (AttributeTable::Log, "k"),
            (AttributeTable::Resource, "number"),
        ] {
            let found: Vec<_> = log.attributes(of).map(|a| (a.key, a.value)).collect();
            assert_eq!(found, [(key, Value::Int(59_999))]);
        }
    }
}

// Guarantees: rows that cannot be taken are named.
#[test]
fn rows_are_taken_once_and_must_be_there() {
    let batch = many(3, true).build();
    let error = |rows: &[usize]| batch.take(rows).unwrap_err().to_string();
    assert_eq!(
        error(&[1, 1]),
        "row 1 was to be taken, which was taken before"
    );
    assert_eq!(
        error(&[0, 3]),
        "row 3 was to be taken, which is past the end"
    );
}

// Guarantees: a value that changes its type leaves nothing of the old one behind.
#[test]
fn a_replaced_value_leaves_nothing_behind() {
    let mut logs = LogsBuilder::new();
    logs.push(LogRecord::new("secret").with("password", "secret"))
        .unwrap();
    let mut batch = logs.finish().unwrap();
    batch
        .all()
        .update(AttributeTable::Log, "password", 0)
        .unwrap();
    batch.all().set_body(0).unwrap();
    let table = batch.table(Payload::LogAttributes).unwrap();
    assert!(table.column_by_name("str").unwrap().is_null(0));
    let body = batch
        .table(Payload::Logs)
        .unwrap()
        .column_by_name("body")
        .unwrap();
    let body = body
        .as_any()
        .downcast_ref::<arrow_array::StructArray>()
        .unwrap();
    assert!(body.column_by_name("str").unwrap().is_null(0));
}

// Guarantees: columns that the schema does not know are kept, and as long as the others.
#[test]
fn unknown_columns_stay() {
    let mut batch = many(2, true).build();
    let table = batch.table(Payload::LogAttributes).unwrap();
    let mut fields: Vec<_> = table.schema().fields().iter().cloned().collect();
    let mut columns = table.columns().to_vec();
    fields.push(Arc::new(Field::new("strange", DataType::UInt8, false)));
    columns.push(Arc::new(UInt8Array::from(vec![1, 2])));
    let table = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    batch
        .set_table(Payload::LogAttributes, Some(table))
        .unwrap();
    batch
        .all()
        .upsert(AttributeTable::Log, "new", true)
        .unwrap();
    let table = batch.table(Payload::LogAttributes).unwrap();
    let strange = table.column_by_name("strange").unwrap();
    let strange = strange.as_any().downcast_ref::<UInt8Array>().unwrap();
    assert_eq!(
        strange.iter().collect::<Vec<_>>(),
        [Some(1), Some(2), None, None]
    );
}

// Guarantees: a mask chooses rows, and must be as long as the batch.
#[test]
fn masks_choose_rows() {
    let mut batch = many(3, true).build();
    let mask = batch.mask(|log| log.row() == 1);
    batch.rows(&mask).unwrap().set_event_name("e").unwrap();
    let names: Vec<_> = batch
        .logs()
        .iter()
        .map(|log| log.event_name().to_owned())
        .collect();
    assert_eq!(names, ["", "e", ""]);
    let error = batch.rows(&BooleanBuffer::new_set(2)).unwrap_err();
    assert_eq!(error.to_string(), "a mask of 2 rows for a batch of 3");
}
