//! A YAML document as a tree in which every node knows where it stands.
//!
//! Guarantees: byte ranges into the text for keys and values; the order of the
//! file; repeated keys are kept for the caller to report; aliases and merge
//! keys are resolved, with a bound on the size of the result. Values are left
//! as text: what a text means is for the reader of the file to say.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Nodes that a document may hold after its aliases are resolved.
const MAX_NODES: usize = 100_000;

/// A value and where it stands in the text (a byte range).
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where the value stands; for lists and mappings the first line of it.
    pub at: Range<usize>,
    /// The value.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar's text, after quoting and folding are undone.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file, repeated keys included.
    Map(Vec<(Node, Node)>),
}

/// Why a text is not a YAML document that we can read.
#[derive(Debug, Clone, PartialEq)]
pub struct YamlError {
    /// Where the parser stopped.
    pub at: Range<usize>,
    /// What it says.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

impl Node {
    /// The word for this node's type in messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads the one document in `text`.
///
/// # Errors
/// Text that is not YAML, more than one document, or more than 100,000 nodes.
pub fn parse(text: &str) -> Result<Node, YamlError> {
    let places = Places::new(text);
    let mut tree = Tree::new(&places);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| YamlError {
            at: places.point(e.marker().index()),
            message: e.info().to_owned(),
            help: "keys of one mapping stand in one column, its values further in, and an entry \
                   of a list begins with `- `; a value with `: `, ` #` or a quote in it has \
                   quotes around it",
        })?;
        tree.event(event, span)?;
    }
    Ok(tree.root.unwrap_or(Node {
        at: 0..0,
        value: Value::Null,
    }))
}

/// Turns the parser's character indexes into byte ranges.
struct Places<'t> {
    text: &'t str,
    offsets: Vec<usize>,
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            offsets: text.char_indices().map(|(i, _)| i).collect(),
        }
    }

    fn byte(&self, index: usize) -> usize {
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }

    /// One character at `index`, or the last one of the text.
    fn point(&self, index: usize) -> Range<usize> {
        let start = self.byte(index.min(self.offsets.len().saturating_sub(1)));
        start..self.byte(index.saturating_add(1)).max(start)
    }

    fn range(&self, span: Span) -> Range<usize> {
        let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        let text = self.text.get(start..end).unwrap_or_default();
        start..start + text.trim_end().len()
    }
}

/// A list or mapping that is not closed yet.
struct Open {
    at: Range<usize>,
    anchor: usize,
    is_map: bool,
    items: Vec<Node>,
}

struct Tree<'t> {
    places: &'t Places<'t>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl<'t> Tree<'t> {
    fn new(places: &'t Places<'t>) -> Self {
        Self {
            places,
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            root: None,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let at = self.places.range(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(YamlError {
                        at,
                        message: "a second document starts here; one file holds one".into(),
                        help: "remove the line `---` and what follows, or write it to a file of \
                            its own",
                    });
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let null = style == ScalarStyle::Plain
                    && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if null {
                    Value::Null
                } else {
                    Value::Text(text.into_owned())
                };
                self.add(Node { at, value }, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.open.push(Open {
                at,
                anchor,
                is_map: false,
                items: Vec::new(),
            }),
            Event::MappingStart(anchor, _) => self.open.push(Open {
                at,
                anchor,
                is_map: true,
                items: Vec::new(),
            }),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let anchor = open.anchor;
                    let node = self.close(open);
                    self.add(node, anchor)?;
                }
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor) else {
                    return Err(YamlError {
                        at,
                        message: "an alias inside the value that it names".into(),
                        help: "write the value out instead of the alias",
                    });
                };
                // The copy stands where the alias stands: that is what the user wrote here.
                let node = Node {
                    at,
                    value: target.value.clone(),
                };
                self.nodes += count(&node);
                self.add(node, 0)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn close(&self, open: Open) -> Node {
        let line_end = |start: usize| {
            let rest = &self.places.text[start..];
            start + rest.lines().next().unwrap_or_default().trim_end().len()
        };
        if !open.is_map {
            let at = open.at.start..line_end(open.at.start);
            return Node {
                at,
                value: Value::List(open.items),
            };
        }
        let mut entries = Vec::with_capacity(open.items.len() / 2);
        let mut items = open.items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        let start = entries
            .first()
            .map_or(open.at.start, |(key, _)| key.at.start);
        merge(&mut entries);
        Node {
            at: start..line_end(start),
            value: Value::Map(entries),
        }
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(YamlError {
                at: node.at,
                message: format!("the document grows past {MAX_NODES} values here"),
                help: "an alias repeats all of what it names: name less, or write it out",
            });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Text(_) => 0,
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|(k, v)| count(k) + count(v)).sum(),
    }
}

/// Resolves `<<: *anchor`: keys that the mapping has itself win.
fn merge(entries: &mut Vec<(Node, Node)>) {
    let is_merge = |key: &Node| matches!(&key.value, Value::Text(text) if text == "<<");
    let Some(index) = entries
        .iter()
        .position(|(key, value)| is_merge(key) && matches!(value.value, Value::Map(_)))
    else {
        return;
    };
    let (_, source) = entries.remove(index);
    if let Value::Map(merged) = source.value {
        for (key, value) in merged {
            if !entries.iter().any(|(own, _)| own.value == key.value) {
                entries.push((key, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(node: &Node) -> &[(Node, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn places_are_bytes_also_behind_wide_characters() {
        let text = "név: ö\nlist:\n  - \"ü x\"\n";
        let root = parse(text).unwrap();
        let (key, value) = &map(&root)[0];
        assert_eq!(
            (&text[key.at.clone()], &text[value.at.clone()]),
            ("név", "ö")
        );
        let Value::List(items) = &map(&root)[1].1.value else {
            panic!()
        };
        assert_eq!(&text[items[0].at.clone()], "\"ü x\"");
    }

    #[test]
    fn repeated_keys_are_kept_and_merges_lose_to_own_keys() {
        let root = parse("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\na: 4\n").unwrap();
        assert_eq!(map(&root).len(), 3);
        let b = map(&map(&root)[1].1);
        assert_eq!(b.len(), 2);
        assert_eq!(b[0].1.value, Value::Text("3".into()));
    }

    #[test]
    fn aliases_cannot_blow_up() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let prev = format!("*a{}", i - 1);
            text += &format!("a{i}: &a{i} [{}]\n", [prev.as_str(); 8].join(", "));
        }
        assert!(parse(&text).unwrap_err().message.contains("100000"));
    }

    #[test]
    fn errors_have_a_place() {
        let text = "a: [1, 2\nb: c\n";
        let error = parse(text).unwrap_err();
        assert!(error.at.start <= text.len());
        assert!(
            parse("a: 1\n---\nb: 2\n")
                .unwrap_err()
                .message
                .contains("second document")
        );
        assert!(parse("").unwrap().value == Value::Null);
    }
}
