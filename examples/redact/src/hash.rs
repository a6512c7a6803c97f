//! Keyed hashes of values: HMAC-SHA-256, in hex.
//!
//! Guarantees that no value is hashed without a key: whoever can guess a value would recognize a
//! plain hash of it.

use std::fmt::Write;

use hmac_sha256::HMAC;
use strait_component::prelude::*;

/// Shorter keys can be guessed, and with them the values.
const MIN_KEY_BYTES: usize = 16;

/// Hashes values with one key.
#[derive(Clone)]
pub(crate) struct Hasher(HMAC);

impl Hasher {
    /// A hasher with this key.
    ///
    /// # Errors
    ///
    /// There is no key, as where it comes from a variable that is not set, or it is too short.
    pub(crate) fn new(key: &Secret) -> Result<Self, ConfigError> {
        let key = key.expose().as_bytes();
        if key.len() < MIN_KEY_BYTES {
            let found = match key.len() {
                0 => "none (a variable that is not set is empty)".to_owned(),
                bytes => bytes.to_string(),
            };
            let message = format!(
                "expected a secret of at least {MIN_KEY_BYTES} bytes, as `hash` needs one, found \
                 {found}: set it, as with ${{env:HASH_KEY}} and `openssl rand -hex 32`"
            );
            return Err(ConfigError::new("hash_key", message));
        }
        Ok(Self(HMAC::new(key)))
    }

    /// The hash of the value's text; none for a value that cannot be read, which stays.
    pub(crate) fn hash(&self, value: Value<'_>) -> Option<Any> {
        let text = value.to_any()?.to_string();
        let mut code = self.0.clone();
        code.update(text);
        let mut hex = String::with_capacity(64);
        for byte in code.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Some(hex.into())
    }
}
