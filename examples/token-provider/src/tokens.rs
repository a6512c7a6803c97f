//! The tokens of one file.

use std::fmt;
use std::path::Path;

/// Tokens, each with the line that it stands in. Never shown: `Debug` says how many there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Tokens(Vec<(usize, String)>);

impl Tokens {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or holds no token.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("the file of tokens {}: {error}", file.display()))?;
        let lines = text
            .lines()
            .enumerate()
            .map(|(n, line)| (n + 1, line.trim()));
        let tokens = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let tokens: Vec<_> = tokens.map(|(n, line)| (n, line.to_owned())).collect();
        if tokens.is_empty() {
            return Err(format!(
                "the file of tokens {} holds no token",
                file.display()
            ));
        }
        Ok(Self(tokens))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The header's value for the first token.
    pub(crate) fn to_send(&self, scheme: &str) -> String {
        let token = self.0.first().map_or("", |(_, token)| token);
        if scheme.is_empty() {
            token.to_owned()
        } else {
            format!("{scheme} {token}")
        }
    }

    /// The line of the token in a header's value, if it is known.
    pub(crate) fn find(&self, value: &str, scheme: &str) -> Option<usize> {
        let token = if scheme.is_empty() {
            value
        } else {
            let (found, token) = value.split_once(' ')?;
            if !found.eq_ignore_ascii_case(scheme) {
                return None;
            }
            token.trim_start()
        };
        // Every token is compared in full, so that the time tells nothing of them.
        let mut line = None;
        for (n, known) in &self.0 {
            if equal(known.as_bytes(), token.as_bytes()) {
                line = Some(*n);
            }
        }
        line
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.len())
    }
}

/// Compares in a time that depends on lengths only.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y));
    a.len() == b.len() && std::hint::black_box(differ) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Tokens, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        std::fs::write(&file, text).unwrap();
        Tokens::read(&file)
    }

    #[test]
    fn comments_and_space_are_not_tokens() {
        let found = tokens("# ours\n\n  one \ntwo\n").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found.to_send("Bearer"), "Bearer one");
        assert_eq!(found.to_send(""), "one");
        assert!(!format!("{found:?}").contains("one"));
    }

    #[test]
    fn a_file_without_tokens_is_an_error_that_names_it() {
        assert!(tokens("# none\n").unwrap_err().contains("holds no token"));
        let missing = Tokens::read(Path::new("/nowhere/tokens")).unwrap_err();
        assert!(missing.contains("/nowhere/tokens"), "{missing}");
    }

    #[test]
    fn a_known_token_is_found_by_its_line() {
        let found = tokens("# ours\none\ntwo\n").unwrap();
        assert_eq!(found.find("Bearer two", "Bearer"), Some(3));
        assert_eq!(found.find("bearer one", "Bearer"), Some(2));
        assert_eq!(found.find("one", ""), Some(2));
        for wrong in [
            "Bearer three",
            "Bearer on",
            "Bearer onee",
            "Basic one",
            "Bearer",
            "one",
            "",
        ] {
            assert_eq!(found.find(wrong, "Bearer"), None, "{wrong}");
        }
    }
}
