//! `strait nodes`: the engine nodes that are compiled in, with their keys.
//!
//! The table is `dataplane/engine/nodes.json`, which the engine crate exports
//! from the one that it checks configurations with; a test there fails when
//! the file is old. So the command knows the nodes without linking the engine.

use std::fmt::Write as _;

use serde::Deserialize;
use strait_description::Kind;

use crate::error::StepError;

/// The table as the engine exports it.
pub const JSON: &str = include_str!("../released/nodes.json");

/// One node.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// The engine's name.
    pub urn: String,
    /// The short name, of one node of its kind.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The signals it works on; others pass.
    pub signals: Vec<String>,
    /// Which binaries it is in.
    pub choice: Choice,
    /// What it does.
    pub doc: String,
    /// Its keys, nested ones with their path.
    pub keys: Vec<Key>,
}

impl Node {
    /// Whether it can be one of the nodes of an `otap` of this kind.
    #[must_use]
    pub fn is_in(&self, kind: Kind) -> bool {
        self.kind == Kind::Processor || self.kind == kind
    }
}

/// Which binaries a node is in; `dist.engine_nodes` of a builder file chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// All of them.
    Always,
    /// Those that do not choose otherwise.
    Default,
    /// Those that ask for it.
    OnRequest,
}

/// One key of a node's configuration.
#[derive(Debug, Deserialize)]
pub struct Key {
    /// Its path; `*` stands for a list index or a key of the user's.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it is never shown.
    #[serde(default)]
    pub secret: bool,
    /// What it does.
    pub doc: String,
}

/// Every node.
///
/// # Errors
/// The table is damaged.
pub fn all() -> Result<Vec<Node>, StepError> {
    serde_json::from_str(JSON)
        .map_err(|e| StepError::new(format!("the table of nodes is damaged: {e}"), ""))
}

/// The nodes called `names` (short names or URNs), or all.
///
/// # Errors
/// A name that no node has.
pub fn select(names: &[String]) -> Result<Vec<Node>, StepError> {
    let all = all()?;
    let is = |node: &Node, name: &String| node.name == *name || node.urn == *name;
    if let Some(unknown) = names
        .iter()
        .find(|name| !all.iter().any(|node| is(node, name)))
    {
        let known: Vec<_> = all.iter().map(|node| node.name.as_str()).collect();
        let help = format!("nodes are {}", known.join(", "));
        return Err(StepError::new(
            format!("no node is called `{unknown}`"),
            help,
        ));
    }
    Ok(all
        .into_iter()
        .filter(|node| names.is_empty() || names.iter().any(|n| is(node, n)))
        .collect())
}

/// The nodes for people.
#[must_use]
pub fn render(nodes: &[Node]) -> String {
    let mut out = String::new();
    for node in nodes {
        let _ = writeln!(
            out,
            "{}, {} ({})\n  {}\n  {}",
            node.name,
            node.kind,
            node.signals.join(", "),
            node.urn,
            node.doc
        );
        let chosen = match node.choice {
            Choice::Always => None,
            Choice::Default => Some("unless the builder file has `dist.engine_nodes` without it"),
            Choice::OnRequest => Some("where the builder file lists it in `dist.engine_nodes`"),
        };
        if let Some(chosen) = chosen {
            let _ = writeln!(out, "  compiled in {chosen}");
        }
        let name_width = node
            .keys
            .iter()
            .map(|key| key.name.chars().count())
            .max()
            .unwrap_or(0);
        for key in &node.keys {
            let must = if key.required { ", required" } else { "" };
            let _ = writeln!(out, "    {:name_width$}  {}{must}", key.name, key.kind);
            if !key.doc.is_empty() {
                let _ = writeln!(out, "    {:name_width$}    {}", "", key.doc);
            }
        }
        out.push('\n');
    }
    out
}
