//! Whole batch slots, read as trusted and as untrusted, with the schemas of the vectors published.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use strait_records::{Batch, ReceivedSchemas, Slot};

#[path = "../vectors.rs"]
mod vectors;

/// Two sets, because ids begin at 1 in each vector.
fn schemas() -> &'static [ReceivedSchemas] {
    static SCHEMAS: OnceLock<Vec<ReceivedSchemas>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let published = |preambles: Vec<Vec<u8>>| {
            let mut schemas = ReceivedSchemas::new();
            for preamble in preambles {
                schemas
                    .publish(&preamble)
                    .expect("the vectors' preambles are good");
            }
            schemas
        };
        vectors::preambles().into_iter().map(published).collect()
    })
}

fuzz_target!(|slot: &[u8]| {
    for schemas in schemas() {
        for trusted in [false, true] {
            let slot = Slot::copy_of(slot);
            let batch = match trusted {
                false => Batch::new(slot),
                // SAFETY: nothing of what is read is used but its layout.
                true => unsafe { Batch::trusted(slot) },
            };
            let Ok(batch) = batch else {
                return;
            };
            let Ok(records) = batch.records(schemas) else {
                continue;
            };
            for column in records.iter().flat_map(|(_, batch)| batch.columns()) {
                let checked = column.to_data().validate_full();
                // All that a trusted reader leaves unchecked is text.
                let text = || {
                    format!("{checked:?}")
                        .to_lowercase()
                        .replace('-', "")
                        .contains("utf8")
                };
                assert!(
                    checked.is_ok() || (trusted && text()),
                    "{checked:?}"
                );
            }
        }
    }
});
