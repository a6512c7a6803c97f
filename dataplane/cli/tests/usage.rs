//! Exit codes and what is printed where.

use std::process::{Command, Output};

fn strait(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_strait"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn wrong_usage_is_2_and_findings_are_1() {
    assert_eq!(strait(&["build"]).status.code(), Some(2));
    assert_eq!(
        strait(&["build", "--config", "x", "--quiet", "--verbose"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(strait(&["bulid"]).status.code(), Some(2));
    let missing = strait(&["build", "--config", "no-such-file.yaml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no-such-file.yaml"));
    let findings = strait(&[
        "build",
        "--quiet",
        "--config",
        "testdata/several-at-once.yaml",
    ]);
    let text = String::from_utf8_lossy(&findings.stderr).into_owned();
    assert_eq!(findings.status.code(), Some(1));
    assert!(
        text.contains("testdata/several-at-once.yaml:5:5") && text.contains("3 findings"),
        "{text}"
    );
    assert!(
        !text.contains('\u{1b}'),
        "colours where there is no terminal"
    );
    assert!(findings.stdout.is_empty());
}

#[test]
fn tests_that_are_not_there_are_missed_before_anything_is_built() {
    let missing = strait(&["test", "--config", "testdata/empty.yaml"]);
    assert_eq!(missing.status.code(), Some(1));
    let text = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(
        text.contains("there is no Go module in testdata/contract") && text.contains("--tests"),
        "{text}"
    );
}

#[test]
fn help_says_what_cargo_is() {
    let help = strait(&["build", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("cargo:"));
}

#[test]
fn nodes_are_listed() {
    let all = String::from_utf8(strait(&["nodes"]).stdout).unwrap();
    let table: serde_json::Value =
        serde_json::from_slice(&strait(&["nodes", "--json"]).stdout).unwrap();
    let table = table.as_array().unwrap();
    assert!(table.len() > 5);
    for node in table {
        assert!(all.contains(node["urn"].as_str().unwrap()));
        for key in node["keys"].as_array().unwrap() {
            assert!(all.contains(key["name"].as_str().unwrap()));
        }
    }
    let one = String::from_utf8(strait(&["nodes", "attribute"]).stdout).unwrap();
    assert!(
        one.starts_with("attribute, processor (")
            && one.contains("actions::*::source_key")
            && !one.contains("batch, ")
    );
    let unknown = strait(&["nodes", "atribute"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("nodes are "));
}
