//! What the engine says of OTAP's tables is what both languages are generated from.

use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::ArrowPayloadType;
use otel_arrow_dfe_pdata::schema::payloads;
use otel_arrow_dfe_pdata::schema::schema::{DataType, DictKeySize, Field};
use std::fmt::Write as _;

// Guarantees: a newer engine's tables do not go unnoticed. `STRAIT_REGENERATE=1` writes them anew;
// `make generate` makes both languages of them.
#[test]
fn otap_json_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../records/schema/otap.json");
    let text = dump();
    if std::env::var_os("STRAIT_REGENERATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == text,
        "records/schema/otap.json is not what the engine says; run with STRAIT_REGENERATE=1"
    );
}

/// Every payload type that has columns, one column a line.
fn dump() -> String {
    let types = (0..=i32::from(u8::MAX)).filter_map(|n| ArrowPayloadType::try_from(n).ok());
    let tables: Vec<_> = types.filter_map(table).collect();
    format!("[\n{}\n]\n", tables.join(",\n"))
}

fn table(payload: ArrowPayloadType) -> Option<String> {
    let mut columns = Vec::new();
    for field in payloads::get(payload).fields() {
        column(&mut columns, "", field);
    }
    let name = payload.as_str_name().to_lowercase();
    (!columns.is_empty()).then(|| {
        format!(
            "  {{\"number\": {}, \"name\": \"{name}\", \"columns\": [\n    {}\n  ]}}",
            payload as i32,
            columns.join(",\n    ")
        )
    })
}

/// Adds a column, and behind it those that are within it.
fn column(to: &mut Vec<String>, around: &str, field: &Field) {
    let path = format!("{around}{}", field.name);
    data_type(to, &path, &field.data_type, field.required);
}

fn data_type(to: &mut Vec<String>, path: &str, data_type: &DataType, required: bool) {
    let (name, dictionary) = match data_type {
        DataType::Simple(simple) => (format!("{simple:?}"), None),
        DataType::Dictionary {
            min_key_size,
            value_type,
        } => (format!("{value_type:?}"), Some(min_key_size)),
        DataType::Struct(_) => ("Struct".to_owned(), None),
        DataType::List(_) => ("List".to_owned(), None),
    };
    let mut line = format!("{{\"name\": \"{path}\", \"type\": \"{name}\"");
    if let Some(smallest) = dictionary {
        let bits = match smallest {
            DictKeySize::U8 => 8,
            DictKeySize::U16 => 16,
        };
        let _ = write!(line, ", \"dictionary\": {bits}");
    }
    if required {
        line.push_str(", \"required\": true");
    }
    to.push(line + "}");
    match data_type {
        DataType::Struct(schema) => {
            for field in schema.fields() {
                column(to, &format!("{path}."), field);
            }
        }
        DataType::List(item) => self::data_type(to, &format!("{path}.item"), item, false),
        DataType::Simple(_) | DataType::Dictionary { .. } => {}
    }
}
