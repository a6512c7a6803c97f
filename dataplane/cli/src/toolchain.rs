//! The programs that a build runs, and whether they are there.

use std::process::{Command, Stdio};

use crate::error::StepError;
use crate::platform::Platform;
use crate::ui::Ui;

/// The oldest Go that builds a Collector: that of Strait's own module.
pub const GO: Version = (1, 26);

/// `major.minor`
pub type Version = (u32, u32);

/// A program, and how to get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name, or a path.
    pub program: String,
    /// The argument that makes it say its version.
    argument: &'static str,
    /// The oldest that will do.
    pub oldest: Option<Version>,
    /// How to get it.
    pub get: String,
}

/// Why a program will not do.
#[derive(Debug, Clone, PartialEq)]
pub struct Lack {
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl Tool {
    fn new(program: &str, argument: &'static str, oldest: Option<Version>, get: &str) -> Self {
        Self {
            program: program.to_owned(),
            argument,
            oldest,
            get: get.to_owned(),
        }
    }

    /// What every build needs.
    #[must_use]
    pub fn go() -> Self {
        Self::new(
            "go",
            "version",
            Some(GO),
            "install Go from https://go.dev/dl",
        )
    }

    /// What Rust components need besides, for `platform`; `rust` is the oldest Rust that will do.
    #[must_use]
    pub fn rust(rust: &str, platform: &Platform) -> Vec<Self> {
        const RUST: &str =
            "install Rust from https://rustup.rs; `rustup update` brings a newer one";
        let oldest = version(rust);
        let (compiler, binutils) = platform.packages();
        vec![
            Self::new("cargo", "--version", oldest, RUST),
            Self::new("rustc", "--version", oldest, RUST),
            Self::new(&platform.c_compiler(), "--version", None, &compiler),
            Self::new(&platform.binutil("ld"), "--version", None, &binutils),
            Self::new(&platform.binutil("objcopy"), "--version", None, &binutils),
        ]
    }

    /// What only Strait's own tests and demo need.
    #[must_use]
    pub fn development() -> Vec<Self> {
        let install = |name: &str| {
            format!("for work on Strait itself: `apt-get install {name}` or `dnf install {name}`")
        };
        let tool =
            |program, package: &str| Self::new(program, "--version", None, &install(package));
        vec![
            tool("g++", "g++"),
            tool("make", "make"),
            tool("python3", "python3"),
        ]
    }

    /// Asks the program for its version: the first line that it prints.
    ///
    /// # Errors
    /// It is not there, does not work, or is too old.
    pub fn find(&self) -> Result<String, Lack> {
        let wanted = self
            .oldest
            .map(|(major, minor)| format!(", at least {major}.{minor} is needed"));
        let wanted = wanted.unwrap_or_default();
        let lack = |what: String, advice: &str| Lack {
            what,
            advice: advice.to_owned(),
        };
        let Ok(output) = Command::new(&self.program)
            .arg(self.argument)
            .stdin(Stdio::null())
            .output()
        else {
            return Err(lack(format!("not found{wanted}"), &self.get));
        };
        if !output.status.success() {
            // It is there, and its own words say more than ours could.
            let words = String::from_utf8_lossy(&output.stderr);
            let what = format!(
                "does not work: {}",
                words.lines().next().unwrap_or_default()
            );
            return Err(lack(
                what,
                &format!("see `{} {}`", self.program, self.argument),
            ));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        match version(&text).filter(|found| self.oldest.is_some_and(|oldest| *found < oldest)) {
            Some((major, minor)) => Err(lack(format!("{major}.{minor}{wanted}"), &self.get)),
            None => Ok(text.lines().next().unwrap_or_default().trim().to_owned()),
        }
    }

    /// What is wrong with the program, and what to do, in one line.
    fn lack(&self) -> Option<String> {
        let lack = self.find().err()?;
        Some(format!("{}: {}; {}", self.program, lack.what, lack.advice))
    }
}

/// Checks the tools for a distribution without a Rust side.
///
/// # Errors
/// What is missing or too old, and how to get it.
pub fn check_go() -> Result<(), StepError> {
    complain(Tool::go().lack().into_iter().collect())
}

/// Checks the tools for a distribution with a Rust side, and returns the
/// platform that it is for; `rust` is the oldest Rust that will do.
///
/// # Errors
/// A platform that Rust components do not run on, or one error that names
/// everything that is missing or too old, and how to get it.
pub fn check_rust(rust: &str, ui: &Ui) -> Result<Platform, StepError> {
    let mut lacks: Vec<String> = Tool::go().lack().into_iter().collect();
    let platform = if lacks.is_empty() {
        Platform::for_rust(ui)?
    } else {
        Platform::machine()
    };
    lacks.extend(Tool::rust(rust, &platform).iter().filter_map(Tool::lack));
    // Without a compiler its targets cannot be asked for either.
    if lacks.is_empty() {
        lacks.extend(platform.rust_target_lack());
    }
    complain(lacks)?;
    Ok(platform)
}

fn complain(lacks: Vec<String>) -> Result<(), StepError> {
    if lacks.is_empty() {
        return Ok(());
    }
    let message = format!(
        "this machine lacks something to build with:\n  - {}",
        lacks.join("\n  - ")
    );
    Err(StepError::new(
        message,
        "`strait doctor` shows all that a build needs",
    ))
}

/// The first `major.minor` in a text.
#[must_use]
pub fn version(text: &str) -> Option<Version> {
    text.split(|c: char| c.is_whitespace() || c == '-')
        .find_map(|word| {
            let mut numbers = word.trim_start_matches("go").split('.');
            Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
        })
}

#[cfg(test)]
mod tests {
    use super::{GO, version};

    // Guarantees: one number for Go, in the command, in the module, and in what is written.
    #[test]
    fn the_oldest_go_is_that_of_the_module() {
        let go_mod = include_str!("../released/go.mod");
        let line = go_mod.lines().find(|line| line.starts_with("go "));
        assert_eq!(line.and_then(version), Some(GO));
    }

    #[test]
    fn versions_are_found() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(
            version("cargo 1.95.0-nightly (f2d3ce0bd 2026-03-21)"),
            Some((1, 95))
        );
        assert_eq!(version("1.95"), Some((1, 95)));
        assert_eq!(version("nothing"), None);
    }
}
