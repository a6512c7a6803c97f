//! What entries of a builder file get wrong together.

use std::collections::HashMap;

use super::keys::Checker;
use super::{BuilderFile, GoEntry, Kind, RustEntry, STRAIT_GO_MODULE, STRAIT_GO_PACKAGES};
use crate::finding::Finding;

impl Checker<'_> {
    /// What two entries together get wrong.
    pub(super) fn conflicts(&mut self, file: &BuilderFile) {
        let mut seen: HashMap<(Kind, &str), &GoEntry> = HashMap::new();
        for (kind, go) in file.go_entries() {
            if let Some(first) = seen.insert((kind, go.import_path()), go) {
                let message = format!("the {kind} `{}` is listed twice", go.import_path());
                let help = "remove one: a Collector refuses two factories of one type";
                self.findings.push(
                    Finding::new(go.gomod.at.clone(), message, "again", help)
                        .also(first.gomod.at.clone(), "first"),
                );
            }
        }
        let mut crates: HashMap<&str, &RustEntry> = HashMap::new();
        for (_, rust) in file.rust_entries() {
            if let Some(first) = crates.insert(&rust.dependency.name, rust) {
                let message = format!("the crate `{}` is listed twice", rust.dependency.name);
                let help = "remove one; for two versions of a crate give one another name: `other \
                    = { package = \"...\", ... }`";
                self.findings.push(
                    Finding::new(rust.at.clone(), message, "again", help)
                        .also(first.at.clone(), "first"),
                );
            }
        }
        self.rust_needs(file);
    }

    /// What a file with Rust in it needs of `dist`.
    fn rust_needs(&mut self, file: &BuilderFile) {
        let strait = file
            .go_entries()
            .map(|(_, go)| go)
            .find(|go| go.needs_rust());
        let Some(cause) = file
            .rust_entries()
            .map(|(_, r)| &r.at)
            .chain(strait.map(|go| &go.gomod.at))
            .next()
        else {
            return;
        };
        if let Some(cgo) = file.dist.cgo_enabled.as_ref().filter(|cgo| !cgo.value) {
            let help = "remove the line, or set it to true: Rust components are linked through cgo";
            self.findings.push(
                Finding::new(
                    cgo.at.clone(),
                    "`dist.cgo_enabled` is false, and the file has Rust components",
                    "turns cgo off",
                    help,
                )
                .also(cause.clone(), "needs cgo"),
            );
        }
        if file.dist.name.is_none() {
            self.find(
                cause,
                "`dist.name` is missing",
                "needs a named binary",
                "write `dist:` with `name: otelcol-custom`",
            );
        }
        for (kind, go) in file.go_entries() {
            if go.module() == STRAIT_GO_MODULE {
                self.strait_package(kind, go);
            }
        }
    }

    /// Of its own module the command knows what may be imported.
    fn strait_package(&mut self, kind: Kind, go: &GoEntry) {
        let import = go.import_path();
        let of_import = STRAIT_GO_PACKAGES.into_iter().find(|(_, package)| {
            import.strip_prefix(STRAIT_GO_MODULE) == Some(&format!("/{package}"))
        });
        let list: Vec<_> = STRAIT_GO_PACKAGES
            .into_iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, package)| format!("`import: {STRAIT_GO_MODULE}/{package}`"))
            .collect();
        let help = format!("write {}", list.join(" or "));
        let place = go.import.as_ref().map_or(&go.gomod.at, |import| &import.at);
        match (of_import, &go.import) {
            (Some((of, _)), _) if of == kind => {}
            (Some((of, package)), _) => {
                let message = format!(
                    "`{package}` is a {of}, and is listed under `{}`",
                    kind.section()
                );
                self.find(place, message, "under the wrong section", help);
            }
            (None, Some(import)) => {
                let message = format!("Strait has no {kind} `{}`", import.value);
                self.find(place, message, "not a component", help);
            }
            (None, None) => {
                let message = format!(
                    "the module `{STRAIT_GO_MODULE}` has several packages, and none at its root"
                );
                self.find(place, message, "needs an `import`", help);
            }
        }
    }
}
