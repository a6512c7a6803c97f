//! What of a Collector's pipelines runs together in Rust, drawn.
//!
//! The Collector itself says it: nothing else knows what its configuration comes to once `${...}`,
//! several files and its own defaults are taken in. It is asked to validate the configuration, with
//! the environment variable that has its converter write pipelines, parts, bridges and cuts as
//! JSON.
//!
//! The drawings differ in form only: each shows the pipelines in the order of their ids, who runs
//! where, which components are one part, where batches go from part to part, and each cut with its
//! reason.

mod dot;
mod svg;
mod text;

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::error::StepError;

/// The environment variable that names the file for the graph.
const VARIABLE: &str = "STRAIT_GRAPH";

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines of text.
    #[default]
    Text,
    /// The language of Graphviz.
    Dot,
    /// An image.
    Svg,
}

/// What the Collector writes.
#[derive(Debug, Deserialize)]
pub struct Graph {
    pipelines: Vec<Pipeline>,
    parts: Vec<Part>,
    bridges: Vec<Bridge>,
    cuts: Vec<Cut>,
}

#[derive(Debug, Deserialize)]
struct Pipeline {
    id: String,
    #[serde(default, deserialize_with = "list")]
    receivers: Vec<Component>,
    #[serde(default, deserialize_with = "list")]
    processors: Vec<Component>,
    #[serde(default, deserialize_with = "list")]
    exporters: Vec<Component>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Component {
    kind: String,
    id: String,
    rust: bool,
}

#[derive(Debug, Deserialize)]
struct Part {
    members: Vec<Named>,
    pipelines: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    kind: String,
    id: String,
}

/// Where batches go from one part to another in Rust.
#[derive(Debug, Deserialize)]
struct Bridge {
    pipeline: String,
    from: Named,
    to: Named,
}

#[derive(Debug, Deserialize)]
struct Cut {
    pipeline: String,
    from: Named,
    to: Named,
    reason: String,
}

/// Go writes an empty list as null.
fn list<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Vec<Component>, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// What stands at one place of a pipeline: components beside each other (receivers, exporters), or
/// those of one part, which follow each other.
struct Step<'g> {
    components: Vec<&'g Component>,
    /// They are one part of several.
    part: bool,
}

/// What is between two components.
#[derive(Clone, Copy)]
enum Between<'g> {
    /// Batches go from one to the other in Go, or within a part.
    Nothing,
    /// They go in Rust.
    Bridge,
    /// They leave Rust for Rust: the cut of this place.
    Cut(usize, &'g Cut),
}

impl Graph {
    /// Asks a Collector for the graph of a configuration.
    ///
    /// # Errors
    /// The Collector cannot be run, refuses the configuration, or writes no graph.
    pub fn of(collector: &Path, config: &Path) -> Result<Self, StepError> {
        let folder = tempfile::tempdir()
            .map_err(|error| StepError::new(format!("no folder for the graph: {error}"), ""))?;
        let file = folder.path().join("graph.json");
        let mut command = Command::new(collector);
        command.arg("validate").arg("--config").arg(config);
        let output = command.env(VARIABLE, &file).output().map_err(|error| {
            let message = format!("cannot run {}: {error}", collector.display());
            StepError::new(message, "name a Collector that `strait build` has made")
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let message = format!("the Collector refuses {}", config.display());
            return Err(StepError::new(message, "").tool(said, &command));
        }
        let Ok(text) = std::fs::read(&file) else {
            let message = format!("{} writes no graph", collector.display());
            let help = "name a Collector with components in Rust, made by this version of strait";
            return Err(StepError::new(message, help));
        };
        serde_json::from_slice(&text).map_err(|error| {
            let message = format!("what {} writes is no graph: {error}", collector.display());
            StepError::new(message, "use the command of the version that built it")
        })
    }

    /// Draws it.
    #[must_use]
    pub fn draw(&self, format: Format) -> String {
        match format {
            Format::Text => text::draw(self),
            Format::Dot => dot::draw(self),
            Format::Svg => svg::draw(self),
        }
    }

    /// What batches pass in a pipeline, in order.
    fn steps<'g>(&self, pipeline: &'g Pipeline) -> Vec<Step<'g>> {
        let beside = |components: &'g [Component]| Step {
            components: components.iter().collect(),
            part: false,
        };
        let mut left: Vec<_> = pipeline.processors.iter().collect();
        let mut steps = Vec::new();
        // One alone may be in a part with what follows it, or is before it.
        match &pipeline.receivers[..] {
            [only] => left.insert(0, only),
            all => steps.push(beside(all)),
        }
        let mut last = beside(&pipeline.exporters);
        if let [only] = &pipeline.exporters[..] {
            left.push(only);
            last.components.clear();
        }
        while let Some(head) = left.first() {
            let length = self.part_of(pipeline, head).min(left.len()).max(1);
            steps.push(Step {
                components: left.drain(..length).collect(),
                part: length > 1,
            });
        }
        steps.push(last);
        steps.retain(|step| !step.components.is_empty());
        steps
    }

    /// How many are in the part that begins with this component of a pipeline.
    fn part_of(&self, pipeline: &Pipeline, head: &Component) -> usize {
        let begins = |part: &&Part| {
            let first = part.members.first();
            let here = part.pipelines.contains(&pipeline.id);
            here && first.is_some_and(|first| first.is(head))
        };
        let part = self.parts.iter().find(begins);
        part.map_or(1, |part| part.members.len())
    }

    /// What is between two that follow each other in a pipeline, and are in different parts.
    fn between(&self, pipeline: &Pipeline, from: &Component, to: &Component) -> Between<'_> {
        let over = |bridge: &Bridge| {
            bridge.pipeline == pipeline.id && bridge.from.is(from) && bridge.to.is(to)
        };
        match self.cut(pipeline, from, to) {
            Some(at) => Between::Cut(at, &self.cuts[at]),
            None if self.bridges.iter().any(over) => Between::Bridge,
            None => Between::Nothing,
        }
    }

    /// Why batches leave Rust between two that follow each other in a pipeline.
    fn cut(&self, pipeline: &Pipeline, from: &Component, to: &Component) -> Option<usize> {
        let here = |cut: &Cut| cut.pipeline == pipeline.id && cut.from.is(from) && cut.to.is(to);
        self.cuts.iter().position(here)
    }
}

impl Named {
    fn is(&self, component: &Component) -> bool {
        self.kind == component.kind && self.id == component.id
    }
}

impl Component {
    fn language(&self) -> &'static str {
        if self.rust { "Rust" } else { "Go" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> Graph {
        let graph = include_str!("../../testdata/graph.json");
        serde_json::from_str(graph).expect("a graph")
    }

    // Guarantees: each form shows every pipeline, part and cut, with its reason.
    #[test]
    fn the_forms_are_as_shown() {
        insta::assert_snapshot!("text", graph().draw(Format::Text));
        insta::assert_snapshot!("dot", graph().draw(Format::Dot));
        insta::assert_snapshot!("svg", graph().draw(Format::Svg));
    }

    // Guarantees: a graph without anything is drawn.
    #[test]
    fn nothing_is_a_graph() {
        let nothing = Graph {
            pipelines: Vec::new(),
            parts: Vec::new(),
            bridges: Vec::new(),
            cuts: Vec::new(),
        };
        for format in [Format::Text, Format::Dot, Format::Svg] {
            assert!(!nothing.draw(format).is_empty());
        }
    }
}
