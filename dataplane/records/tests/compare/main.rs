//! A difference applied to what went in gives what came out.

#[path = "../common/mod.rs"]
mod common;
mod model;
mod records;

use arrow_array::types::UInt8Type;
use arrow_array::{DictionaryArray, RecordBatch, StringArray};
use common::Rng;
use model::{Any, Logs, apply, change, delete, random, set, visible};
use proptest::prelude::*;
use records::records;
use std::sync::Arc;
use strait_records::compare::{self, Keys, Watched};
use strait_records::difference::{Action, Difference, DifferenceBuilder, Operation, Owner, Target};
use strait_records::otap::payload::LOGS;

fn difference(
    before: &[(u16, RecordBatch)],
    after: &[(u16, RecordBatch)],
    watched: &[Watched],
) -> Result<Vec<u8>, compare::NotExpressible> {
    let mut builder = DifferenceBuilder::default();
    compare::records(LOGS, before, after, watched, &mut builder)?;
    let mut payload = vec![0xA5; builder.payload_len()];
    assert_eq!(builder.write(&mut payload), Ok(payload.len()));
    Ok(payload)
}

fn check(seed: u64, before: &Logs, after: &Logs) -> Result<(), compare::NotExpressible> {
    let mut rng = Rng(seed);
    let (records_in, records_out) = (records(&mut rng, before), records(&mut rng, after));
    let payload = difference(&records_in, &records_out, &Watched::all(LOGS))?;
    let owners = compare::owners(LOGS, &records_in).expect("ordinals");
    let difference = Difference::parse(&payload, owners).expect("a good difference");
    let mut applied = before.clone();
    apply(&difference, &mut applied);
    assert_eq!(visible(applied), visible(after.clone()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Scenario: nodes drop, delete, rename, set and insert.
    /// Guarantees: the difference applied to the original is the output; it can always be
    /// expressed.
    #[test]
    fn changes_of_nodes_are_expressed(seed: u64, steps in 0usize..5) {
        let mut rng = Rng(seed);
        let before = random(&mut rng, false);
        let mut after = before.clone();
        (0..steps).for_each(|_| change(&mut rng, &mut after));
        check(seed ^ 1, &before, &after).expect("no key occurs twice");
    }

    /// Scenario: nothing of the output has to do with the input, and keys occur twice.
    /// Guarantees: what is expressed is exact.
    #[test]
    fn anything_is_exact_or_refused(seed: u64, doubles: bool) {
        let mut rng = Rng(seed);
        let before = random(&mut rng, doubles);
        let mut after = random(&mut rng, doubles);
        let rows = before.logs.len();
        after.logs.truncate(rows);
        after.resources.resize(before.resources.len(), Vec::new());
        after.scopes.resize(before.scopes.len(), Vec::new());
        for log in &mut after.logs {
            let old = &before.logs[usize::from(log.ordinal)];
            (log.resource, log.scope) = (old.resource, old.scope);
        }
        let checked = check(seed ^ 1, &before, &after);
        prop_assert!(doubles || checked.is_ok());
    }
}

/// Scenario: the engine's rename changes only the values of the key dictionary.
/// Guarantees: one operation for every owner, whatever the number of rows.
#[test]
fn a_renamed_key_dictionary_is_one_operation() {
    let before = common::logs(1000);
    let mut after = before.clone();
    let (_, table) = &mut after[1];
    let keys = table.column_by_name("key").expect("a key column").as_any();
    let keys = keys
        .downcast_ref::<DictionaryArray<UInt8Type>>()
        .expect("a dictionary");
    let values = keys
        .values()
        .as_any()
        .downcast_ref::<StringArray>()
        .expect("text");
    let renamed = StringArray::from_iter_values(
        values
            .iter()
            .flatten()
            .map(|key| if key == "user.id" { "enduser.id" } else { key }),
    );
    let mut columns = table.columns().to_vec();
    columns[1] = Arc::new(keys.with_values(Arc::new(renamed)));
    *table = RecordBatch::try_new(table.schema(), columns).expect("the same types");

    let watched = Watched {
        target: Target::LOG_ATTRIBUTES,
        keys: Keys::only(["user.id", "enduser.id"]),
    };
    let payload = difference(&before, &after, &[watched]).expect("a rename");
    let owners = compare::owners(LOGS, &before).expect("ordinals");
    let parsed = Difference::parse(&payload, owners).expect("a good difference");
    let expected = Operation {
        target: Target::LOG_ATTRIBUTES,
        owner: Owner::Every,
        key: "user.id",
        action: Action::Rename("enduser.id"),
    };
    assert_eq!(parsed.operations().collect::<Vec<_>>(), [expected]);
    assert_eq!(parsed.kept().count(), 1000);
}

/// Scenario: a key is deleted from all logs, and the table is built anew.
/// Guarantees: one operation.
#[test]
fn a_key_deleted_everywhere_is_one_operation() {
    let mut rng = Rng(7);
    let mut before = random(&mut rng, false);
    for log in &mut before.logs {
        set(&mut log.attributes, "peer", Any::Int(1));
    }
    let mut after = before.clone();
    after
        .logs
        .iter_mut()
        .for_each(|log| delete(&mut log.attributes, "peer"));
    let (records_in, records_out) = (records(&mut rng, &before), records(&mut rng, &after));
    let payload = difference(&records_in, &records_out, &Watched::all(LOGS)).expect("a delete");
    let owners = compare::owners(LOGS, &records_in).expect("ordinals");
    let parsed = Difference::parse(&payload, owners).expect("a good difference");
    assert_eq!(parsed.operations().count(), 1);
}

/// Scenario: a key occurs twice in a log and is deleted, or one of the two gets a new value.
/// Guarantees: a delete takes both; a new value for the second cannot be expressed.
#[test]
fn keys_that_occur_twice_are_deleted_but_not_edited() {
    let mut rng = Rng(9);
    let mut before = random(&mut rng, false);
    before.logs[0].attributes = [1, 2, 3]
        .map(|n| ("twice".to_owned(), Any::Int(n)))
        .to_vec();
    let mut deleted = before.clone();
    deleted.logs[0].attributes.clear();
    assert_eq!(check(1, &before, &deleted), Ok(()));
    let mut first = before.clone();
    first.logs[0].attributes[0].1 = Any::Bool(true);
    assert_eq!(check(1, &before, &first), Ok(()));
    let mut second = before.clone();
    second.logs[0].attributes[1].1 = Any::Bool(true);
    assert!(check(1, &before, &second).is_err());
}

#[test]
fn no_output_drops_every_row() {
    let before = common::logs(70);
    let payload = difference(&before, &[], &Watched::all(LOGS)).expect("nothing stays");
    let owners = compare::owners(LOGS, &before).expect("ordinals");
    let parsed = Difference::parse(&payload, owners).expect("a good difference");
    assert_eq!((parsed.kept().count(), parsed.operations().count()), (0, 0));
    assert!((0..70).all(|row| !parsed.kept().contains(row)));
}

#[test]
fn rows_out_of_order_and_moved_rows_are_refused() {
    let mut rng = Rng(3);
    let mut before = random(&mut rng, false);
    while before.logs.len() < 5 {
        before = random(&mut rng, false);
    }
    let mut swapped = before.clone();
    swapped.logs.swap(0, 1);
    let mut moved = before.clone();
    moved.logs[0].resource += 1;
    for after in [swapped, moved] {
        assert!(check(1, &before, &after).is_err());
    }
}
