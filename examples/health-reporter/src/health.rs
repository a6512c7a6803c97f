//! What is known of a Collector, and the file that says it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;
use strait_component::extension::ComponentStatus;

/// What is known of a Collector.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Health {
    /// Its receivers run.
    pub(crate) ready: bool,
    /// What is wrong, by component.
    #[serde(rename = "components")]
    wrong: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    healthy: bool,
    #[serde(flatten)]
    health: &'a Health,
}

impl Health {
    /// Notes a component's new status: an error stays until the component is well again or has
    /// stopped.
    pub(crate) fn note(&mut self, status: &ComponentStatus) {
        let mut component = format!("{} {}", status.kind, status.id);
        if !status.pipelines.is_empty() {
            component += &format!(" in {}", status.pipelines.join(", "));
        }
        match status.status.as_str() {
            "recoverable_error" | "permanent_error" | "fatal_error" => {
                let text = format!("{}: {}", status.status, status.error);
                self.wrong.insert(component, text);
            }
            _ => {
                self.wrong.remove(&component);
            }
        }
    }

    /// Replaces the file as a whole: a reader sees the old one or the new one.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let shown = Shown {
            healthy: self.ready && self.wrong.is_empty(),
            health: self,
        };
        let mut beside = file.as_os_str().to_owned();
        beside.push(".new");
        std::fs::write(&beside, serde_json::to_vec(&shown)?)?;
        std::fs::rename(&beside, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn status(status: &str, error: &str) -> ComponentStatus {
        serde_json::from_value(json!({
            "id": "otlp", "kind": "exporter", "pipelines": ["logs"],
            "status": status, "error": error,
        }))
        .unwrap()
    }

    #[test]
    fn the_file_says_what_is_wrong_until_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("health.json");
        let read = || serde_json::from_slice::<Value>(&std::fs::read(&file).unwrap()).unwrap();
        let mut health = Health::default();
        health.write(&file).unwrap();
        assert_eq!(
            read(),
            json!({"healthy": false, "ready": false, "components": {}})
        );
        health.ready = true;
        health.note(&status("recoverable_error", "no route"));
        health.write(&file).unwrap();
        let wrong = json!({"exporter otlp in logs": "recoverable_error: no route"});
        assert_eq!(
            read(),
            json!({"healthy": false, "ready": true, "components": wrong})
        );
        health.note(&status("ok", ""));
        health.write(&file).unwrap();
        assert_eq!(
            read(),
            json!({"healthy": true, "ready": true, "components": {}})
        );
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no file is left beside it"
        );
    }
}
