//! The component as a host uses it: configured with JSON, fed with batches.

use std::fs;

use serde_json::json;
use strait_component::testing::{Sample, batch, block_on};
use strait_component::{Error, Settings};

/// Exports one log with each of these bodies to the file `path`.
fn export(path: &str, bodies: &[&str]) -> Result<(), Error> {
    let log = |body: &&str| Sample {
        severity_number: 9,
        ..Sample::new(*body)
    };
    let logs: Vec<_> = bodies.iter().map(log).collect();
    let factory = {{crate}}::factory().exporter().unwrap();
    let settings = Settings::new("{{type}}", 0);
    let exporter = factory.create(&json!({"path": path}), &settings).unwrap();
    block_on(exporter.export(batch(&logs)))
}

#[test]
fn logs_are_appended_or_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("logs.txt");
    let path = file.to_str().unwrap();
    export(path, &["one", "two"]).unwrap();
    export(path, &["three"]).unwrap();
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written, "9 one\n9 two\n9 three\n");

    let error = export(folder.path().to_str().unwrap(), &["four"]).unwrap_err();
    assert!(!error.is_permanent(), "{error}");
}

#[test]
fn mistakes_are_found_with_their_paths() {
    let misspelt = json!({"path": "x", "paht": "x"});
    for (config, path) in [(json!({}), "path"), (misspelt, "paht")] {
        let errors = {{crate}}::factory().validate(&config).unwrap_err();
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}
