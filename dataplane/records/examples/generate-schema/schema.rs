//! What is known of OTAP's tables, from two files: `schema/otap.json` is what the engine says of
//! them (a test of strait-engine makes it), `schema/overlay.json` what OTAP does not say: the role
//! of a column, what a plan calls it, and whether a difference may change it.
//!
//! A column's number is its place in the table, depth first: a struct's children follow it, a
//! list's item too.

use serde::Deserialize;
use std::collections::BTreeMap;

/// One OTAP payload type: a table.
pub(crate) struct Payload {
    pub(crate) number: u16,
    pub(crate) name: String,
    /// Tables with the same columns share this name: `attributes` for all attributes.
    pub(crate) shape: String,
    /// Whether a difference may name the table.
    pub(crate) difference: bool,
    pub(crate) columns: Vec<Column>,
}

/// One column of a table.
pub(crate) struct Column {
    /// Its name, behind those of the structs and lists around it: `body.str`.
    pub(crate) path: String,
    /// The engine's name of the type: `UInt16`, `FixedSizeBinary(8)`, `Struct`.
    pub(crate) kind: String,
    /// Bits of the smallest dictionary key; 0: no dictionary.
    pub(crate) dictionary: u8,
    pub(crate) required: bool,
    /// `row`, `run` (the same in all rows of one scope), `id`, `parent`, or `value` (of a
    /// value of any type). Those within a struct have that of the struct, save where they say.
    pub(crate) role: String,
    /// What a plan calls it; empty: it cannot be asked for.
    pub(crate) plan: String,
    /// Whether a difference may change it.
    pub(crate) difference: bool,
    /// How many of the columns behind it are within it.
    pub(crate) nested: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtapTable {
    number: u16,
    name: String,
    columns: Vec<OtapColumn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtapColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    dictionary: u8,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlay {
    tables: BTreeMap<String, OverlayTable>,
    columns: BTreeMap<String, BTreeMap<String, OverlayColumn>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayTable {
    columns: String,
    #[serde(default)]
    difference: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct OverlayColumn {
    role: Option<String>,
    plan: String,
    difference: bool,
}

/// All tables, by their numbers. Panics where the two files do not fit together.
pub(crate) fn read() -> Vec<Payload> {
    let tables: Vec<OtapTable> =
        serde_json::from_str(include_str!("../../schema/otap.json")).expect("otap.json");
    let overlay: Overlay =
        serde_json::from_str(include_str!("../../schema/overlay.json")).expect("overlay.json");
    assert_eq!(
        overlay.tables.len(),
        tables.len(),
        "overlay.json does not name the tables of otap.json"
    );
    let table = |table: OtapTable| {
        let name = table.name;
        let more = overlay.tables.get(&name);
        let more = more.unwrap_or_else(|| panic!("overlay.json does not name the table {name}"));
        let shape = overlay.columns.get(&more.columns);
        let shape = shape.unwrap_or_else(|| panic!("{name}: no columns {}", more.columns));
        for path in shape.keys() {
            let found = table.columns.iter().any(|column| column.name == *path);
            assert!(
                found,
                "{name}: overlay.json names {path}, which OTAP does not have"
            );
        }
        Payload {
            number: table.number,
            shape: more.columns.clone(),
            difference: more.difference,
            columns: columns(&table.columns, shape),
            name,
        }
    };
    tables.into_iter().map(table).collect()
}

fn columns(otap: &[OtapColumn], overlay: &BTreeMap<String, OverlayColumn>) -> Vec<Column> {
    let none = OverlayColumn::default();
    let column = |column: &OtapColumn| {
        let path = &column.name;
        let more = overlay.get(path).unwrap_or(&none);
        let within = format!("{path}.");
        Column {
            kind: column.kind.clone(),
            dictionary: column.dictionary,
            required: column.required,
            role: role(path, overlay).to_owned(),
            plan: more.plan.clone(),
            difference: more.difference,
            nested: otap.iter().filter(|c| c.name.starts_with(&within)).count(),
            path: path.clone(),
        }
    };
    otap.iter().map(column).collect()
}

/// A column's own role, or that of the nearest struct around it, or `row`.
fn role<'o>(path: &str, overlay: &'o BTreeMap<String, OverlayColumn>) -> &'o str {
    let own = overlay.get(path).and_then(|column| column.role.as_deref());
    match (own, path.rsplit_once('.')) {
        (Some(role), _) => role,
        (None, Some((around, _))) => role(around, overlay),
        (None, None) => "row",
    }
}
