//! Names of components: what Cargo, Rust, Go and the Collector all accept.

use strait_description::Kind;

use crate::error::StepError;

/// The Collector's limit for a component's type.
const LONGEST: usize = 63;

/// Words that Rust keeps for itself.
const RUST: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "union",
];

/// Words that Go keeps for itself.
const GO: [&str; 18] = [
    "case",
    "chan",
    "default",
    "defer",
    "fallthrough",
    "func",
    "go",
    "goto",
    "import",
    "init",
    "interface",
    "main",
    "map",
    "package",
    "range",
    "select",
    "switch",
    "var",
];

/// Crates that the new one would be taken for, and the type of Strait's own processor. A kind's
/// name is taken, too: it would make the new crate's types those of the SDK.
const TAKEN: [&str; 8] = [
    "alloc",
    "core",
    "otap",
    "proc_macro",
    "serde",
    "serde_json",
    "std",
    "test",
];

/// The name of a new component.
#[derive(Debug, Clone, PartialEq)]
pub struct Name(String);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// What is wrong with it, and a name that is right.
    pub fn parse(text: &str) -> Result<Self, StepError> {
        let wrong = |what: &str, help: String| {
            Err(StepError::new(
                format!("`{text}` cannot be the name of a component: {what}"),
                help,
            ))
        };
        let rule =
            "lower-case letters and digits, in words that `-` or `_` separates, a letter first";
        let words = || text.split(['-', '_']);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if words().any(|word| word.is_empty() || !word.chars().all(plain))
            || !text.starts_with(|c: char| c.is_ascii_lowercase())
        {
            let help = suggestion(text).map_or_else(
                || format!("a name is {rule}: `my-filter`"),
                |name| format!("a name is {rule}: `{name}`"),
            );
            return wrong("the Collector and Cargo would refuse it", help);
        }
        if text.len() > LONGEST {
            return wrong(
                &format!("it has {} characters", text.len()),
                format!("at most {LONGEST} are allowed"),
            );
        }
        let crate_name = text.replace('-', "_");
        let of_strait = crate_name == "strait" || crate_name.starts_with("strait_");
        let mut taken = RUST.iter().chain(&GO).chain(&TAKEN);
        if of_strait
            || Kind::from_name(&crate_name).is_some()
            || taken.any(|word| *word == crate_name)
        {
            return wrong(
                "Rust, Go or Strait has it already",
                format!("add a word: `my-{text}`"),
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The package's name, as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What Rust code calls the crate.
    #[must_use]
    pub fn crate_name(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The component's type in the Collector's configuration.
    #[must_use]
    pub fn type_name(&self) -> String {
        self.crate_name()
    }

    /// The beginning of its types' names.
    #[must_use]
    pub fn camel_case(&self) -> String {
        let word = |word: &str| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect::<String>()
        };
        self.0.split(['-', '_']).map(word).collect()
    }
}

/// The nearest right name.
fn suggestion(text: &str) -> Option<String> {
    let letters = text.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    });
    let letters: String = letters.collect();
    let words: Vec<&str> = letters.split('-').filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    name.starts_with(|c: char| c.is_ascii_lowercase())
        .then_some(name)
}
