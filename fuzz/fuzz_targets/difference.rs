//! Differences, bare or in a batch slot: what is accepted names only what is there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strait_records::BatchView;
use strait_records::difference::{Difference, Owner, Owners, Target};

/// What the vectors are about.
const OWNERS: Owners = Owners {
    root: 30,
    items: 70,
    resources: 2,
    scopes: 3,
};

fuzz_target!(|bytes: &[u8]| {
    let payload = BatchView::parse(bytes).map_or(bytes, |view| view.payload());
    let Ok(difference) = Difference::parse(payload, OWNERS) else {
        return;
    };
    let kept = difference.kept();
    let stay = (0..1 << 10).filter(|row| kept.contains(*row));
    assert_eq!(stay.count(), kept.count() as usize);
    for operation in difference.operations() {
        let limit = match operation.target {
            Target::RESOURCE_ATTRIBUTES => OWNERS.resources,
            Target::SCOPE_ATTRIBUTES => OWNERS.scopes,
            _ => OWNERS.items,
        };
        assert!(!matches!(operation.owner, Owner::One(ordinal) if ordinal >= limit));
        assert!(operation.target.has_key() || operation.key.is_empty());
    }
});
