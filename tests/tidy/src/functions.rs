//! Functions that are too long to be read at once.

use proc_macro2::Span;
use syn::visit::{self, Visit};

use crate::{Finding, Source};

/// Lines that a function may have, from its signature to its closing brace.
pub const LINES_MAX: usize = 70;

/// Every function of `source` over [`LINES_MAX`].
#[must_use]
pub fn too_long(source: &Source) -> Vec<Finding> {
    let mut measure = Measure {
        source,
        findings: Vec::new(),
    };
    measure.visit_file(&source.syntax);
    measure.findings
}

struct Measure<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Measure<'_> {
    fn judge(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let lines = lines(signature.fn_token.span, block.brace_token.span.close());
        if lines > LINES_MAX {
            self.findings.push(Finding {
                file: self.source.file.clone(),
                what: format!(
                    "function {} has {lines} lines, at most {LINES_MAX} are read at once: split it",
                    signature.ident
                ),
            });
        }
    }
}

fn lines(first: Span, last: Span) -> usize {
    last.end().line - first.start().line + 1
}

impl<'ast> Visit<'ast> for Measure<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.judge(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.judge(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.judge(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, too_long};
    use crate::Source;
    use std::path::PathBuf;

    fn of(text: &str) -> Vec<String> {
        let source = Source {
            file: PathBuf::from("a.rs"),
            syntax: syn::parse_file(text).expect("valid source"),
        };
        too_long(&source)
            .iter()
            .map(|found| found.what.clone())
            .collect()
    }

    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_at_the_limit_passes_and_one_line_more_is_found() {
        assert_eq!(of(&function_of(LINES_MAX)), Vec::<String>::new());
        let found = of(&function_of(LINES_MAX + 1));
        assert!(found[0].contains("function long has 71 lines"), "{found:?}");
    }

    #[test]
    fn methods_and_defaults_of_traits_count_too() {
        let body = "    x();\n".repeat(LINES_MAX);
        assert_eq!(
            of(&format!("impl A {{ fn f(&self) {{\n{body}}} }}")).len(),
            1
        );
        assert_eq!(
            of(&format!("trait A {{ fn f(&self) {{\n{body}}} }}")).len(),
            1
        );
    }
}
