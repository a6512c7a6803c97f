//! Circles of modules within one crate.
//!
//! A module and its parts are one room: parts may use what their parent defines, and a parent uses
//! its parts. Between the parts of one room, arrows go one way: if anything in `a` names something
//! in `b`, directly or through others, nothing in `b` names something in `a`. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use crate::{Finding, Source};

type Module = Vec<String>;

/// Every circle among the modules of the crate whose sources these are. `root` is the folder of its
/// `lib.rs` or `main.rs`, relative to the repository like the sources' files.
#[must_use]
pub fn circles(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let graph = Crate::read(root, sources);
    let mut rooms: BTreeMap<Module, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for (from, to) in &graph.arrows {
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
            let room = rooms.entry(from[..shared].to_vec()).or_default();
            room.entry(a).or_default().insert(b);
        }
    }
    let mut findings = Vec::new();
    for (room, arrows) in &rooms {
        for circle in strongly_connected(arrows) {
            let names: Vec<&str> = circle.into_iter().collect();
            findings.push(Finding {
                file: root.join(room.join("/")),
                what: format!(
                    "the modules {} need each other in a circle",
                    names.join(", ")
                ),
            });
        }
    }
    findings
}

/// Groups of two or more nodes of which each reaches all others.
fn strongly_connected<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<BTreeSet<&'a str>> {
    let reached = |from: &'a str| {
        let mut seen = BTreeSet::new();
        let mut todo = vec![from];
        while let Some(node) = todo.pop() {
            for next in arrows.get(node).into_iter().flatten() {
                if seen.insert(*next) {
                    todo.push(next);
                }
            }
        }
        seen
    };
    let all: BTreeMap<&str, BTreeSet<&str>> = arrows.keys().map(|n| (*n, reached(n))).collect();
    let mut groups: Vec<BTreeSet<&str>> = Vec::new();
    for (node, reach) in &all {
        if !reach.contains(node) || groups.iter().any(|group| group.contains(node)) {
            continue;
        }
        let mutual = reach
            .iter()
            .filter(|other| all.get(*other).is_some_and(|r| r.contains(node)));
        groups.push(mutual.copied().collect());
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// The modules of a crate, and which names which.
struct Crate {
    modules: BTreeSet<Module>,
    /// What a module imports under which name: where an item that is named through it really is.
    imports: BTreeMap<(Module, String), Vec<String>>,
    arrows: BTreeSet<(Module, Module)>,
}

impl Crate {
    fn read(root: &Path, sources: &[Source]) -> Self {
        let own = |source: &Source| module_of(root, &source.file);
        let mut this = Self {
            modules: sources.iter().filter_map(own).collect(),
            imports: BTreeMap::new(),
            arrows: BTreeSet::new(),
        };
        let mut named = Vec::new();
        for source in sources {
            let Some(module) = own(source) else { continue };
            let mut names = Names::default();
            names.visit_file(&source.syntax);
            for (path, name) in names.imports {
                if let Some(absolute) = this.absolute(&module, &path) {
                    this.imports.insert((module.clone(), name), absolute);
                }
            }
            named.extend(names.paths.into_iter().map(|path| (module.clone(), path)));
        }
        for (module, path) in named {
            let Some(path) = this.absolute(&module, &path) else {
                continue;
            };
            if let Some(target) = this.home(&path, 0).filter(|target| *target != module) {
                this.arrows.insert((module, target));
            }
        }
        this
    }

    /// The module in which the item at `path` (from the crate's root) is defined, through
    /// re-exports.
    fn home(&self, path: &[String], depth: usize) -> Option<Module> {
        let inside = (0..=path.len())
            .rev()
            .find(|n| self.is_module(&path[..*n]))?;
        let module = path[..inside].to_vec();
        let Some(item) = path.get(inside) else {
            return Some(module);
        };
        match self.imports.get(&(module.clone(), item.clone())) {
            Some(origin) if depth < 8 => {
                let mut further = origin.clone();
                further.extend_from_slice(&path[inside + 1..]);
                self.home(&further, depth + 1)
            }
            _ => Some(module),
        }
    }

    /// `path` as seen from the crate's root; none if it leads out of the crate, or to what `module`
    /// itself imports (then the import is an arrow already).
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, mut rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module.split_last()?.1.to_vec(),
            part => {
                let part = [module, &[part.to_owned()]].concat();
                return self
                    .modules
                    .contains(&part)
                    .then(|| [module, path].concat());
            }
        };
        while rest.first().is_some_and(|part| part == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn is_module(&self, path: &[String]) -> bool {
        path.is_empty() || self.modules.contains(path)
    }
}

/// The module that a file is; none for tests and for what is not part of the crate.
fn module_of(root: &Path, file: &Path) -> Option<Module> {
    let inside = file.strip_prefix(root).ok()?.with_extension("");
    let mut parts: Module = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] || parts == ["main"] {
        parts.pop();
    }
    let test = |part: &String| part == "tests" || part.ends_with("_tests") || part == "testing";
    (!parts.iter().any(test)).then_some(parts)
}

