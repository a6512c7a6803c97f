//! The report for people.

use std::fmt::Write as _;

use super::{CanBuild, Need, Report, Status};

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "MISSING",
            Self::Absent => "absent",
            Self::Warning => "look",
            Self::Info => "",
        }
    }
}

/// The report as a table, then what it means.
#[must_use]
pub fn render(report: &Report) -> String {
    let width = report
        .checks
        .iter()
        .map(|c| c.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    let mut group = "";
    for check in &report.checks {
        if check.group != group {
            group = check.group;
            let _ = writeln!(out, "{group}");
        }
        let _ = writeln!(
            out,
            "  {:7}  {:width$}  {}",
            check.status.word(),
            check.name,
            check.found
        );
        for line in check.advice.lines() {
            let _ = writeln!(out, "  {:7}  {:width$}  -> {line}", "", "");
        }
    }
    let _ = writeln!(out, "\n{}", conclusion(report));
    out
}

fn conclusion(report: &Report) -> String {
    let lacks = |need: Need| {
        let missing = report
            .checks
            .iter()
            .filter(|c| c.status == Status::Missing && c.needed_for == need);
        missing
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match report.can_build {
        CanBuild { rust: true, .. } => {
            "This machine can build Collectors with Go and Rust components.".to_owned()
        }
        CanBuild { go: true, .. } => format!(
            "This machine can build Collectors of Go components; for Rust components it lacks: {}.",
            lacks(Need::Rust)
        ),
        _ => {
            let rust = lacks(Need::Rust);
            let and = if rust.is_empty() {
                String::new()
            } else {
                format!("; for Rust components also: {rust}")
            };
            format!(
                "This machine cannot build Collectors: it lacks {}{and}.",
                lacks(Need::Go)
            )
        }
    }
}
