//! A graph as an image: a row for each pipeline, a frame around each part, and the reasons of the
//! cuts below, by their numbers.

use std::fmt::Write as _;

use super::{Between, Component, Graph, Pipeline, Step};

const BOX_WIDTH: usize = 160;
const BOX_HEIGHT: usize = 36;
/// Between boxes, in both directions.
const GAP: usize = 40;
const MARGIN: usize = 20;
const LINE: usize = 18;

/// A box, by its upper left corner.
struct Placed<'g> {
    x: usize,
    y: usize,
    component: &'g Component,
}

impl Placed<'_> {
    fn middle(&self) -> usize {
        self.y + BOX_HEIGHT / 2
    }
}

pub(super) fn draw(graph: &Graph) -> String {
    let mut body = String::new();
    let (mut y, mut width) = (MARGIN, 2 * MARGIN + BOX_WIDTH);
    for pipeline in &graph.pipelines {
        let _ = writeln!(
            body,
            "<text x=\"{MARGIN}\" y=\"{}\" font-weight=\"bold\">{}</text>",
            y + LINE,
            escaped(&pipeline.id)
        );
        let (right, below) = draw_row(&mut body, graph, pipeline, y + 2 * LINE);
        width = width.max(right + MARGIN);
        y = below + GAP;
    }
    for (number, cut) in (1..).zip(&graph.cuts) {
        let (pipeline, from, to) = (&cut.pipeline, &cut.from.id, &cut.to.id);
        let text = format!("{number}  {pipeline}: {from} | {to}: {}", cut.reason);
        width = width.max(2 * MARGIN + 7 * text.chars().count());
        let text = escaped(&text);
        let _ = writeln!(body, "<text x=\"{MARGIN}\" y=\"{y}\">{text}</text>");
        y += LINE;
    }
    let height = y + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

/// Draws a pipeline from `top` on; how far it reaches, to the right and down.
fn draw_row(out: &mut String, graph: &Graph, pipeline: &Pipeline, top: usize) -> (usize, usize) {
    let mut x = MARGIN;
    let (mut below, mut before) = (top, Vec::new());
    for step in graph.steps(pipeline) {
        let placed = place(&step, x, top);
        if step.part {
            let frame = placed.len() * (BOX_WIDTH + GAP) - GAP + 16;
            let _ = writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{frame}\" height=\"{}\" rx=\"10\" \
                 fill=\"#fbeee2\" stroke=\"#c4713b\"/>",
                x - 8,
                top - 8,
                BOX_HEIGHT + 16
            );
            for pair in placed.windows(2) {
                draw_line(out, &pair[0], &pair[1], Between::Nothing);
            }
        }
        let (first, last) = if step.part {
            (1, 1)
        } else {
            (placed.len(), placed.len())
        };
        for from in &before {
            for to in &placed[..first] {
                let between = graph.between(pipeline, Placed::component(from), to.component);
                draw_line(out, from, to, between);
            }
        }
        for one in &placed {
            draw_box(out, one);
            below = below.max(one.y + BOX_HEIGHT);
            x = x.max(one.x + BOX_WIDTH + GAP);
        }
        let from = placed.len() - last;
        before = placed.into_iter().skip(from).collect();
    }
    (x.saturating_sub(GAP), below)
}

impl<'g> Placed<'g> {
    fn component(&self) -> &'g Component {
        self.component
    }
}

/// Those of a part one after the other, others one below the other.
fn place<'g>(step: &Step<'g>, x: usize, y: usize) -> Vec<Placed<'g>> {
    let at = |(number, component)| {
        let (right, down) = if step.part { (number, 0) } else { (0, number) };
        Placed {
            x: x + right * (BOX_WIDTH + GAP),
            y: y + down * (BOX_HEIGHT + LINE),
            component,
        }
    };
    step.components
        .iter()
        .copied()
        .enumerate()
        .map(at)
        .collect()
}

fn draw_box(out: &mut String, placed: &Placed<'_>) {
    let (fill, stroke) = if placed.component.rust {
        ("#f6d5b8", "#c4713b")
    } else {
        ("#cfe3f5", "#4d83b5")
    };
    let (x, y) = (placed.x, placed.y);
    let _ = writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" \
         fill=\"{fill}\" stroke=\"{stroke}\"/>"
    );
    let middle = x + BOX_WIDTH / 2;
    let component = placed.component;
    let below = format!("{}, {}", component.kind, component.language());
    for (line, text, colour) in [(15, &component.id, "#000000"), (29, &below, "#555555")] {
        let (y, text) = (y + line, escaped(&shortened(text)));
        let _ = writeln!(
            out,
            "<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\" fill=\"{colour}\">{text}</text>"
        );
    }
}

/// A line between two: strong where it is a bridge, dashed and with its number where it is a cut.
fn draw_line(out: &mut String, from: &Placed<'_>, to: &Placed<'_>, between: Between<'_>) {
    let (x1, y1, x2, y2) = (from.x + BOX_WIDTH, from.middle(), to.x, to.middle());
    let style = match between {
        Between::Nothing => "stroke=\"#444444\"",
        Between::Bridge => "stroke=\"#c4713b\" stroke-width=\"3\"",
        Between::Cut(..) => "stroke=\"#444444\" stroke-dasharray=\"4 3\"",
    };
    let _ = writeln!(
        out,
        "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {style}/>"
    );
    if let Between::Cut(at, _) = between {
        let (x, y) = (x1.midpoint(x2), y1.midpoint(y2));
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#b00020\">{}</text>",
            y - 4,
            at + 1
        );
    }
}

/// What fits into a box.
fn shortened(text: &str) -> String {
    const MOST: usize = 24;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MOST - 1).collect();
    short.push('…');
    short
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
