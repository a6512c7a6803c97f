//! Batches against a simple model, a list of samples: over random records in every
//! encoding, views read what was written, and edits and filters do to the columns
//! what they do to the list.

mod draw;

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use draw::{attributes, moved, value};
use proptest::prelude::*;
use strait_component::testing::{Any, Encoding, Sample, batch_encoded, samples};
use strait_component::{AttributeTable, Batch, Keys, Payload};

fn resource() -> impl Strategy<Value = Vec<(String, Any)>> {
    prop_oneof![
        Just(vec![]),
        Just(vec![("k".to_owned(), "a".into())]),
        attributes()
    ]
}

fn sample() -> impl Strategy<Value = Sample> {
    (0..25, value(), attributes(), resource()).prop_map(
        |(severity_number, body, attributes, resource)| Sample {
            severity_number,
            body,
            attributes,
            resource,
        },
    )
}

/// Records of a batch, fewer than this.
const ROWS: usize = 24;

/// A few records; an encoding drawn for each column.
fn records() -> impl Strategy<Value = (Vec<Sample>, Batch)> {
    (prop::collection::vec(sample(), 0..ROWS), any::<u64>()).prop_map(|(list, draw)| {
        let batch = batch_encoded(&list, |column| {
            let hash = column
                .bytes()
                .fold(draw, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100000001b3));
            match hash >> 33 & 3 {
                0 => Encoding::Plain,
                1 => Encoding::Dictionary8,
                _ => Encoding::Dictionary16,
            }
        });
        (list, batch)
    })
}

fn edit(text: &str) -> Cow<'_, str> {
    match text {
        "a" => Cow::Borrowed("b"),
        "b" => Cow::Borrowed(""),
        _ if text.contains('a') => Cow::Owned(text.replace('a', "aaa")),
        _ => Cow::Borrowed(text),
    }
}

