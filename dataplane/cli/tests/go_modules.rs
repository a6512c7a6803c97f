//! What is wrong with Go modules is said at their lines, before anything is compiled.

mod shared;

use std::fs;
use std::path::Path;

use shared::{stderr, strait};
use strait::builder_file::{STRAIT_GO_MODULE, STRAIT_GO_PACKAGES};

/// A build with a Rust component and these entries of `receivers` must end with findings, and leave
/// its target folder without anything compiled.
fn findings(receivers: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/mask-cards");
    let builder = format!(
        "dist: {{name: x, output_path: out}}\nprocessors:\n  - cargo: mask-cards = {{ path = \
         {component:?} }}\n\
         receivers:\n{receivers}"
    );
    fs::write(folder.path().join("builder.yaml"), builder).unwrap();
    let target = folder.path().join("target");
    let output = strait()
        .current_dir(folder.path())
        .args(["build", "--config", "builder.yaml"])
        // What is not in Go's cache cannot be had, whatever the network says.
        .env("GOPROXY", "off")
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!target.exists(), "something was compiled");
    stderr(&output)
}

#[test]
fn a_version_that_does_not_exist_is_at_its_line() {
    let said =
        findings("  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v0.999.0\n");
    let module = "go.opentelemetry.io/collector/receiver/otlpreceiver";
    for part in [
        format!("Go cannot get the module `{module}@v0.999.0`"),
        "[builder.yaml:5:12]".to_owned(),
        format!("`go list -m -versions {module}`"),
        "1 finding in builder.yaml".to_owned(),
    ] {
        assert!(said.contains(&part), "no `{part}` in:\n{said}");
    }
}

#[test]
fn a_package_without_a_factory_is_at_its_line() {
    let said = findings(
        "  - gomod: go.opentelemetry.io/collector/receiver/nopreceiver v0.161.0\n    \
         import: go.opentelemetry.io/collector/receiver/nopreceiver/nothing\n",
    );
    for part in [
        "there is no Go package `go.opentelemetry.io/collector/receiver/nopreceiver/nothing`",
        "[builder.yaml:6:13]",
        "write `import: go.opentelemetry.io/collector/receiver/nopreceiver`",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
}

// Guarantees: what the command knows of Strait's own module is what is there.
#[test]
fn the_packages_of_our_module_are_all_known() {
    let go = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../go");
    assert!(
        fs::read_to_string(go.join("go.mod"))
            .unwrap()
            .starts_with(&format!("module {STRAIT_GO_MODULE}\n"))
    );
    let mut components = Vec::new();
    for entry in fs::read_dir(&go).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(metadata) = fs::read_to_string(folder.join("metadata.yaml")) else {
            continue;
        };
        let class = metadata
            .lines()
            .find_map(|line| line.trim().strip_prefix("class: "));
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        // Packages that only count have one too.
        if let Some(class) = class.filter(|class| *class != "pkg") {
            components.push((class.to_owned(), name));
        }
    }
    components.sort();
    let mut known: Vec<_> = STRAIT_GO_PACKAGES
        .iter()
        .map(|(kind, package)| (kind.to_string(), (*package).to_owned()))
        .collect();
    known.sort();
    assert_eq!(components, known);
}
