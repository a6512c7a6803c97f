//! Places: what a node gets where its user says nothing, and the engine's own default would refuse
//! batches for want of a place although whoever sends them could wait.
//!
//! A unit bounds what is in it by the calls that it lets in, and by the host's credit. A second,
//! smaller bound inside a node turns pressure into failures, and a failure of one part of a call
//! makes its sender repeat the parts that were delivered.

use serde_json::{Map, Value, json};

/// Gives a key a value where it has none.
pub(super) fn set(config: &mut Map<String, Value>, key: &str, value: Value) {
    let entry = config.entry(key).or_insert(Value::Null);
    if entry.is_null() {
        *entry = value;
    }
}

/// Of a router: it waits for a full output. All outputs of a unit end at the same edge: a full one
/// is full for all.
pub(super) fn waits(config: &mut Map<String, Value>, _: u32) {
    set(config, "admission_policy", json!({}));
    if let Some(policy) = config["admission_policy"].as_object_mut() {
        set(policy, "on_full", json!("backpressure"));
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::find;
    use serde_json::json;
    use strait_component::Kind;

    // Guarantees: a router waits for a full output where its user does not want it refused.
    #[test]
    fn a_router_waits() {
        for name in ["type_router", "content_router"] {
            for (said, then) in [
                (json!({}), "backpressure"),
                (json!({"admission_policy": null}), "backpressure"),
                (json!({"admission_policy": {}}), "backpressure"),
                (
                    json!({"admission_policy": {"on_full": "reject_immediately"}}),
                    "reject_immediately",
                ),
            ] {
                let mut config = said;
                (find(Kind::Processor, name).unwrap().places)(config.as_object_mut().unwrap(), 64);
                assert_eq!(config["admission_policy"]["on_full"], then, "{name}");
            }
        }
    }
}
