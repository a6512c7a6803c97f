//! Reads the tree of a builder file and collects what is wrong with it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use super::cargo_line::{Dependency, LineError};
use super::keys::{Checker, Keys};
use super::{BuilderFile, Dist, Entry, GoEntry, Kind, Runtime, RustEntry, Spanned};
use crate::finding::Finding;
use crate::nodes::{self, Choice};
use crate::yaml::{self, Node, Value};

const ROOT: [&str; 12] = [
    "dist",
    Kind::Receiver.section(),
    Kind::Processor.section(),
    Kind::Exporter.section(),
    Kind::Extension.section(),
    Kind::Connector.section(),
    "telemetry",
    "providers",
    "converters",
    "replaces",
    "excludes",
    "conf_resolver",
];
const DIST: [&str; 12] = [
    "module",
    "name",
    "go",
    "description",
    "output_path",
    "version",
    "build_tags",
    "debug_compilation",
    "cgo_enabled",
    "use_absolute_replace_paths",
    "strait_path",
    "engine_nodes",
];
const GO_ENTRY: [&str; 4] = ["gomod", "import", "name", "path"];
const ENTRY: [&str; 7] = [
    "gomod",
    "cargo",
    "components",
    "import",
    "name",
    "path",
    "runtime",
];
const EITHER: &str = "a Go component has `gomod: <module> <version>`, a Rust component `cargo: \
    <crate> = \"<version>\"`";

pub(super) fn check(text: &str, path: &Path) -> Result<BuilderFile, Vec<Finding>> {
    let root = yaml::parse(text).map_err(|e| {
        vec![Finding::new(
            e.at,
            "the builder file is not valid YAML",
            e.message,
            e.help,
        )]
    })?;
    let mut checker = Checker {
        text,
        folder: path.parent().unwrap_or(Path::new("")),
        findings: Vec::new(),
    };
    let file = checker.root(&root);
    if checker.findings.is_empty() {
        Ok(file)
    } else {
        Err(checker.findings)
    }
}

