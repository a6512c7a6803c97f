//! Sizes of memory and of files.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Marks a size in a schema.
pub(super) const FORMAT: &str = "byte-size";

/// A number of bytes, written `64MiB`, `1.5 GB`, `512B` or as a plain number. Units of 1,000 are
/// kB, MB, GB, TB; of 1,024, KiB, MiB, GiB, TiB. Their letters may be of either case.
///
/// ```
/// use strait_component::ByteSize;
///
/// let limit: ByteSize = "1.5MiB".parse().unwrap();
/// assert_eq!(limit.bytes(), 1_572_864);
/// assert_eq!(limit.to_string(), "1536KiB");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

const BINARY: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];
const DECIMAL: [(&str, u64); 5] = [
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl ByteSize {
    /// This many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// This many MiB; what is out of range becomes the largest size.
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// The bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ByteSizeError {
    /// Not a number with a unit.
    #[error(
        "invalid size {0:?}, expected whole bytes: a number with B, kB, MB, GB, TB, KiB, MiB, GiB \
         or TiB"
    )]
    Invalid(String),
    /// More bytes than a size has room for.
    #[error("size {0:?} is too large, expected at most {max} bytes", max = u64::MAX)]
    TooLarge(String),
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        match read(text) {
            Some(bytes) => u64::try_from(bytes)
                .map(Self)
                .map_err(|_| ByteSizeError::TooLarge(text.to_owned())),
            None => Err(ByteSizeError::Invalid(text.to_owned())),
        }
    }
}

/// Exact: a fraction that is no whole number of bytes has no value. Any number of bytes that is
/// more than 64 bits hold stands for all of them.
fn read(text: &str) -> Option<u128> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start();
    let scale = if unit.is_empty() {
        1
    } else {
        let mut units = BINARY.iter().chain(&DECIMAL);
        units.find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || whole.is_empty() || number.ends_with('.') {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let divisor = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits = format!("{whole}{fraction}");
    let scaled = digits
        .parse::<u128>()
        .ok()
        .and_then(|number| number.checked_mul(u128::from(scale)));
    let Some(scaled) = scaled else {
        // Digits alone are too many; with a fraction they are no whole number of bytes.
        return fraction.is_empty().then_some(u128::MAX);
    };
    (scaled % divisor == 0).then_some(scaled / divisor)
}

impl fmt::Display for ByteSize {
    /// In the largest binary unit that divides it, or in bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, scale): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*scale);
        match BINARY.iter().find(whole) {
            Some((name, scale)) => write!(f, "{}{name}", self.0 / scale),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = ByteSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"64MiB\", or a number of bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, bytes: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(bytes))
            }

            fn visit_i64<E: Error>(self, bytes: i64) -> Result<ByteSize, E> {
                let found = Unexpected::Signed(bytes);
                let bytes = u64::try_from(bytes);
                bytes
                    .map(ByteSize)
                    .map_err(|_| E::invalid_value(found, &self))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for ByteSize {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"], "format": FORMAT})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact() {
        for (text, bytes, printed) in [
            ("0", 0, "0B"),
            ("512", 512, "512B"),
            ("512B", 512, "512B"),
            ("1kB", 1000, "1000B"),
            ("1KiB", 1024, "1KiB"),
            ("64 mib", 64 << 20, "64MiB"),
            ("1.5GiB", 3 << 29, "1536MiB"),
            ("1.50 GB", 1_500_000_000, "1500000000B"),
            ("16777215TiB", 16_777_215 << 40, "16777215TiB"),
            ("18446744073709551615", u64::MAX, "18446744073709551615B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(
                (size.bytes(), size.to_string().as_str()),
                (bytes, printed),
                "{text}"
            );
            assert_eq!(printed.parse(), Ok(size));
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "B",
            "-1",
            "+1",
            "1.",
            ".5MB",
            "1.5",
            "0.3KiB",
            "1 2",
            "1MiBs",
            "1e3",
            "3.00000000000000000000000000000000000001TB",
            "1.00000000000000000000000000000000000000001TB",
        ] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(error, ByteSizeError::Invalid(text.to_owned()));
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }

    // Guarantees: a size that does not fit is not wrapped, and the limit is named.
    #[test]
    fn what_is_too_large_is_refused() {
        for text in [
            "16777216TiB",
            "18446744073709551616",
            "18446744073709551.616kB",
            "99999999999999999999999999999999999999999999",
            "340282366920938463463374607431768211455TiB",
        ] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(error, ByteSizeError::TooLarge(text.to_owned()));
            assert!(
                error
                    .to_string()
                    .contains("at most 18446744073709551615 bytes")
            );
        }
    }
}
