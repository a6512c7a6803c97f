//! The `log_sampling` node: keeps a share of the logs.

use crate::catalog::node::{Asked, Node};
use crate::catalog::shape::Shape::{DurationFrom, Int, Object, OneOf};
use crate::catalog::shape::{Key, LEAST_TICK};
use crate::finding::Finding;
use strait_component::Signal;

const KEYS: &[Key] = &[Key::required(
    "policy",
    OneOf(&[
        Key::optional(
            "zip",
            Object(&[
                Key::required("interval", DurationFrom(LEAST_TICK), "length of a window"),
                Key::required("max_items", Int(1), "records per window at most"),
            ]),
            "so many per window",
        ),
        Key::optional(
            "ratio",
            Object(&[
                Key::required("emit", Int(1), "keep so many"),
                Key::required("out_of", Int(1), "of so many"),
            ]),
            "a fixed share",
        ),
    ]),
    "how to sample",
)];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:log_sampling",
    name: "log_sampling",
    signals: &[Signal::Logs],
    doc: "keeps a share of the logs",
    keys: KEYS,
    converts: true,
    refuses,
    ..Node::PLAIN
};

/// The engine finds this only once the node is made.
fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let ratio = &asked.config["policy"]["ratio"];
    match (ratio["emit"].as_u64(), ratio["out_of"].as_u64()) {
        (Some(emit), Some(out_of)) if emit > out_of => {
            let message = format!("must be at most `out_of`, which is {out_of}; found {emit}");
            vec![asked.finding("policy::ratio::emit", message)]
        }
        _ => Vec::new(),
    }
}
