//! A graph as lines of text.

use std::fmt::Write as _;

use super::{Bridge, Component, Graph, Step};

pub(super) fn draw(graph: &Graph) -> String {
    let mut out = String::new();
    for pipeline in &graph.pipelines {
        let _ = writeln!(out, "{}", pipeline.id);
        let width = |components: &[&Component]| components.iter().map(|c| c.id.len()).max();
        let steps = graph.steps(pipeline);
        let widths = steps.iter().filter_map(|step| width(&step.components));
        let width = widths.max().unwrap_or(0);
        for step in &steps {
            draw_step(&mut out, step, width);
        }
    }
    if !graph.bridges.is_empty() {
        out.push_str("\nBatches go from part to part in Rust:\n");
    }
    for Bridge { pipeline, from, to } in &graph.bridges {
        let _ = writeln!(out, "  {pipeline}: {} > {}", from.id, to.id);
    }
    for (number, cut) in (1..).zip(&graph.cuts) {
        if number == 1 {
            out.push_str("\nBatches leave Rust between two that run there:\n");
        }
        let (pipeline, from, to) = (&cut.pipeline, &cut.from.id, &cut.to.id);
        let _ = writeln!(out, "  {pipeline}: {from} | {to}: {}", cut.reason);
    }
    if graph.pipelines.is_empty() {
        out.push_str("no pipelines\n");
    }
    out
}

/// One line for each component; those of a part are bracketed.
fn draw_step(out: &mut String, step: &Step<'_>, width: usize) {
    let last = step.components.len() - 1;
    for (at, component) in step.components.iter().enumerate() {
        let bracket = match at {
            _ if !step.part => ' ',
            0 => '┌',
            _ if at == last => '└',
            _ => '│',
        };
        let (kind, id, language) = (&component.kind, &component.id, component.language());
        let _ = write!(out, "  {bracket} {kind:<9}  {id:<width$}  {language}");
        if step.part && at == 0 {
            let _ = write!(out, ", one part of {}", step.components.len());
        }
        out.push('\n');
    }
}
