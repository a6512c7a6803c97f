//! Reads mappings, lists and scalars of the tree; what does not fit becomes a
//! finding, and reading goes on.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::Spanned;
use crate::finding::Finding;
use crate::yaml::{Node, Value};

/// The entries of a mapping whose keys are known, each once.
pub(super) struct Keys<'n>(HashMap<&'n str, &'n (Node, Node)>);

impl<'n> Keys<'n> {
    pub(super) fn entry(&self, key: &str) -> Option<&'n (Node, Node)> {
        self.0.get(key).copied()
    }

    /// The value, unless it is null: ocb takes null as absent.
    pub(super) fn value(&self, key: &str) -> Option<&'n Node> {
        self.entry(key)
            .map(|(_, value)| value)
            .filter(|value| value.value != Value::Null)
    }
}

/// A builder file on its way to be checked, and what was found in it so far.
pub(super) struct Checker<'a> {
    pub(super) text: &'a str,
    pub(super) folder: &'a Path,
    pub(super) findings: Vec<Finding>,
}

impl Checker<'_> {
    pub(super) fn find(
        &mut self,
        at: &Range<usize>,
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) {
        self.findings
            .push(Finding::new(at.clone(), message, label, help));
    }

    /// Checks that `node` is a mapping of `known` keys, each at most once.
    pub(super) fn mapping<'n>(
        &mut self,
        node: &'n Node,
        known: &[&str],
        what: &str,
    ) -> Option<Keys<'n>> {
        let Value::Map(entries) = &node.value else {
            let help = format!("its keys are {}", known.join(", "));
            self.find(
                &node.at,
                format!("{what} is {}, not a mapping", node.type_name()),
                "a mapping expected",
                help,
            );
            return None;
        };
        let mut keys: HashMap<&str, &(Node, Node)> = HashMap::new();
        for entry in entries {
            let Value::Text(key) = &entry.0.value else {
                let at = if entry.0.at.is_empty() {
                    &node.at
                } else {
                    &entry.0.at
                };
                self.find(
                    at,
                    format!("a key of {what} is {}", entry.0.type_name()),
                    "a text expected",
                    "",
                );
                continue;
            };
            if !known.contains(&key.as_str()) {
                let near = known
                    .iter()
                    .min_by_key(|k| strsim::damerau_levenshtein(k, &key.to_lowercase()));
                let help = match near {
                    _ if key == "crate" && known.contains(&"cargo") => {
                        "did you mean `cargo`?".to_owned()
                    }
                    Some(near) if strsim::damerau_levenshtein(near, &key.to_lowercase()) <= 2 => {
                        format!("did you mean `{near}`?")
                    }
                    _ => format!("known keys are {}", known.join(", ")),
                };
                self.find(
                    &entry.0.at,
                    format!("unknown key `{key}` in {what}"),
                    "not known",
                    help,
                );
                continue;
            }
            if let Some(first) = keys.insert(key, entry) {
                let message = format!("the key `{key}` is given twice");
                self.findings.push(
                    Finding::new(entry.0.at.clone(), message, "again", "remove one")
                        .also(first.0.at.clone(), "first"),
                );
            }
        }
        Some(Keys(keys))
    }

    pub(super) fn list<'n>(&mut self, node: Option<&'n Node>, what: &str) -> &'n [Node] {
        match node {
            None => &[],
            Some(Node {
                value: Value::List(items),
                ..
            }) => items,
            Some(node) => {
                let help = "each entry starts with `- `";
                self.find(
                    &node.at,
                    format!("`{what}` is {}, not a list", node.type_name()),
                    "a list expected",
                    help,
                );
                &[]
            }
        }
    }

    pub(super) fn texts(&mut self, node: Option<&Node>, what: &str) -> Vec<String> {
        let items = self.list(node, what);
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Text(text) => texts.push(text.clone()),
                _ => self.find(
                    &item.at,
                    format!("an entry of `{what}` is {}", item.type_name()),
                    "a text expected",
                    "write one line as in go.mod, without the keyword",
                ),
            }
        }
        texts
    }

    pub(super) fn text(&mut self, keys: &Keys<'_>, key: &str) -> Option<Spanned<String>> {
        let node = keys.value(key)?;
        match &node.value {
            Value::Text(text) if !text.is_empty() => Some(Spanned {
                at: node.at.clone(),
                value: text.clone(),
            }),
            Value::Text(_) => None,
            _ => {
                self.find(
                    &node.at,
                    format!("`{key}` is {}, not a text", node.type_name()),
                    "a text expected",
                    "",
                );
                None
            }
        }
    }

    /// A boolean in the spellings that ocb accepts.
    pub(super) fn boolean(&mut self, keys: &Keys<'_>, key: &str) -> Option<Spanned<bool>> {
        let node = keys.value(key)?;
        let value = match &node.value {
            Value::Text(text) => match text.as_str() {
                "true" | "True" | "TRUE" | "t" | "T" | "1" => Some(true),
                "false" | "False" | "FALSE" | "f" | "F" | "0" | "" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if value.is_none() {
            self.find(
                &node.at,
                format!("`{key}` is neither true nor false"),
                "a boolean expected",
                "write true or false",
            );
        }
        value.map(|value| Spanned {
            at: node.at.clone(),
            value,
        })
    }
}
