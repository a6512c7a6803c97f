//! `strait doctor`: what this machine has, what it lacks, and how to get it.
//!
//! Every answer is a [`Check`]; the table for people and the JSON hold the
//! same ones. Nothing is asked of a network: what a build would use is read
//! from the settings of Go and Cargo.

mod machine;
mod programs;
mod render;
mod settings;

use serde::Serialize;

use crate::builder_file::BuilderFile;
use crate::checkout::{Checkout, Place, VERSION};
use crate::error::StepError;
use crate::platform::Platform;
use crate::ui::Ui;

pub use render::render;

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is there, and good enough.
    Ok,
    /// It is not there, or not good enough, and is needed.
    Missing,
    /// It is not there, and only some things need it.
    Absent,
    /// It works, but something about it deserves a look.
    Warning,
    /// A fact.
    Info,
}

/// What cannot be built without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// Any Collector.
    Go,
    /// A Collector with Rust components.
    Rust,
    /// Nothing that a plain build does.
    Other,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The part of the report it stands in.
    pub group: &'static str,
    /// What was looked at.
    pub name: String,
    /// Whether it is there.
    pub status: Status,
    /// What cannot be built without it.
    pub needed_for: Need,
    /// What was found.
    pub found: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

impl Check {
    fn new(
        group: &'static str,
        name: impl Into<String>,
        status: Status,
        found: impl Into<String>,
    ) -> Self {
        Self {
            group,
            name: name.into(),
            status,
            needed_for: Need::Other,
            found: found.into(),
            advice: String::new(),
        }
    }

    fn info(group: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(group, name, Status::Info, found)
    }

    /// Whether it stands in the way of what has this need.
    fn stops(&self, need: Need) -> bool {
        matches!(self.status, Status::Missing | Status::Warning) && self.needed_for == need
    }

    fn needed_for(mut self, need: Need) -> Self {
        self.needed_for = need;
        self
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

/// What can be built here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CanBuild {
    /// A Collector of Go components.
    pub go: bool,
    /// A Collector with Rust components.
    pub rust: bool,
}

/// All answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The version of this command.
    pub strait: &'static str,
    /// What can be built here.
    pub can_build: CanBuild,
    /// The answers, in the order in which they are shown.
    pub checks: Vec<Check>,
}

impl Report {
    /// Looks at this machine, and whether it fits a Collector of `file`.
    ///
    /// # Errors
    /// There is no place for a cache.
    pub fn gather(file: Option<&BuilderFile>, ui: &Ui) -> Result<Self, StepError> {
        let checkout = Checkout::find(&Place::default());
        let rust = checkout
            .as_ref()
            .map_or(env!("CARGO_PKG_RUST_VERSION"), |c| c.rust_version.as_str());
        // The machine's own without Go, or where no Rust component runs.
        let platform = Platform::read(ui).ok().map(|(platform, _)| platform);
        let platform = platform.filter(|p| p.rust_target().is_some());
        let platform = platform.unwrap_or_else(Platform::machine);
        let mut checks = programs::check(rust, &platform);
        checks.push(
            match &checkout {
                Ok(found) => Check::new("sources", "strait", Status::Ok, found.place()),
                Err(e) => {
                    Check::new("sources", "strait", Status::Missing, &e.message).advise(&e.help)
                }
            }
            .needed_for(Need::Rust),
        );
        checks.extend(machine::check_kernel());
        checks.extend(machine::check_resources(file)?);
        checks.extend(machine::check_caches()?);
        checks.extend(programs::check_targets());
        checks.extend(settings::check(ui));
        Ok(Self::of(checks))
    }

    /// The report of these answers.
    #[must_use]
    pub fn of(checks: Vec<Check>) -> Self {
        let stopped = |need: Need| checks.iter().any(|check| check.stops(need));
        let go = !stopped(Need::Go);
        let can_build = CanBuild {
            go,
            rust: go && !stopped(Need::Rust),
        };
        Self {
            strait: VERSION,
            can_build,
            checks,
        }
    }
}
