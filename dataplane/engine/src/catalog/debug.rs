//! The `debug` node: prints what passes.

use crate::catalog::node::{Asked, Node};
use crate::catalog::shape::Key;
use crate::catalog::shape::Shape::{Any, Either, Int, List, Object, Tagged, Text, Word};
use crate::finding::Finding;
use serde_json::Value;

const KEYS: &[Key] = &[
    Key::optional(
        "verbosity",
        Word(&["detailed", "normal", "basic"]),
        "how much to print",
    ),
    Key::optional(
        "mode",
        Word(&["batch", "signal"]),
        "print a batch or item by item",
    ),
    Key::optional(
        "signals",
        List(&Word(&["metrics", "logs", "spans"])),
        "which signals to print",
    ),
    Key::optional(
        "output",
        Either(&[Text, List(&Text)]),
        "`console`, a file, or output ports",
    ),
    Key::optional(
        "filters",
        List(&Object(&[
            Key::required(
                "predicate",
                Object(&[
                    Key::required("field", Word(&["attribute"]), "what to look at"),
                    Key::required("value", Any, "what it must be"),
                ]),
                "which items",
            ),
            Key::required(
                "mode",
                Word(&["include", "exclude"]),
                "print them or leave them out",
            ),
        ])),
        "which items to print",
    ),
    Key::optional(
        "sampling",
        Tagged(
            "type",
            &[
                ("no_sampling", &[]),
                (
                    "zap_sampling",
                    &[
                        Key::required("sampling_initial", Int(0), "print the first of an interval"),
                        Key::required("sampling_thereafter", Int(0), "then every so many"),
                        Key::required("sampling_interval", Int(0), "seconds"),
                    ],
                ),
            ],
        ),
        "print only some",
    ),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:debug",
    name: "debug",
    doc: "prints what passes",
    keys: KEYS,
    refuses,
    ..Node::PLAIN
};

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    if !asked.config.get("output").is_some_and(Value::is_array) {
        return Vec::new();
    }
    let message = "ports are not supported here: they would send every batch a second time";
    vec![asked.finding("output", message)]
}