fn edit_any(any: &Any) -> Any {
    match any {
        Any::Str(text) => Any::Str(edit(text).into_owned()),
        Any::Slice(items) => Any::Slice(items.iter().map(edit_any).collect()),
        Any::Map(entries) => Any::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), edit_any(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn edit_list(list: &mut [(String, Any)], keys: &Keys) {
    for (key, value) in list {
        if keys.contains(key) {
            *value = edit_any(value);
        }
    }
}

fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        Just(Keys::All),
        Just(Keys::named(["k"])),
        Just(Keys::named(["a", "b", ""])),
        Just(Keys::named(["absent"])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn views_read_what_was_written((list, batch) in records()) {
        prop_assert_eq!(batch.len(), list.len());
        prop_assert_eq!(samples(&batch), list);
    }

    #[test]
    fn bodies_are_edited((mut list, batch) in records()) {
        let mut edited = batch.clone();
        let changed = edited.edit_bodies(edit).unwrap();
        list.iter_mut().for_each(|sample| sample.body = edit_any(&sample.body));
        prop_assert_eq!(changed, list != samples(&batch));
        prop_assert_eq!(samples(&edited), list);

        let moved = moved(&batch, &edited);
        prop_assert_eq!(!moved.is_empty(), changed);
        for (payload, name) in moved {
            prop_assert_eq!(payload, Payload::Logs);
            prop_assert!(["body.str", "body.ser"].contains(&name.as_str()), "{} moved", name);
        }
    }

    #[test]
    fn attributes_are_edited((mut list, batch) in records(), keys in keys(), resources: bool) {
        let mut edited = batch.clone();
        let of = if resources { AttributeTable::Resource } else { AttributeTable::Log };
        let changed = edited.edit_attributes(of, &keys, edit).unwrap();
        for sample in &mut list {
            edit_list(if resources { &mut sample.resource } else { &mut sample.attributes }, &keys);
        }
        prop_assert_eq!(changed, list != samples(&batch));
        prop_assert_eq!(samples(&edited), list);

        let moved = moved(&batch, &edited);
        prop_assert_eq!(!moved.is_empty(), changed);
        for (payload, name) in moved {
            prop_assert_eq!(payload, of.payload());
            prop_assert!(["str", "ser"].contains(&name.as_str()), "{} moved", name);
        }
    }

    #[test]
    fn rows_are_dropped((mut list, batch) in records(), floor in 0..26, then_edit: bool) {
        let mut kept = batch.clone();
        let dropped = kept.retain(|log| log.severity_number() >= floor).unwrap();
        let before = list.len();
        list.retain(|sample| sample.severity_number >= floor);
        prop_assert_eq!(dropped, before - list.len());
        if dropped == 0 {
            prop_assert_eq!(moved(&batch, &kept), vec![]);
        }
        // Rows of attributes that no log refers to are gone as well.
        let attributes: usize = list.iter().map(|sample| sample.attributes.len()).sum();
        prop_assert_eq!(kept.attributes(AttributeTable::Log).len(), attributes);
        // Dictionaries still hold the values of the rows that went.
        if then_edit {
            kept.edit_bodies(edit).unwrap();
            list.iter_mut().for_each(|sample| sample.body = edit_any(&sample.body));
        }
        prop_assert_eq!(samples(&kept), list);
    }

    #[test]
    fn slices_read_and_edit_alike((list, batch) in records(), from in 0..ROWS, to in 0..ROWS) {
        let (from, to) = (from.min(to).min(list.len()), from.max(to).min(list.len()));
        let mut list = list[from..to].to_vec();
        let tables = batch.into_tables().map(|(payload, records)| match payload {
            Payload::Logs => (payload, records.slice(from, to - from)),
            _ => (payload, records),
        });
        let mut slice = Batch::from_tables(tables).unwrap();
        prop_assert_eq!(samples(&slice), list.clone());
        slice.edit_bodies(edit).unwrap();
        list.iter_mut().for_each(|sample| sample.body = edit_any(&sample.body));
        prop_assert_eq!(samples(&slice), list);
    }
}

/// Each of `count` texts is a value of `edited` and of `kept`, which is not edited.
fn shared_values(count: usize, encoding: Encoding) -> (Batch, Batch) {
    let one = |edited: &str| {
        let mut sample = Sample::default();
        for n in 0..count {
            sample = sample
                .with("edited", &*format!("{edited}{n}"))
                .with("kept", &*format!("a{n}"));
        }
        sample
    };
    let encode = |column: &str| {
        if column == "str" {
            encoding
        } else {
            Encoding::Plain
        }
    };
    let mut edited = batch_encoded(&[one("a")], encode);
    assert_eq!(
        edited.edit_attributes(AttributeTable::Log, &Keys::named(["edited"]), edit),
        Ok(true)
    );
    (edited, batch_encoded(&[one("aaa")], |_| Encoding::Plain))
}

#[test]
fn a_dictionary_that_gets_too_long_is_widened_then_given_up() {
    use arrow_schema::DataType;

    let dictionary = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
    let cases = [
        (128, Encoding::Dictionary8, dictionary(DataType::UInt8)),
        (129, Encoding::Dictionary8, dictionary(DataType::UInt16)),
        (256, Encoding::Dictionary8, dictionary(DataType::UInt16)),
        (32_768, Encoding::Dictionary16, dictionary(DataType::UInt16)),
        (32_769, Encoding::Dictionary16, DataType::Utf8),
    ];
    for (count, encoding, expected) in cases {
        let (edited, model) = shared_values(count, encoding);
        let table = edited.table(Payload::LogAttributes).unwrap();
        assert_eq!(
            *table.schema().field_with_name("str").unwrap().data_type(),
            expected
        );
        assert_eq!(samples(&edited), samples(&model), "{count} values");
    }
}

#[test]
fn dictionaries_may_hold_nulls_doubles_and_leftovers() {
    use arrow_array::types::UInt16Type;
    use arrow_array::{DictionaryArray, StringArray, UInt16Array};

    // Values: a null, "a" twice, and one that no row uses.
    let values = StringArray::from(vec![None, Some("a"), Some("unused a"), Some("a")]);
    let keys = UInt16Array::from(vec![Some(1), Some(3), Some(0), None]);
    let column = DictionaryArray::<UInt16Type>::try_new(keys, Arc::new(values)).unwrap();
    let list = ["1", "2", "", ""].map(|key| Sample::default().with(key, "x"));
    let mut batch = batch_encoded(&list, |_| Encoding::Plain);
    let table = with(
        batch.table(Payload::LogAttributes).unwrap(),
        "str",
        Some(Arc::new(column)),
    );
    batch
        .set_table(Payload::LogAttributes, Some(table))
        .unwrap();

    assert_eq!(
        batch.edit_attributes(AttributeTable::Log, &Keys::named(["1"]), edit),
        Ok(true)
    );
    let texts: Vec<_> = samples(&batch)
        .into_iter()
        .map(|s| s.attributes[0].1.clone())
        .collect();
    assert_eq!(texts, ["b", "a", "", ""].map(Any::from));
    let column = batch
        .table(Payload::LogAttributes)
        .unwrap()
        .column_by_name("str")
        .unwrap();
    let column = column
        .as_any()
        .downcast_ref::<DictionaryArray<UInt16Type>>()
        .unwrap();
    let values = column
        .values()
        .as_any()
        .downcast_ref::<StringArray>()
        .unwrap();
    assert_eq!(
        values.iter().collect::<Vec<_>>(),
        [None, Some("b"), Some("unused a"), Some("a")]
    );
}

#[test]
fn a_null_struct_hides_what_its_children_hold() {
    let list = [Sample::new("a"), Sample::new("ab"), Sample::default()];
    let mut batch = batch_encoded(&list, |_| Encoding::Plain);
    let logs = batch.table(Payload::Logs).unwrap();
    let body = logs
        .column_by_name("body")
        .unwrap()
        .as_any()
        .downcast_ref::<StructArray>();
    let (fields, children, _) = body.unwrap().clone().into_parts();
    let nulls = [true, false, true]
        .into_iter()
        .collect::<arrow_buffer::NullBuffer>();
    let body = StructArray::new(fields, children, Some(nulls));
    let logs = with(logs, "body", Some(Arc::new(body)));
    batch.set_table(Payload::Logs, Some(logs)).unwrap();

    let hidden = [Sample::new("a"), Sample::default(), Sample::default()];
    assert_eq!(samples(&batch), hidden);
    assert_eq!(batch.edit_bodies(edit), Ok(true));
    assert_eq!(samples(&batch)[0], Sample::new("b"));
    let logs = batch.table(Payload::Logs).unwrap();
    let body = logs
        .column_by_name("body")
        .unwrap()
        .as_any()
        .downcast_ref::<StructArray>();
    let texts = body.unwrap().column_by_name("str").unwrap();
    let texts = texts
        .as_any()
        .downcast_ref::<arrow_array::StringArray>()
        .unwrap();
    assert_eq!(
        texts.value(1),
        "ab",
        "a value that does not count is not edited"
    );
}

/// A table with one column replaced or, with none, removed.
fn with(records: &RecordBatch, name: &str, column: Option<ArrayRef>) -> RecordBatch {
    use arrow_schema::{Field, Schema};
    let (fields, columns): (Vec<_>, Vec<_>) = records
        .schema()
        .fields()
        .iter()
        .zip(records.columns())
        .filter_map(|(field, old)| match &column {
            _ if field.name() != name => Some((field.as_ref().clone(), old.clone())),
            Some(new) => Some((Field::new(name, new.data_type().clone(), true), new.clone())),
            None => None,
        })
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn wrong_tables_are_refused() {
    use arrow_array::{Int64Array, UInt16Array};

    let good = batch_encoded(&[Sample::new("x").with("k", "v")], |_| Encoding::Plain);
    let logs = good.table(Payload::Logs).unwrap();
    let attributes = good.table(Payload::LogAttributes).unwrap();
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let ids: ArrayRef = Arc::new(UInt16Array::from(vec![1]));
    let cases = [
        (
            Payload::Logs,
            with(logs, "body", Some(number.clone())),
            "logs column body: type Int64, expected Struct",
        ),
        (
            Payload::Logs,
            with(logs, "id", Some(ids.clone())),
            "logs column id is not marked encoding=plain; decode the ids first",
        ),
        (
            Payload::LogAttributes,
            with(attributes, "key", Some(number)),
            "log_attrs column key: type Int64, expected Utf8",
        ),
        (
            Payload::LogAttributes,
            with(attributes, "key", None),
            "log_attrs column key is missing",
        ),
        (
            Payload::LogAttributes,
            with(attributes, "parent_id", Some(ids)),
            "log_attrs column parent_id is not marked encoding=plain; decode the ids first",
        ),
    ];
    for (payload, records, message) in cases {
        let error = Batch::from_tables([(payload, records)]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let twice = [(Payload::Logs, logs.clone()), (Payload::Logs, logs.clone())];
    assert_eq!(
        Batch::from_tables(twice).unwrap_err().to_string(),
        "table logs was given twice"
    );
    let error = Payload::from_code(3).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("payload type 3 is none of OTAP's tables"),
        "{error}"
    );
}

#[test]
fn a_broken_nested_value_fails_and_changes_nothing() {
    use arrow_array::BinaryArray;

    let list = [
        Sample::new("a").with("k", "a"),
        Sample::new("a").with("k", Any::Slice(vec![])),
    ];
    let good = batch_encoded(&list, |_| Encoding::Plain);
    let broken: ArrayRef = Arc::new(BinaryArray::from(vec![None, Some(&[0x9f_u8][..])]));
    let attributes = with(
        good.table(Payload::LogAttributes).unwrap(),
        "ser",
        Some(broken),
    );
    let mut batch = good;
    // `with` keeps the id's metadata only for columns that it does not replace.
    batch
        .set_table(Payload::LogAttributes, Some(attributes))
        .unwrap();
    let before = batch.clone();
    let error = batch
        .edit_attributes(AttributeTable::Log, &Keys::All, edit)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "log_attrs column ser, value 1: not valid CBOR near byte 1: 1 bytes expected, 0 left"
    );
    assert_eq!(moved(&before, &batch), vec![]);
}

#[test]
fn a_mask_of_another_length_is_refused() {
    let mut batch = batch_encoded(&[Sample::new("a")], |_| Encoding::Plain);
    let error = batch
        .keep(&[true, false].into_iter().collect())
        .unwrap_err();
    assert_eq!(error.to_string(), "a mask of 2 rows for a batch of 1");
}

#[test]
fn a_batch_without_tables_is_empty() {
    let mut batch = Batch::default();
    assert!(batch.is_empty());
    assert_eq!(batch.edit_bodies(edit), Ok(false));
    assert_eq!(batch.retain(|_| false), Ok(0));
    assert!(batch.attributes(AttributeTable::Scope).is_empty());
}
