//! Replacing what patterns match in one text.

use std::borrow::Cow;
use std::sync::Arc;

use regex::{NoExpand, Regex, RegexSet};
use strait_component::prelude::*;

/// Patterns that are looked for together: a text that none of them matches, as most texts, is
/// read once, however many there are.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    set: RegexSet,
    each: Arc<[Regex]>,
    replacement: Arc<str>,
}

impl Patterns {
    /// Compiles them.
    ///
    /// # Errors
    ///
    /// Those that are no regular expressions, or that match where there is nothing; all of them
    /// together are too large.
    pub(crate) fn new(patterns: &[String], replacement: &str) -> Result<Self, Vec<ConfigError>> {
        let (mut each, mut errors) = (Vec::new(), Vec::new());
        for (nth, pattern) in patterns.iter().enumerate() {
            let wrong = |message: String| ConfigError::new(format!("patterns::{nth}"), message);
            match Regex::new(pattern) {
                Ok(regex) if regex.is_match("") => errors.push(wrong(format!(
                    "expected a pattern that matches something, found {pattern:?}, which matches \
                     the empty text"
                ))),
                Ok(regex) => each.push(regex),
                Err(error) => errors.push(wrong(error.to_string())),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let set = RegexSet::new(patterns);
        let set = set.map_err(|error| vec![ConfigError::new("patterns", error.to_string())])?;
        Ok(Self {
            set,
            each: each.into(),
            replacement: replacement.into(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// The text with every match replaced; the patterns one after the other, in their order. The
    /// text itself where there is none.
    pub(crate) fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for nth in &self.set.matches(&text) {
            let replaced = match self.each[nth].replace_all(&text, NoExpand(&self.replacement)) {
                Cow::Owned(replaced) => replaced,
                // An earlier pattern has taken what this one matched.
                Cow::Borrowed(_) => continue,
            };
            text = Cow::Owned(replaced);
        }
        text
    }
}
