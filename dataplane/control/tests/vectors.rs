//! Numbers and words are those of `vectors/codes.json`, which the Go side's tests read too.

use serde_json::{Map, Value};
use strait_control::host::{Level, StatusCode};
use strait_control::{Class, OpKind};
use strum::VariantArray;

fn codes() -> Value {
    serde_json::from_str(include_str!("../vectors/codes.json")).expect("vectors/codes.json")
}

fn named<T: VariantArray + Copy + ToString>(code: impl Fn(T) -> u32) -> Value {
    let all = T::VARIANTS
        .iter()
        .map(|of| (of.to_string(), code(*of).into()));
    Value::Object(all.collect::<Map<_, _>>())
}

// Guarantees: both languages use the same numbers and words.
#[test]
fn shared_codes_hold() {
    let codes = codes();
    assert_eq!(codes["classes"], named(Class::code));
    assert_eq!(codes["operations"], named(|kind: OpKind| kind as u32));
    assert_eq!(codes["levels"], named(|level: Level| level as u32));
    assert_eq!(codes["statuses"], named(|status: StatusCode| status as u32));
    let last = Class::VARIANTS.iter().filter(|class| class.is_final());
    let last: Value = last.map(ToString::to_string).collect();
    assert_eq!(codes["final"], last);
}