impl Checker<'_> {
    fn root(&mut self, root: &Node) -> BuilderFile {
        if root.value == Value::Null {
            self.find(
                &root.at,
                "the builder file is empty",
                "nothing here",
                "list at least `dist` and one component",
            );
            return BuilderFile::default();
        }
        let Some(keys) = self.mapping(root, &ROOT, "the builder file") else {
            return BuilderFile::default();
        };
        let mut file = BuilderFile {
            dist: self.dist(keys.value("dist")),
            ..BuilderFile::default()
        };
        for kind in Kind::ALL {
            for item in self.list(keys.value(kind.section()), kind.section()) {
                if let Some(entry) = self.component(item, kind) {
                    file.components.push((kind, entry));
                }
            }
        }
        file.telemetry = keys
            .value("telemetry")
            .and_then(|node| self.go_entry(node, "telemetry"));
        file.providers = keys
            .value("providers")
            .map(|node| self.go_list(Some(node), "providers"));
        file.converters = self.go_list(keys.value("converters"), "converters");
        file.replaces = self.texts(keys.value("replaces"), "replaces");
        file.excludes = self.texts(keys.value("excludes"), "excludes");
        if let Some(node) = keys.value("conf_resolver")
            && let Some(keys) = self.mapping(node, &["default_uri_scheme"], "conf_resolver")
        {
            file.default_uri_scheme = self.text(&keys, "default_uri_scheme").map(|s| s.value);
        }
        self.conflicts(&file);
        file
    }

    fn dist(&mut self, node: Option<&Node>) -> Dist {
        let Some(keys) = node.and_then(|node| self.mapping(node, &DIST, "dist")) else {
            return Dist::default();
        };
        let name = self.text(&keys, "name");
        if let Some(name) = name
            .as_ref()
            .filter(|name| name.value.contains(['/', '\\']))
        {
            let help = "put the folder into `dist.output_path`";
            self.find(
                &name.at,
                "`dist.name` is the name of the binary, not a path",
                "has a separator",
                help,
            );
        }
        let plain = |checker: &mut Self, key| checker.text(&keys, key).map(|s| s.value);
        Dist {
            name,
            module: plain(self, "module"),
            go: plain(self, "go"),
            description: plain(self, "description"),
            output_path: self.text(&keys, "output_path"),
            version: plain(self, "version"),
            build_tags: plain(self, "build_tags"),
            debug_compilation: self
                .boolean(&keys, "debug_compilation")
                .is_some_and(|b| b.value),
            cgo_enabled: self.boolean(&keys, "cgo_enabled"),
            use_absolute_replace_paths: self
                .boolean(&keys, "use_absolute_replace_paths")
                .is_some_and(|b| b.value),
            strait_path: self.text(&keys, "strait_path"),
            engine_nodes: self.engine_nodes(&keys),
        }
    }

    fn engine_nodes(&mut self, keys: &Keys<'_>) -> Option<Vec<String>> {
        let node = keys.value("engine_nodes")?;
        let known = nodes::all().unwrap_or_default();
        // Nodes of two kinds may have one name, and are chosen together.
        let optional: BTreeSet<&str> = known
            .iter()
            .filter(|node| node.choice != Choice::Always)
            .map(|node| node.name.as_str())
            .collect();
        let all = Vec::from_iter(optional.iter().copied()).join(", ");
        let mut chosen = Vec::new();
        for item in self.list(Some(node), "dist.engine_nodes") {
            let name = match &item.value {
                Value::Text(name) => name.as_str(),
                _ => item.type_name(),
            };
            if optional.contains(name) {
                chosen.push(name.to_owned());
                continue;
            }
            let help = format!("choose among {all}");
            let message = if known.iter().any(|node| node.name == name) {
                format!("the engine node `{name}` is in every binary")
            } else {
                format!("the engine has no node `{name}` to choose")
            };
            self.find(&item.at, message, "not a choice", help);
        }
        Some(chosen)
    }

    fn component(&mut self, node: &Node, kind: Kind) -> Option<Entry> {
        let before = self.findings.len();
        let keys = self.mapping(
            node,
            &ENTRY,
            &format!("a component of `{}`", kind.section()),
        )?;
        match (keys.entry("gomod"), keys.entry("cargo")) {
            (Some((gomod, _)), Some((cargo, _))) => {
                let message = "a component has both `gomod` and `cargo`";
                let help = format!("keep one, or make two components of them: {EITHER}");
                let (first, second) = if gomod.at.start < cargo.at.start {
                    (gomod, cargo)
                } else {
                    (cargo, gomod)
                };
                self.findings.push(
                    Finding::new(second.at.clone(), message, "the second source", help)
                        .also(first.at.clone(), "the first source"),
                );
                None
            }
            // A misspelt key is a finding already; what it stands for is not known.
            (None, None) if self.findings.len() > before => None,
            (None, None) => {
                self.find(
                    &node.at,
                    "a component has neither `gomod` nor `cargo`",
                    "no source",
                    EITHER,
                );
                None
            }
            (Some(_), None) => {
                if let Some((key, _)) = keys.entry("runtime") {
                    let help = "move it to the `cargo` entry of the same component type";
                    self.find(&key.at, "`runtime` stands beside `gomod`", "not here", help);
                }
                self.go_keys(node, &keys).map(Entry::Go)
            }
            (None, Some(_)) => self.rust_keys(&keys, kind).map(Entry::Rust),
        }
    }

    fn go_list(&mut self, node: Option<&Node>, section: &str) -> Vec<GoEntry> {
        self.list(node, section)
            .iter()
            .filter_map(|item| self.go_entry(item, section))
            .collect()
    }

    fn go_entry(&mut self, node: &Node, section: &str) -> Option<GoEntry> {
        let Value::Map(entries) = &node.value else {
            self.mapping(node, &GO_ENTRY, section);
            return None;
        };
        if let Some((key, _)) = entries
            .iter()
            .find(|(key, _)| key.value == Value::Text("cargo".into()))
        {
            let help =
                "providers, converters and telemetry of a Collector are Go modules: use `gomod`";
            self.find(
                &key.at,
                format!("`{section}` cannot be Rust crates"),
                "not here",
                help,
            );
            return None;
        }
        let keys = self.mapping(node, &GO_ENTRY, &format!("an entry of `{section}`"))?;
        if keys.entry("gomod").is_none() {
            self.find(
                &node.at,
                "an entry has no `gomod`",
                "no source",
                "write `gomod: <module> <version>`",
            );
            return None;
        }
        self.go_keys(node, &keys)
    }

    fn go_keys(&mut self, node: &Node, keys: &Keys<'_>) -> Option<GoEntry> {
        let help = "write the module and its version, for example \
            `go.opentelemetry.io/collector/exporter/debugexporter v0.161.0`";
        let Some(gomod) = self.text(keys, "gomod") else {
            if keys.value("gomod").is_none() {
                self.find(&node.at, "`gomod` is empty", "no module", help);
            }
            return None;
        };
        self.go_version(&gomod, help);
        let path = self.text(keys, "path");
        if let Some(path) = path
            .as_ref()
            .filter(|path| !Path::new(&path.value).join("go.mod").is_file())
        {
            let message = format!("no Go module in `{}`", path.value);
            let help = "the folder must have a go.mod; it is relative to the working directory, \
                as with ocb";
            self.find(&path.at, message, "no go.mod there", help);
        }
        Some(GoEntry {
            gomod,
            name: self.text(keys, "name").map(|s| s.value),
            import: self.text(keys, "import"),
            path: path.map(|s| s.value),
        })
    }

    /// A module's version. A branch or a commit may stand there too, which Go resolves.
    fn go_version(&mut self, gomod: &Spanned<String>, help: &str) {
        let mut words = gomod.value.split_whitespace();
        let (Some(module), Some(version)) = (words.next(), words.next()) else {
            let message = "`gomod` has no version";
            self.find(&gomod.at, message, "module and version expected", help);
            return;
        };
        let numbers = version.split(['-', '+']).next().unwrap_or(version);
        let numbers: Vec<_> = numbers.split('.').collect();
        let bare = numbers.len() == 3
            && numbers
                .iter()
                .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
        if bare {
            self.find(
                &gomod.at,
                format!("the version `{version}` has no `v`"),
                "Go's versions begin with it",
                format!("write `gomod: {module} v{version}`"),
            );
        }
    }

    fn rust_keys(&mut self, keys: &Keys<'_>, kind: Kind) -> Option<RustEntry> {
        let (key, node) = keys.entry("cargo")?;
        let Value::Text(line) = &node.value else {
            let (at, what) = if node.value == Value::Null {
                (&key.at, "nothing")
            } else {
                (&node.at, node.type_name())
            };
            let help = "write one line of Cargo.toml as text: `cargo: my_filter = { path = \
                \"../my-filter\" }`, or quoted, or in a `|` block";
            self.find(
                at,
                format!("`cargo` is {what}, not a dependency line"),
                "a text expected",
                help,
            );
            return None;
        };
        let mut dependency = match Dependency::parse(line) {
            Ok(dependency) => dependency,
            Err(error) => {
                let at = self.place_in(node, line, &error);
                self.find(&at, error.message, "in this dependency", error.help);
                return None;
            }
        };
        let mut place = node.at.clone();
        if let Some(path) = self.text(keys, "path") {
            dependency.set_path(&path.value);
            place = path.at;
        }
        let folder = dependency.path().map(|path| self.folder.join(path));
        if let Some(folder) = folder
            .as_ref()
            .filter(|folder| !folder.join("Cargo.toml").is_file())
        {
            let message = format!("no crate in `{}`", folder.display());
            let help = "the folder must have a Cargo.toml; it is relative to the builder file";
            self.find(&place, message, "no Cargo.toml there", help);
        }
        let name = self.identifier(
            keys,
            "name",
            "",
            "a Go package name: letters, digits and `_`",
        );
        let import = self.identifier(
            keys,
            "import",
            "::",
            "the path of the Rust module that has `factory`, for example `my_filter::drop`",
        );
        Some(RustEntry {
            at: node.at.clone(),
            dependency,
            folder,
            name,
            import,
            components: self.chosen(keys),
            runtime: self.runtime(keys, kind),
        })
    }

    /// Which components of a crate are wanted.
    fn chosen(&mut self, keys: &Keys<'_>) -> Option<Box<Spanned<Vec<String>>>> {
        let node = keys.value("components")?;
        let items = self.list(Some(node), "components").iter();
        let names = items.map(|item| match &item.value {
            Value::Text(name) => name.clone(),
            _ => item.type_name().to_owned(), // which no crate has
        });
        Some(Box::new(Spanned {
            at: node.at.clone(),
            value: names.collect(),
        }))
    }

    fn runtime(&mut self, keys: &Keys<'_>, kind: Kind) -> Option<Spanned<Runtime>> {
        let text = self.text(keys, "runtime")?;
        let Some(value) = Runtime::ALL.into_iter().find(|r| r.name() == text.value) else {
            let help =
                "write `go` or `rust`, or `auto`: Rust where a neighbour in the pipeline is Rust";
            let message = format!("`runtime` is `{}`", text.value);
            self.find(&text.at, message, "not known", help);
            return None;
        };
        if !matches!(kind, Kind::Processor | Kind::Extension) {
            let help = "remove `runtime`, and one of the two where a Go component has this type";
            let message = format!(
                "a {kind} is in one language: only processors and extensions \
                can be there in both"
            );
            self.find(&text.at, message, "nothing to choose from", help);
        }
        if kind == Kind::Extension && value == Runtime::Auto {
            let help = "write `go` or `rust`: only pipelines have neighbours";
            self.find(
                &text.at,
                "an extension has no neighbours",
                "cannot be decided",
                help,
            );
        }
        Some(Spanned { at: text.at, value })
    }

    /// A text of identifiers, joined by `separator` unless that is empty.
    fn identifier(
        &mut self,
        keys: &Keys<'_>,
        key: &str,
        separator: &str,
        expected: &str,
    ) -> Option<String> {
        let text = self.text(keys, key)?;
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.starts_with(|c: char| c.is_ascii_digit())
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let good = if separator.is_empty() {
            is_word(&text.value)
        } else {
            text.value.split(separator).all(is_word)
        };
        if !good {
            self.find(
                &text.at,
                format!("`{key}` of a Rust component is not valid"),
                "this",
                format!("write {expected}"),
            );
        }
        Some(text.value)
    }

    /// Where in the file the part of a dependency line stands, whatever the
    /// quoting did to it: the line is looked up in the source.
    fn place_in(&self, node: &Node, line: &str, error: &LineError) -> Range<usize> {
        let start = line[..error.at.start.min(line.len())]
            .rfind('\n')
            .map_or(0, |i| i + 1);
        let Some(row) = line[start..].lines().next() else {
            return node.at.clone();
        };
        let Some(found) = self
            .text
            .get(node.at.clone())
            .and_then(|source| source.find(row))
        else {
            return node.at.clone();
        };
        let base = node.at.start + found;
        let first = base + (error.at.start - start).min(row.len().saturating_sub(1));
        let last = base + error.at.end.saturating_sub(start).min(row.len());
        first..last.max(first + 1)
    }
}
