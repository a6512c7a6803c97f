//! The page that a crate opens with.

use syn::{Expr, Lit, Meta};

use crate::{Finding, Source};

/// What is missing of a library's page: an opening text with an example that the tests compile.
#[must_use]
pub fn lacks(lib: &Source) -> Option<Finding> {
    let page = lib.syntax.attrs.iter().filter_map(text).collect::<Vec<_>>();
    let what = if page.is_empty() {
        "the crate opens without a page: say what it is, guarantees and leaves to others"
    } else if !has_compiled_example(&page.join("\n")) {
        "the crate's page has no example that is compiled"
    } else {
        return None;
    };
    Some(Finding {
        file: lib.file.clone(),
        what: what.to_owned(),
    })
}

fn text(attribute: &syn::Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        Expr::Lit(value) if pair.path.is_ident("doc") => match &value.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

fn has_compiled_example(page: &str) -> bool {
    let fences = page.lines().map(str::trim).filter(|l| l.starts_with("```"));
    let mut openings = fences.step_by(2);
    openings.any(|fence| matches!(&fence[3..], "" | "rust" | "no_run" | "rust,no_run"))
}

#[cfg(test)]
mod tests {
    use super::lacks;
    use crate::Source;

    fn of(text: &str) -> Option<String> {
        let source = Source {
            file: "lib.rs".into(),
            syntax: syn::parse_file(text).expect("valid source"),
        };
        lacks(&source).map(|found| found.what)
    }

    #[test]
    fn a_page_with_an_example_passes() {
        assert_eq!(of("//! Is.\n//! ```\n//! f();\n//! ```\n"), None);
        assert_eq!(of("//! Is.\n//! ```no_run\n//! f();\n//! ```\n"), None);
    }

    #[test]
    fn no_page_and_an_example_that_nobody_compiles_are_found() {
        assert!(of("fn f() {}").expect("found").contains("without a page"));
        let ignored = "//! Is.\n//! ```ignore\n//! f();\n//! ```\n";
        assert!(of(ignored).expect("found").contains("no example"));
        let none = "//! Is.\n//! ```text\n//! f();\n//! ```\n";
        assert!(of(none).expect("found").contains("no example"));
    }
}
