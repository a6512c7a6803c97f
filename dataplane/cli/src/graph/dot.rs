//! A graph in the language of Graphviz: a cluster for each pipeline, and in it for each part.

use std::fmt::Write as _;

use super::{Between, Component, Graph, Pipeline, Step};

pub(super) fn draw(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph pipelines {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\"];\n",
    );
    for (number, pipeline) in graph.pipelines.iter().enumerate() {
        let label = quoted(&pipeline.id);
        let _ = writeln!(out, "  subgraph cluster_{number} {{\n    label={label};");
        let steps = graph.steps(pipeline);
        for (at, step) in steps.iter().enumerate() {
            draw_nodes(&mut out, pipeline, step, &format!("{number}_{at}"));
        }
        out.push_str("  }\n");
        for pair in steps.windows(2) {
            draw_edges(&mut out, graph, pipeline, &pair[0], &pair[1]);
        }
    }
    out.push_str("}\n");
    out
}

fn draw_nodes(out: &mut String, pipeline: &Pipeline, step: &Step<'_>, number: &str) {
    let indent = if step.part { "      " } else { "    " };
    if step.part {
        let label = "one part";
        let _ = writeln!(
            out,
            "    subgraph cluster_{number} {{\n      label=\"{label}\";"
        );
    }
    for component in &step.components {
        let node = name(pipeline, component);
        let (id, kind) = (&component.id, &component.kind);
        let label = quoted(&format!("{id}\n{kind}, {}", component.language()));
        let colour = if component.rust { "#f6d5b8" } else { "#cfe3f5" };
        let _ = writeln!(
            out,
            "{indent}{node} [label={label}, fillcolor=\"{colour}\"];"
        );
    }
    if step.part {
        out.push_str("    }\n");
        for pair in step.components.windows(2) {
            let (from, to) = (name(pipeline, pair[0]), name(pipeline, pair[1]));
            let _ = writeln!(out, "    {from} -> {to};");
        }
    }
}

/// From the last of a part, or each of those beside each other, to what follows.
fn draw_edges(
    out: &mut String,
    graph: &Graph,
    pipeline: &Pipeline,
    from: &Step<'_>,
    to: &Step<'_>,
) {
    let leaves = if from.part {
        &from.components[from.components.len() - 1..]
    } else {
        &from.components
    };
    let enters = if to.part {
        &to.components[..1]
    } else {
        &to.components
    };
    for from in leaves {
        for to in enters {
            let style = match graph.between(pipeline, from, to) {
                Between::Nothing => String::new(),
                Between::Bridge => " [color=\"#c4713b\", penwidth=3]".to_owned(),
                Between::Cut(_, cut) => format!(" [style=dashed, label={}]", quoted(&cut.reason)),
            };
            let (from, to) = (name(pipeline, from), name(pipeline, to));
            let _ = writeln!(out, "  {from} -> {to}{style};");
        }
    }
}

fn name(pipeline: &Pipeline, component: &Component) -> String {
    quoted(&format!(
        "{} {} {}",
        pipeline.id, component.kind, component.id
    ))
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n"))
}
