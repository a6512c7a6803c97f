//! Durations as Go writes them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Marks a duration in a schema.
pub(super) const FORMAT: &str = "go-duration";

/// A span of time as in Go: signed nanoseconds, about 292 years at most. It is written `1m30s`,
/// `1.5h`, `100ms`; a plain number is nanoseconds, as it is for the Collector's Go components.
///
/// ```
/// use strait_component::Duration;
///
/// let timeout: Duration = "1.5h".parse().unwrap();
/// assert_eq!(timeout.to_string(), "1h30m0s");
/// assert_eq!(timeout.to_std(), Some(std::time::Duration::from_secs(5400)));
/// assert_eq!(Duration::from_secs(-1).to_std(), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000 * MICROSECOND;
const SECOND: i64 = 1_000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Duration {
    /// This many nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// This many milliseconds; what is out of range becomes the nearest that is not.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(MILLISECOND))
    }

    /// This many seconds; what is out of range becomes the nearest that is not.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(SECOND))
    }

    /// The nanoseconds; negative for a negative duration.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The standard library's duration; `None` for a negative one.
    pub fn to_std(self) -> Option<std::time::Duration> {
        u64::try_from(self.0)
            .ok()
            .map(std::time::Duration::from_nanos)
    }
}

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Not a number with a unit.
    #[error(
        "time: invalid duration {0:?}, expected numbers with units, such as \"1m30s\" or \"100ms\""
    )]
    Invalid(String),
    /// A number without a unit.
    #[error(
        "time: missing unit in duration {0:?}, expected one of ns, us, ms, s, m, h after the number"
    )]
    MissingUnit(String),
    /// A unit that does not exist.
    #[error("time: unknown unit {unit:?} in duration {text:?}, expected ns, us, ms, s, m or h")]
    UnknownUnit {
        /// What stands where a unit should.
        unit: String,
        /// The whole text.
        text: String,
    },
}

impl FromStr for Duration {
    type Err = DurationError;

    /// Reads what Go's `time.ParseDuration` reads.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let invalid = || DurationError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        // One more than i64::MAX, which only a negative duration can reach.
        const LIMIT: u64 = 1 << 63;
        let mut nanos: u64 = 0;
        while !rest.is_empty() {
            let (whole, after) = digits(rest);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => digits(after),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let end = after
                .find(|c: char| c == '.' || c.is_ascii_digit())
                .unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            let unit = scale(unit, text)?;
            let part = whole_nanos(whole, unit)
                .and_then(|part| part.checked_add(fraction_nanos(fraction, unit)))
                .filter(|part| *part <= LIMIT);
            nanos = part
                .and_then(|part| nanos.checked_add(part))
                .filter(|sum| *sum <= LIMIT)
                .ok_or_else(invalid)?;
            rest = after;
        }
        match (negative, i64::try_from(nanos)) {
            (false, Ok(nanos)) => Ok(Self(nanos)),
            (true, Ok(nanos)) => Ok(Self(-nanos)),
            (true, Err(_)) => Ok(Self(i64::MIN)),
            (false, Err(_)) => Err(invalid()),
        }
    }
}

/// The leading digits, and what follows them.
fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn scale(unit: &str, text: &str) -> Result<u64, DurationError> {
    let nanos = match unit {
        "ns" => 1,
        // The two signs that are written for micro.
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "" => return Err(DurationError::MissingUnit(text.to_owned())),
        _ => {
            return Err(DurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            });
        }
    };
    Ok(nanos.unsigned_abs())
}

fn whole_nanos(digits: &str, unit: u64) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// The nanoseconds of a fraction, cut off below one. Go computes it as a float of the digits that
/// fit.
fn fraction_nanos(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0u64, 1f64);
    for digit in digits.bytes() {
        let next = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u64::from(digit - b'0')));
        match next {
            Some(next) if next <= i64::MAX.unsigned_abs() => value = next,
            _ => break,
        }
        scale *= 10.0;
    }
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the same arithmetic as Go's, below 3.6e12"
    )]
    {
        (value as f64 * (unit as f64 / scale)) as u64
    }
}

impl fmt::Display for Duration {
    /// As Go prints it: `1h30m0s`, `1.5s`, `100ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let unit = |unit: i64| unit.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < unit(SECOND) {
            let (scale, name) = match nanos {
                n if n < unit(MICROSECOND) => (1, "ns"),
                n if n < unit(MILLISECOND) => (unit(MICROSECOND), "\u{b5}s"),
                _ => (unit(MILLISECOND), "ms"),
            };
            return write!(f, "{}{name}", decimal(nanos, scale));
        }
        let (hours, minutes) = (nanos / unit(HOUR), nanos / unit(MINUTE) % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(nanos % unit(MINUTE), unit(SECOND)))
    }
}

/// `nanos / scale`, with the digits that are needed; `scale` is a power of ten.
fn decimal(nanos: u64, scale: u64) -> String {
    let (whole, fraction) = (nanos / scale, nanos % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"1m30s\", or nanoseconds")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, nanos: i64) -> Result<Duration, E> {
                Ok(Duration(nanos))
            }

            fn visit_u64<E: Error>(self, nanos: u64) -> Result<Duration, E> {
                let found = Unexpected::Unsigned(nanos);
                let nanos = i64::try_from(nanos);
                nanos
                    .map(Duration)
                    .map_err(|_| E::invalid_value(found, &self))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"], "format": FORMAT})
    }
}
