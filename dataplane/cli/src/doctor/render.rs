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
    let stops = |need: Need| {
        let checks = report.checks.iter().filter(|check| check.stops(need));
        let names: Vec<&str> = checks.map(|check| check.name.as_str()).collect();
        names.join(", ")
    };
    match report.can_build {
        CanBuild { rust: true, .. } => {
            "This machine can build Collectors with Go and Rust components.".to_owned()
        }
        CanBuild { go: true, .. } => format!(
            "This machine can build Collectors of Go components; what stops Rust components: {}.",
            stops(Need::Rust)
        ),
        _ => {
            let all = [stops(Need::Go), stops(Need::Rust)];
            let all: Vec<&str> = all
                .iter()
                .map(String::as_str)
                .filter(|s| !s.is_empty())
                .collect();
            format!(
                "This machine cannot build Collectors; what stops it: {}.",
                all.join(", ")
            )
        }
    }
}