/// The paths that a file names, and what it imports; without its inline test modules.
#[derive(Default)]
struct Names {
    paths: Vec<Vec<String>>,
    imports: Vec<(Vec<String>, String)>,
}

impl Names {
    fn tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: String| {
            let mut path = prefix.to_vec();
            path.push(name);
            path
        };
        match tree {
            syn::UseTree::Path(path) => self.tree(&with(path.ident.to_string()), &path.tree),
            syn::UseTree::Name(name) => self.import(with(name.ident.to_string()), None),
            syn::UseTree::Rename(name) => {
                let rename = name.rename.to_string();
                self.import(with(name.ident.to_string()), Some(rename));
            }
            syn::UseTree::Glob(_) => self.paths.push(prefix.to_vec()),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.tree(prefix, item));
            }
        }
    }

    fn import(&mut self, mut path: Vec<String>, rename: Option<String>) {
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(name) = rename.or_else(|| path.last().cloned()) {
            self.imports.push((path.clone(), name));
        }
        self.paths.push(path);
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let test = module.attrs.iter().any(is_test);
        if !test {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts = path.segments.iter().map(|s| s.ident.to_string());
        self.paths.push(parts.collect());
        visit::visit_path(self, path);
    }
}

fn is_test(attribute: &syn::Attribute) -> bool {
    let list = attribute.meta.require_list().ok();
    list.is_some_and(|list| list.path.is_ident("cfg") && list.tokens.to_string() == "test")
}

/// The sources of a crate that lie under `root`.
#[must_use]
pub fn under(root: &Path, files: &[PathBuf]) -> Vec<PathBuf> {
    let inside = |file: &&PathBuf| file.starts_with(root);
    files.iter().filter(inside).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::circles;
    use crate::Source;
    use std::path::{Path, PathBuf};

    fn of(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(file, text)| Source {
                file: PathBuf::from(format!("src/{file}")),
                syntax: syn::parse_file(text).expect("valid source"),
            })
            .collect();
        let found = circles(Path::new("src"), &sources);
        found.iter().map(|found| found.what.clone()).collect()
    }

    #[test]
    fn two_modules_that_name_each_other_are_found() {
        let found = of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::X; pub struct Y;"),
            ("b.rs", "pub struct X; fn f() { crate::a::Y; }"),
        ]);
        assert_eq!(found, ["the modules a, b need each other in a circle"]);
    }

    #[test]
    fn a_re_export_is_followed_to_where_the_item_is() {
        let found = of(&[
            ("lib.rs", "mod a; mod b; mod c; pub use c::Z;"),
            ("a.rs", "use crate::{Z, b::X};"),
            ("b.rs", "pub struct X;"),
            ("c.rs", "pub struct Z; fn f(x: crate::a::Y) {}"),
        ]);
        assert_eq!(found, ["the modules a, c need each other in a circle"]);
    }

    #[test]
    fn parts_may_use_their_parent_and_tests_anything() {
        let found = of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod inner; use inner::I; pub struct A;"),
            ("a/inner.rs", "use super::A; pub struct I;"),
            (
                "b.rs",
                "use crate::a::A; #[cfg(test)] mod tests { use crate::a; }",
            ),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_circle_of_rooms_through_their_parts_is_found() {
        let found = of(&[
            ("a/mod.rs", "mod one;"),
            ("a/one.rs", "use crate::b::two::T; pub struct O;"),
            ("b/mod.rs", "pub mod two;"),
            ("b/two.rs", "use crate::a::one::O; pub struct T;"),
        ]);
        assert_eq!(found, ["the modules a, b need each other in a circle"]);
    }
}
