//! The bill of materials of a Go-only Collector. That of one with Rust in it is
//! checked against CycloneDX's schema in `tests/sbom`.

mod shared;

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use shared::{GO_ONLY, stderr, strait};

fn build(folder: &Path, options: &[&str], epoch: &str) -> Output {
    fs::write(folder.join("builder.yaml"), GO_ONLY).unwrap();
    let mut command = strait();
    command
        .current_dir(folder)
        .args(["build", "--config", "builder.yaml"])
        .args(options);
    command.env("SOURCE_DATE_EPOCH", epoch).output().unwrap()
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn a_go_collector_has_its_modules() {
    let folder = tempfile::tempdir().unwrap();
    let output = build(folder.path(), &["--sbom"], "");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).ends_with("bill of materials in out/otelcol.cdx.json\n"),
        "{}",
        stderr(&output)
    );
    let bom = read(&folder.path().join("out/otelcol.cdx.json"));
    let root = &bom["metadata"]["component"];
    assert_eq!(
        (&root["name"], &root["version"]),
        (&"otelcol".into(), &"1.2.3".into())
    );
    let hash = strait::files::Hash::of_file(&folder.path().join("out/otelcol")).unwrap();
    assert_eq!(root["hashes"][0]["content"], hash.as_str());
    assert!(bom["metadata"].get("timestamp").is_none());
    let components = bom["components"].as_array().unwrap();
    let named = |name: &str| {
        components
            .iter()
            .find(|c| c["name"] == name)
            .unwrap_or_else(|| panic!("no {name}"))
    };
    let receiver = named("go.opentelemetry.io/collector/receiver/nopreceiver");
    assert_eq!(
        receiver["purl"],
        "pkg:golang/go.opentelemetry.io/collector/receiver/nopreceiver@v0.161.0"
    );
    assert_eq!(receiver["hashes"][0]["content"].as_str().unwrap().len(), 64);
    assert!(
        named("std")["purl"]
            .as_str()
            .unwrap()
            .starts_with("pkg:golang/std@1.")
    );

    // What imports what: the Collector its components, they what they are made with.
    let needs = |reference: &Value| -> Vec<&str> {
        let entries = bom["dependencies"].as_array().unwrap();
        let entry = entries.iter().find(|d| d["ref"] == *reference).unwrap();
        let list = entry["dependsOn"].as_array().unwrap();
        list.iter().map(|needed| needed.as_str().unwrap()).collect()
    };
    let of_root = needs(&root["bom-ref"]);
    assert!(of_root.contains(&receiver["bom-ref"].as_str().unwrap()));
    let pdata = named("go.opentelemetry.io/collector/pdata")["bom-ref"].as_str();
    assert!(!of_root.contains(&pdata.unwrap()), "{of_root:?}");
    let service = &named("go.opentelemetry.io/collector/service")["bom-ref"];
    assert!(needs(service).contains(&pdata.unwrap()));
    only_the_date_differs(folder.path(), &bom);
}

/// Another file, dated: only the date differs, and the number made of it all.
fn only_the_date_differs(folder: &Path, bom: &Value) {
    let output = build(folder, &["--quiet", "--sbom", "dated.json"], "951782400");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        stderr(&output)
    );
    let mut dated = read(&folder.join("dated.json"));
    assert_eq!(dated["metadata"]["timestamp"], "2000-02-29T00:00:00Z");
    assert_ne!(dated["serialNumber"], bom["serialNumber"]);
    dated["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("timestamp");
    dated["serialNumber"] = bom["serialNumber"].clone();
    assert_eq!(&dated, bom);
}

#[test]
fn what_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (options, epoch) in [
        (["--quiet", "--sbom", "/proc/none/x"], ""),
        (["--quiet", "--sbom", "x.json"], "yesterday"),
    ] {
        let output = build(folder.path(), &options, epoch);
        assert_eq!(output.status.code(), Some(1));
        text += &stderr(&output);
    }
    assert_eq!(
        build(folder.path(), &["--generate-only", "--sbom"], "")
            .status
            .code(),
        Some(2)
    );
    insta::assert_snapshot!(text);
}
