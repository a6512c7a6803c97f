//! Differences, bare or in a batch slot: what is accepted names only what is there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strait_records::BatchView;
use strait_records::difference::{Difference, Owner, Owners, Target};

fuzz_target!(|bytes: &[u8]| {
    let payload = BatchView::parse(bytes).map_or(bytes, |view| view.payload());
    let owners = Owners {
        items: 70,
        resources: 2,
        scopes: 3,
    };
    let Ok(difference) = Difference::parse(payload, owners) else {
        return;
    };
    let kept = (0..owners.items)
        .filter(|row| difference.stays(*row))
        .count();
    assert_eq!(kept, difference.rows_kept() as usize);
    for operation in difference.operations() {
        let limit = match operation.target {
            Target::ResourceAttribute => owners.resources,
            Target::ScopeAttribute => owners.scopes,
            _ => owners.items,
        };
        assert!(!matches!(operation.owner, Owner::One(ordinal) if ordinal >= limit));
        assert!(operation.target.has_key() || operation.key.is_empty());
    }
});
