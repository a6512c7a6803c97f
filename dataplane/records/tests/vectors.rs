//! Slots that either language wrote are read as their descriptions say.

mod common;

use common::values::unhex;
use common::vectors::{all, contents};
use common::{differences, refused};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use strait_records::Error;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn description(path: &Path) -> Json {
    let text = std::fs::read_to_string(path.with_extension("json")).expect("a description");
    serde_json::from_str(&text).expect("JSON")
}

/// Checks that the vectors of this side in a folder are what is made now.
fn up_to_date<B>(folder: &Path, made: Vec<(&'static str, B, Json)>)
where
    Vec<u8>: PartialEq<B>,
{
    for (name, bytes, expected) in made {
        let path = folder.join(name);
        let hint = "run `cargo run -p strait-records --example vectors` and look at what changed";
        let kept = std::fs::read(path.with_extension("bin")).expect("the bytes");
        assert!(kept == bytes, "{name}: {hint}");
        assert_eq!(description(&path), expected, "{name}: {hint}");
    }
}

/// Checks that every vector in a folder is refused with the kind of error that its description
/// names.
fn all_refused(folder: &Path, read: fn(&[u8], &Json) -> Option<Error>) {
    let paths = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|e| e.expect("an entry").path());
    for path in paths.filter(|path| path.extension().is_some_and(|e| e == "bin")) {
        let (bytes, expected) = (std::fs::read(&path).expect("the bytes"), description(&path));
        let error = read(&bytes, &expected).expect("refused");
        let kind = refused::kind(&error);
        assert_eq!(kind, expected["kind"], "{}: {error}", path.display());
    }
}

/// Scenario: this side's vectors are made anew.
/// Guarantees: format and writer have not changed unnoticed.
#[test]
fn own_vectors_are_up_to_date() {
    up_to_date(&folder(), all());
}

/// Scenario: this side's vectors of what is refused are made anew, and every one in the folder is
/// read. Guarantees: each is refused with the kind of error that its description names, in both
/// languages.
#[test]
fn refused_vectors_are_refused() {
    let folder = folder().join("refused");
    up_to_date(&folder, refused::all());
    all_refused(&folder, refused::read);
}

/// Scenario: this side's vectors of refused differences are made anew, and every one in the folder
/// is read. Guarantees: each is refused with the kind of error that its description names, in both
/// languages.
#[test]
fn refused_differences_are_refused() {
    let folder = folder().join("refused-differences");
    up_to_date(&folder, differences::refused());
    all_refused(&folder, differences::refusal);
}

/// Scenario: every vector in the folder, whoever wrote it.
/// Guarantees: this side reads what the description says.
#[test]
fn vectors_of_both_languages_are_read() {
    let entries = std::fs::read_dir(folder()).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let slots: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "bin"))
        .collect();
    assert!(slots.len() >= all().len());
    for path in slots {
        let mut expected = description(&path);
        let fields = expected.as_object_mut().expect("an object");
        fields.remove("comment");
        let preambles = fields.remove("preambles").unwrap_or_default();
        let preambles: Vec<Vec<u8>> = preambles
            .as_array()
            .into_iter()
            .flatten()
            .map(|preamble| unhex(preamble.as_str().expect("hex")))
            .collect();
        let owners = expected.get("difference").map(differences::owners);
        let slot = std::fs::read(&path).expect("a slot");
        assert_eq!(
            contents(&slot, &preambles, owners),
            expected,
            "{}",
            path.display()
        );
    }
}
