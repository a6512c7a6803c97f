//! Schema preambles: any bytes, and the preambles of the vectors with some bytes overwritten.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use strait_records::ReceivedSchemas;

#[path = "../vectors.rs"]
mod vectors;

fuzz_target!(|bytes: &[u8]| {
    let _ = ReceivedSchemas::new().publish(bytes);
    // Triples: place, place, value.
    static GOOD: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    for good in GOOD.get_or_init(|| vectors::preambles().concat()) {
        let mut damaged = good.clone();
        for change in bytes.chunks_exact(3).take(8) {
            let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % damaged.len();
            damaged[at] = change[2];
        }
        let mut schemas = ReceivedSchemas::new();
        if schemas.publish(&damaged).is_ok() {
            assert_eq!(schemas.iter().count(), 1);
        }
    }
});
