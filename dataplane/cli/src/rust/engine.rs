//! Which of the engine's optional nodes a distribution has (`dist.engine_nodes`).
//!
//! Other nodes are another engine: it is compiled in a target folder of its
//! own, so that no two take turns in one. DataFusion as a whole is compiled
//! only where a node needs it; elsewhere the facade stands in its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::StepError;
use crate::nodes::{self, Choice};

/// Nodes that need more of DataFusion than the facade has. Strait's crates only
/// say that they are there, or Cargo would lock DataFusion for everyone; the
/// umbrella crate turns the engine's own features on.
const WHOLE_DATAFUSION: [&str; 2] = ["partition", "transform"];

/// The optional nodes of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    chosen: BTreeSet<String>,
    default: bool,
}

impl Engine {
    /// The engine with the nodes `asked` for, or with the default ones.
    ///
    /// # Errors
    /// The table of nodes is damaged.
    pub fn new<'a>(asked: Option<impl Iterator<Item = &'a str>>) -> Result<Self, StepError> {
        let default: BTreeSet<String> = nodes::all()?
            .into_iter()
            .filter(|node| node.choice == Choice::Default)
            .map(|node| node.name)
            .collect();
        let chosen = asked.map_or_else(
            || default.clone(),
            |asked| asked.map(str::to_owned).collect(),
        );
        Ok(Self {
            default: chosen == default,
            chosen,
        })
    }

    /// Whether it is the one that everybody else has.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.default
    }

    /// The features of strait-host that compile the nodes in.
    pub fn features(&self) -> impl Iterator<Item = String> {
        self.chosen.iter().map(|name| name.replace('_', "-"))
    }

    /// The features of the engine's own crate of nodes that strait-host leaves off.
    pub fn engine_features(&self) -> impl Iterator<Item = &'static str> {
        WHOLE_DATAFUSION
            .into_iter()
            .filter(|name| self.chosen.contains(*name))
    }

    /// Whether a node needs the whole of DataFusion.
    #[must_use]
    pub fn needs_datafusion(&self) -> bool {
        self.engine_features().next().is_some()
    }

    /// The target folder for it, where `target` is the default engine's.
    #[must_use]
    pub fn target_folder(&self, target: &Path) -> PathBuf {
        if self.default {
            return target.to_owned();
        }
        let names: Vec<&str> = self.chosen.iter().map(String::as_str).collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join("+")
        };
        target.join(format!("engine-nodes-{names}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(asked: &[&str]) -> Engine {
        Engine::new(Some(asked.iter().copied())).unwrap()
    }

    #[test]
    fn the_default_is_the_same_however_it_is_said() {
        let default = Engine::new(None::<std::iter::Empty<&str>>).unwrap();
        assert_eq!(
            default,
            engine(&[
                "syslog_cef",
                "otlp",
                "otlp_grpc",
                "otap",
                "journald",
                "host_metrics",
                "durable_buffer",
                "file"
            ])
        );
        assert_eq!(
            default.features().collect::<Vec<_>>(),
            [
                "durable-buffer",
                "file",
                "host-metrics",
                "journald",
                "otap",
                "otlp",
                "otlp-grpc",
                "syslog-cef"
            ]
        );
        assert_eq!(default.target_folder(Path::new("/t")), Path::new("/t"));
        assert!(!default.needs_datafusion());
    }

    #[test]
    fn every_other_choice_has_a_folder_of_its_own() {
        let folder = |asked: &[&str]| engine(asked).target_folder(Path::new("/t"));
        assert_eq!(folder(&[]), Path::new("/t/engine-nodes-none"));
        let both = ["transform", "durable_buffer"];
        assert_eq!(
            folder(&both),
            Path::new("/t/engine-nodes-durable_buffer+transform")
        );
        assert!(engine(&both).needs_datafusion() && !engine(&[]).needs_datafusion());
    }
}
