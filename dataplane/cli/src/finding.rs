//! What is wrong in a file, shown at its place, all of it in one go.
//!
//! A finding says what happened, points at the text, and says what to write
//! instead. Rendering is miette's; colours follow the terminal and `NO_COLOR`.

use std::fmt::{self, Write as _};
use std::ops::Range;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

/// One mistake at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Byte range in the file.
    pub at: Range<usize>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The words at the underline.
    pub label: String,
    /// What to write instead.
    pub help: String,
    /// Other places that belong to it.
    pub also: Vec<(Range<usize>, String)>,
}

impl Finding {
    /// A finding with one place.
    pub fn new(
        at: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            at,
            message: message.into(),
            label: label.into(),
            help: help.into(),
            also: Vec::new(),
        }
    }

    /// Adds another place.
    #[must_use]
    pub fn also(mut self, at: Range<usize>, label: impl Into<String>) -> Self {
        self.also.push((at, label.into()));
        self
    }
}

/// All findings of one file.
#[derive(Debug)]
pub struct Report {
    source: NamedSource<String>,
    findings: Vec<Finding>,
}

impl Report {
    /// Findings in the file called `name`, whose text is `text`.
    #[must_use]
    pub fn new(name: &str, text: &str, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|f| f.at.start);
        Self {
            source: NamedSource::new(name, text.to_owned()),
            findings,
        }
    }

    /// Renders every finding with `theme`, then their number.
    #[must_use]
    pub fn render(&self, theme: GraphicalTheme) -> String {
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(100)
            .with_links(false);
        let mut out = String::new();
        for finding in &self.findings {
            let shown = Shown {
                finding,
                source: &self.source,
            };
            // Writing to a String cannot fail; a rendering error would lose
            // only the drawing, so the sentence is kept.
            if handler.render_report(&mut out, &shown).is_err() {
                let _ = writeln!(out, "{}", finding.message);
            }
            out.push('\n');
        }
        let n = self.findings.len();
        let _ = writeln!(
            out,
            "{n} finding{} in {}",
            if n == 1 { "" } else { "s" },
            self.source.name()
        );
        out
    }
}

#[derive(Debug)]
struct Shown<'a> {
    finding: &'a Finding,
    source: &'a NamedSource<String>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.finding.help.is_empty())
            .then(|| Box::new(&self.finding.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let main = LabeledSpan::new_primary_with_span(
            Some(self.finding.label.clone()),
            self.finding.at.clone(),
        );
        let also = self
            .finding
            .also
            .iter()
            .map(|(at, label)| LabeledSpan::new_with_span(Some(label.clone()), at.clone()));
        Some(Box::new(std::iter::once(main).chain(also)))
    }
}

/// The theme for standard error: colours and drawing as the terminal can.
#[must_use]
pub fn theme_for_stderr() -> GraphicalTheme {
    use std::io::IsTerminal as _;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
        || !std::io::stderr().is_terminal();
    if plain {
        GraphicalTheme::unicode_nocolor()
    } else {
        GraphicalTheme::unicode()
    }
}
