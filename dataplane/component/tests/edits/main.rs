//! Edits against a naive model, a list of structs: random batches, plain and behind dictionaries,
//! with absent columns and ids, and random sequences of edits. After each edit the batch reads as
//! the model does, and no array has moved that the edit does not declare.

#[path = "../draw/mod.rs"]
mod draw;
mod limits;
mod model;
mod what;

use draw::moved;
use model::{Whole, model, read, recoded, without_idle_ids};
use proptest::prelude::*;
use strait_component::{AttributeTable, Batch};
use what::{What, declared, edit_batch, edit_model, what, which};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // Scenario: a random batch, in random encodings, with or without the ids that nobody needs; up
    // to eight random edits of all, some or one of its logs.
    // Guarantees: after each the batch is what the model is; an edit says whether it changed
    // anything, moves no array otherwise, and none but those that it declares.
    #[test]
    fn edits_do_to_columns_what_they_do_to_structs(
        mut model in model(), draw: u64, idle: bool,
        edits in prop::collection::vec((what(), which()), 0..8),
    ) {
        let mut batch = recoded(model.build(), draw);
        if idle {
            batch = without_idle_ids(batch);
        }
        for (what, which) in edits {
            let tables: Vec<_> = batch.into_tables().collect();
            let before = Batch::from_tables(tables).unwrap();
            batch = before.clone();
            let chosen = which.chosen(model.rows.len());
            let expected = model.wholes();
            edit_model(&mut model, &what, &chosen);
            let changed = edit_batch(&mut batch, &what, &which).unwrap();
            prop_assert_eq!(read(&batch), model.wholes(), "{:?} of {:?}", what, which);
            if !matches!(what, What::Reverse | What::Append(_)) {
                prop_assert_eq!(changed, model.wholes() != expected, "{:?}", what);
            }
            let moved = moved(&before, &batch);
            prop_assert!(changed || moved.is_empty(), "{:?} moved {:?}", what, moved);
            let (access, may) = declared(&what);
            for (payload, name) in moved {
                prop_assert!(may(payload, &name), "{:?} moved {:?} {}", what, payload, name);
            }
            prop_assert_eq!(access.check(&batch), Ok(()), "{:?}", what);
            let tables = batch.clone().into_tables();
            prop_assert!(Batch::from_tables(tables.collect::<Vec<_>>()).is_ok());
        }
    }

    // Guarantees: the parts of a batch by a key hold each log once, in order, with all that
    // belongs to it, and no attribute of another part.
    #[test]
    fn partitions_hold_everything_once(model in model(), draw: u64, idle: bool) {
        let mut batch = recoded(model.build(), draw);
        if idle {
            batch = without_idle_ids(batch);
        }
        let key = |severity: i32| severity % 3;
        let parts = batch.partition(|log| key(log.severity_number())).unwrap();
        let mut expected: Vec<(i32, Vec<Whole>)> = Vec::new();
        for whole in model.wholes() {
            let key = key(whole.0.severity_number);
            match expected.iter_mut().find(|part| part.0 == key) {
                Some(part) => part.1.push(whole),
                None => expected.push((key, vec![whole])),
            }
        }
        for (_, part) in &parts {
            let of_logs: usize = read(part).iter().map(|whole| whole.0.attributes.len()).sum();
            prop_assert_eq!(part.attributes(AttributeTable::Log).len(), of_logs);
        }
        let found: Vec<_> = parts.iter().map(|(key, part)| (*key, read(part))).collect();
        prop_assert_eq!(found, expected);
    }
}
