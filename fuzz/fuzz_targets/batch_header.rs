//! Header and variable section of a batch slot: parsing gives a view or an error, and a view is
//! walked to its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strait_records::BatchView;

fuzz_target!(|slot: &[u8]| {
    let Ok(view) = BatchView::parse(slot) else {
        return;
    };
    let keys = view
        .metadata()
        .map(|(key, values)| key.len() + values.map(<[u8]>::len).sum::<usize>());
    let text: usize = keys.sum();
    assert!(text + view.tracestate().len() + view.payload().len() <= slot.len());
    for record in view.records().flatten() {
        assert!(record.metadata().start < record.metadata().end && record.body().end <= slot.len());
    }
});
