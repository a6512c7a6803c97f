//! What a component changes is held against what it declares.

use arrow_array::{Int32Array, RecordBatch};
use std::borrow::Cow;
use std::sync::Arc;
use strait_component::testing::{Sample, batch};
use strait_component::{Access, AttributeTable, Batch, Columns, Keys, Payload};

fn two() -> Batch {
    let sample = |body: &str| Sample {
        severity_number: 9,
        ..Sample::new(body).with("a", "x")
    };
    batch(&[sample("one"), sample("two")])
}

fn upper(text: &str) -> Cow<'_, str> {
    text.to_uppercase().into()
}

/// Replaces the column, which must be there, by a new array of the same values.
fn renew(batch: &mut Batch, name: &str) {
    let table = batch.table(Payload::Logs).unwrap();
    let (at, _) = table.schema_ref().column_with_name(name).unwrap();
    let mut columns = table.columns().to_vec();
    columns[at] = Arc::new(Int32Array::from(vec![17; table.num_rows()]));
    let table = RecordBatch::try_new(table.schema(), columns).unwrap();
    batch.set_table(Payload::Logs, Some(table)).unwrap();
}

fn error(access: Access, batch: &Batch) -> String {
    let error = access.check(batch).unwrap_err();
    assert!(error.is_permanent());
    error.to_string()
}

// Guarantees: each way to change a batch is found where it is not declared, with the column's name,
// and allowed where it is.
#[test]
fn undeclared_changes_are_found() {
    let mut bodies = two();
    assert!(bodies.edit_bodies(upper).unwrap());
    assert!(error(Access::new().read(Columns::BODY), &bodies).contains("`logs.body`"));
    Access::new().write(Columns::BODY).check(&bodies).unwrap();

    let mut attributes = two();
    assert!(
        attributes
            .edit_attributes(AttributeTable::Log, &Keys::All, upper)
            .unwrap()
    );
    let declared = Access::new().write(Columns::BODY);
    assert!(error(declared, &attributes).contains("`log_attrs.key`, `log_attrs.value`"));
    let declared = Access::new().write(Columns::LOG_ATTRIBUTES);
    declared.check(&attributes).unwrap();

    let mut severities = two();
    renew(&mut severities, "severity_number");
    let declared = Access::new().write(Columns::LOG_ATTRIBUTES);
    assert!(error(declared, &severities).contains("`logs.severity_number`"));

    let mut table = two();
    table.set_table(Payload::LogAttributes, None).unwrap();
    assert!(error(Access::new(), &table).contains("`log_attrs.key`, `log_attrs.value`"));

    let mut dropped = two();
    dropped
        .retain(|log| log.body().as_str() == Some("one"))
        .unwrap();
    assert!(error(Access::new(), &dropped).contains("`filter`"));
    Access::new().filter().check(&dropped).unwrap();
}

// Guarantees: what stays as it was needs no declaration.
#[test]
fn no_change_needs_no_declaration() {
    let mut same = two();
    same.edit_bodies(|text| text.into()).unwrap();
    same.retain(|_| true).unwrap();
    let logs = same.table(Payload::Logs).cloned();
    same.set_table(Payload::Logs, logs).unwrap();
    let attributes = same.table(Payload::LogAttributes).cloned();
    same.set_table(Payload::LogAttributes, attributes).unwrap();
    Access::new().check(&same).unwrap();
}
