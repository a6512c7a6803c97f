//! Why a build ends without a Collector.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use miette::GraphicalTheme;

use crate::finding::{Finding, Report};

/// Findings in the builder file, or a step that failed.
#[derive(Debug)]
pub enum Error {
    /// The builder file, or what it names, is wrong.
    Findings(Report),
    /// A step did not succeed.
    Step(StepError),
}

/// A failed step: what, the tool's own words, what to do.
#[derive(Debug, Default)]
pub struct StepError {
    /// What failed, in one sentence; names the component it belongs to.
    pub message: String,
    /// What the tool printed.
    pub output: String,
    /// What to do.
    pub help: String,
    /// The command that repeats just this step.
    pub repeat: String,
}

impl StepError {
    /// A failure without a tool behind it.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            ..Self::default()
        }
    }

    /// A file operation that failed.
    pub fn io(what: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("cannot {what} {}: {error}", path.display()), "")
    }

    /// Adds what the tool printed and how to run it again.
    #[must_use]
    pub fn tool(mut self, output: impl Into<String>, command: &Command) -> Self {
        self.output = output.into();
        self.repeat = shell_line(command);
        self
    }
}

/// Why a step gives nothing: findings that do not know their file, or a failure of its own.
#[derive(Debug)]
pub enum Wrong {
    /// The builder file, or what it names, is wrong.
    Findings(Vec<Finding>),
    /// A step did not succeed.
    Step(StepError),
}

impl From<StepError> for Wrong {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl From<StepError> for Error {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl Error {
    /// The text for standard error.
    #[must_use]
    pub fn render(&self, theme: GraphicalTheme) -> String {
        match self {
            Self::Findings(report) => report.render(theme),
            Self::Step(step) => {
                let mut out = String::new();
                if !step.output.trim().is_empty() {
                    let _ = writeln!(out, "{}\n", step.output.trim_end());
                }
                let _ = writeln!(out, "error: {}", step.message);
                if !step.help.is_empty() {
                    let _ = writeln!(out, "  help: {}", step.help);
                }
                if !step.repeat.is_empty() {
                    let _ = writeln!(out, "  repeat just this step: {}", step.repeat);
                }
                out
            }
        }
    }
}

/// A command as one can paste it into a shell.
#[must_use]
pub fn shell_line(command: &Command) -> String {
    let mut words = Vec::new();
    if let Some(folder) = command.get_current_dir() {
        words.push(format!("cd {} &&", quote(&folder.to_string_lossy())));
    }
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!(
                "{}={}",
                key.to_string_lossy(),
                quote(&value.to_string_lossy())
            ));
        }
    }
    words.push(quote(&command.get_program().to_string_lossy()));
    words.extend(command.get_args().map(|arg| quote(&arg.to_string_lossy())));
    words.join(" ")
}

fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted() {
        let mut command = Command::new("go");
        command
            .current_dir("/a b")
            .env("GOPROXY", "off")
            .args(["build", "-ldflags=-s -w", "it's"]);
        assert_eq!(
            shell_line(&command),
            r"cd '/a b' && GOPROXY=off go build '-ldflags=-s -w' 'it'\''s'"
        );
    }
}
