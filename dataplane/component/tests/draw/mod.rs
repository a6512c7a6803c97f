//! What the tests of batches draw, and how they compare arrays.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StructArray};
use proptest::prelude::*;
use strait_component::{Any, Batch, Payload};

/// A value of any type.
pub(crate) fn value() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::Empty),
        // Few values, so that rows share entries of dictionaries.
        "[ab]{0,3}".prop_map(Any::Str),
        "\\PC{0,20}".prop_map(Any::Str),
        prop_oneof![Just(0), -9i64..9, any::<i64>()].prop_map(Any::Int),
        (-1e9..1e9).prop_map(Any::Double),
        any::<bool>().prop_map(Any::Bool),
        prop::collection::vec(any::<u8>(), 0..5).prop_map(Any::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Any::Slice),
            prop::collection::vec(("[abk]{0,2}", inner), 0..4).prop_map(Any::Map),
        ]
    })
}

/// A few attributes; keys may be there twice.
pub(crate) fn attributes() -> impl Strategy<Value = Vec<(String, Any)>> {
    prop::collection::vec(("k|a|b|[ab]{0,3}", value()), 0..5)
}

/// The arrays of a batch, those of structs opened, by table and name.
fn arrays(batch: &Batch) -> Vec<(Payload, String, ArrayRef)> {
    let mut found = Vec::new();
    for (payload, records) in batch.clone().into_tables() {
        for (field, column) in records.schema().fields().iter().zip(records.columns()) {
            match column.as_any().downcast_ref::<StructArray>() {
                None => found.push((payload, field.name().clone(), column.clone())),
                Some(parent) => {
                    for (child, column) in parent.fields().iter().zip(parent.columns()) {
                        let name = format!("{}.{}", field.name(), child.name());
                        found.push((payload, name, column.clone()));
                    }
                }
            }
        }
    }
    found
}

/// Names the arrays that are not the same objects in both, or are in one of them only.
pub(crate) fn moved(before: &Batch, after: &Batch) -> Vec<(Payload, String)> {
    let (before, after) = (arrays(before), arrays(after));
    let lacks = |others: &[(Payload, String, ArrayRef)], (payload, name, array): &_| {
        let mut others = others.iter();
        !others.any(|(p, n, a)| (p, n) == (payload, name) && Arc::ptr_eq(a, array))
    };
    let gone = before.iter().filter(|found| lacks(&after, found));
    let new = after.iter().filter(|found| lacks(&before, found));
    let mut names: Vec<_> = gone
        .chain(new)
        .map(|found| (found.0, found.1.clone()))
        .collect();
    names.sort();
    names.dedup();
    names
}
