//! A value that is owned: what edits write and builders take.

pub(crate) mod cbor;

use crate::Value;
use crate::nested;

/// A value of any type.
///
/// ```
/// use strait_component::Any;
///
/// assert_eq!(Any::from("text"), Any::Str("text".into()));
/// assert_eq!(Any::from(vec![Any::from(1), Any::from(true)]).to_string(), "[1,true]");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Any {
    /// No value.
    #[default]
    Empty,
    /// Text.
    Str(String),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// A boolean.
    Bool(bool),
    /// A map.
    Map(Vec<(String, Any)>),
    /// A list.
    Slice(Vec<Any>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Any {
    /// How deep maps and lists may lie in each other where a batch holds the value.
    pub const DEPTH_MAX: usize = nested::DEPTH_MAX;
}

macro_rules! from {
    ($($type:ty => $value:ident, $made:expr;)*) => {
        $(impl From<$type> for Any {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

from! {
    &str => text, Self::Str(text.to_owned());
    String => text, Self::Str(text);
    i64 => number, Self::Int(number);
    i32 => number, Self::Int(number.into());
    u32 => number, Self::Int(number.into());
    f64 => number, Self::Double(number);
    bool => flag, Self::Bool(flag);
    Vec<u8> => bytes, Self::Bytes(bytes);
    &[u8] => bytes, Self::Bytes(bytes.to_vec());
    Vec<Any> => items, Self::Slice(items);
    Vec<(String, Any)> => entries, Self::Map(entries);
}

impl Value<'_> {
    /// The value, owned; maps and lists are read. None where these are not valid CBOR, or the
    /// type is not known.
    pub fn to_any(&self) -> Option<Any> {
        Some(match *self {
            Self::Empty => Any::Empty,
            Self::Str(text) => text.into(),
            Self::Int(number) => number.into(),
            Self::Double(number) => number.into(),
            Self::Bool(flag) => flag.into(),
            Self::Bytes(bytes) => bytes.into(),
            Self::Map(cbor) | Self::Slice(cbor) => cbor::decode(cbor).ok()?,
            Self::Unknown(_) => return None,
        })
    }
}

/// Text as it is, bytes in base64, nothing for no value, and all else as JSON.
impl std::fmt::Display for Any {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Str(text) => f.write_str(text),
            Self::Bytes(bytes) => f.write_str(&base64(bytes)),
            Self::Empty => Ok(()),
            other => write!(f, "{}", json(other)),
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn json(value: &Any) -> serde_json::Value {
    match value {
        Any::Empty => serde_json::Value::Null,
        Any::Str(text) => text.as_str().into(),
        Any::Int(number) => (*number).into(),
        Any::Double(number) => (*number).into(),
        Any::Bool(flag) => (*flag).into(),
        Any::Bytes(bytes) => base64(bytes).into(),
        Any::Slice(items) => items.iter().map(json).collect(),
        Any::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), json(value)));
            serde_json::Value::Object(entries.collect())
        }
    }
}
