//! Differences: one with every kind of operation, what any says as JSON, and those that every
//! reader refuses.

use super::values::hex;
use serde_json::{Value as Json, json};
use strait_records::difference::{
    Action, Difference, DifferenceBuilder, Operation, Owner, Owners, Target, Value,
};
use strait_records::otap::payload::LOGS;

/// Where the root table's entry begins.
const TABLE: usize = 32;
/// Where the first operation begins: the bitmap of 70 items is 16 bytes long.
const OPERATION: usize = 64;

/// A difference that drops rows and has every kind of operation, and what it is about.
pub fn every_kind() -> (Owners, DifferenceBuilder) {
    let owners = Owners {
        root: LOGS,
        items: 70,
        resources: 2,
        scopes: 3,
    };
    let mut builder = DifferenceBuilder::new(LOGS, owners.items);
    [0, 63, 64, 69]
        .into_iter()
        .for_each(|row| builder.drop_row(row));
    let every = |target, key, action| Operation {
        target,
        owner: Owner::Every,
        key,
        action,
    };
    let one = |target, owner, key, action| {
        let owner = Owner::One(owner);
        Operation {
            target,
            owner,
            key,
            action,
        }
    };
    let set = Action::Set;
    for operation in [
        every(
            Target::LOG_ATTRIBUTES,
            "user.id",
            Action::Rename("enduser.id"),
        ),
        every(Target::RESOURCE_ATTRIBUTES, "host.name", Action::Delete),
        one(Target::LOG_ATTRIBUTES, 5, "a", set(Value::Str("text"))),
        one(Target::LOG_ATTRIBUTES, 5, "b", set(Value::Int(i64::MIN))),
        one(Target::LOG_ATTRIBUTES, 6, "", set(Value::Double(-0.0))),
        one(Target::LOG_ATTRIBUTES, 6, "c", set(Value::Bool(true))),
        one(
            Target::RESOURCE_ATTRIBUTES,
            1,
            "d",
            set(Value::Bytes(b"\x00\xff")),
        ),
        one(Target::SCOPE_ATTRIBUTES, 2, "e", set(Value::Map(&[0xa0]))),
        one(Target::SCOPE_ATTRIBUTES, 2, "f", set(Value::Slice(&[0x80]))),
        one(Target::SCOPE_ATTRIBUTES, 2, "g", set(Value::Empty)),
        one(Target::BODY, 7, "", set(Value::Str(""))),
        every(Target::SEVERITY_NUMBER, "", set(Value::Int(17))),
        one(Target::SEVERITY_TEXT, 8, "", set(Value::Str("ERROR"))),
        one(Target::EVENT_NAME, 9, "", set(Value::Str("login"))),
    ] {
        builder.push(&operation).expect("room");
    }
    (owners, builder)
}

/// What a difference says.
pub fn description(payload: &[u8], owners: Owners) -> Json {
    let difference = Difference::parse(payload, owners).expect("a good difference");
    let kept = difference.kept();
    let operations = difference.operations();
    json!({
        "root": owners.root,
        "items": owners.items,
        "resources": owners.resources,
        "scopes": owners.scopes,
        "stays": (0..owners.items).filter(|row| kept.contains(*row)).collect::<Vec<_>>(),
        "operations": operations.map(|operation| operation_json(&operation)).collect::<Json>(),
    })
}

fn operation_json(operation: &Operation<'_>) -> Json {
    let (action, kind, value) = match operation.action {
        Action::Delete => (2, 0, Json::Null),
        Action::Rename(key) => (3, 1, key.into()),
        Action::Set(value) => {
            let (kind, value) = match value {
                Value::Empty => (0, Json::Null),
                Value::Str(text) => (1, text.into()),
                Value::Int(int) => (2, int.to_string().into()),
                Value::Double(double) => (3, format!("{:016x}", double.to_bits()).into()),
                Value::Bool(bool) => (4, bool.to_string().into()),
                Value::Map(bytes) => (5, hex(bytes).into()),
                Value::Slice(bytes) => (6, hex(bytes).into()),
                Value::Bytes(bytes) => (7, hex(bytes).into()),
            };
            (1, kind, value)
        }
    };
    let owner = match operation.owner {
        Owner::One(ordinal) => Json::from(ordinal),
        Owner::Every => Json::Null,
    };
    let (target, key) = (operation.target, operation.key);
    json!({"payload": target.payload(), "column": target.column(), "action": action,
           "owner": owner, "key": key, "type": kind, "value": value})
}

/// What is refused: name, payload, description.
type Refused = (&'static str, Vec<u8>, Json);

/// A good difference, to be changed.
struct Good {
    owners: Owners,
    payload: Vec<u8>,
}

impl Good {
    fn new() -> Self {
        let (owners, builder) = every_kind();
        let mut payload = vec![0; builder.payload_len()];
        builder.write(&mut payload).expect("room");
        Self { owners, payload }
    }

    fn refused(&self, kind: &str, name: &'static str, comment: &str, payload: Vec<u8>) -> Refused {
        let owners = self.owners;
        let json = json!({"comment": comment, "rule": "S-15", "kind": kind,
                          "root": owners.root, "items": owners.items,
                          "resources": owners.resources, "scopes": owners.scopes});
        (name, payload, json)
    }

    /// Refused for its layout, with other bytes at these places.
    fn content(&self, name: &'static str, comment: &str, patches: &[(usize, &[u8])]) -> Refused {
        let mut payload = self.payload.clone();
        for (at, bytes) in patches {
            payload[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        self.refused("content", name, comment, payload)
    }

    /// Refused for a value, with another byte at a place of an operation.
    fn value(&self, name: &'static str, comment: &str, place: (usize, usize), to: u8) -> Refused {
        let mut payload = self.payload.clone();
        payload[OPERATION + 32 * place.0 + place.1] = to;
        self.refused("value", name, comment, payload)
    }

    /// The root table, listed twice.
    fn twice(&self) -> Vec<u8> {
        let mut payload = self.payload.clone();
        payload.resize(payload.len().next_multiple_of(8), 0);
        let at = payload.len() as u32;
        payload[8..12].copy_from_slice(&at.to_le_bytes());
        payload[4] = 2;
        let entry = self.payload[TABLE..TABLE + 16].repeat(2);
        payload.extend_from_slice(&entry);
        payload
    }
}

/// All that are refused.
pub fn refused() -> Vec<Refused> {
    let good = Good::new();
    let content = |name, comment, patches: &[(usize, &[u8])]| good.content(name, comment, patches);
    let value = |name, comment, index, at, to| good.value(name, comment, (index, at), to);
    vec![
        content("magic", "the magic of the first version", &[(3, b"1")]),
        content("no-table", "no table has an entry", &[(4, &[0])]),
        content(
            "tables-outside",
            "tables behind the end",
            &[(8, &[0, 0, 1])],
        ),
        content("header-reserved", "a reserved field", &[(28, &[1])]),
        content("table-unknown", "a table of spans", &[(TABLE, &[40])]),
        content(
            "table-below",
            "a table ahead of the root's",
            &[(TABLE, &[1])],
        ),
        good.refused(
            "content",
            "table-twice",
            "one table, listed twice",
            good.twice(),
        ),
        content("table-reserved", "a reserved field", &[(TABLE + 2, &[1])]),
        content(
            "rows-in",
            "it is about another batch",
            &[(TABLE + 4, &[71])],
        ),
        content("rows-kept", "more rows than bits", &[(TABLE + 8, &[67])]),
        content(
            "bits-behind",
            "a bit is set behind the last item's",
            &[(TABLE + 8, &[67]), (TABLE + 25, &[1])],
        ),
        value("payload-unknown", "an attribute of spans", 2, 0, 41),
        value("column-unknown", "the trace id", 12, 2, 16),
        value("column-key", "the key of an attribute", 2, 2, 1),
        value("action", "no such action", 2, 3, 4),
        value("delete-body", "a body is deleted", 10, 3, 2),
        value("owner", "the item behind the last one", 2, 8, 70),
        value("owner-scope", "the scope behind the last one", 8, 8, 3),
        value("operation-reserved", "a reserved field", 2, 20, 1),
        value("severity-text", "a severity number that is text", 11, 4, 1),
        value("body-key", "a body with a key", 10, 16, 1),
        value("value-outside", "a value behind the data", 2, 26, 1),
    ]
}

/// What a difference is about, as its description says.
pub fn owners(description: &Json) -> Owners {
    let count = |name: &str| description[name].as_u64().expect("a number") as u32;
    Owners {
        root: count("root") as u16,
        items: count("items"),
        resources: count("resources"),
        scopes: count("scopes"),
    }
}

/// Reads a payload as its description says; gives the error.
pub fn refusal(payload: &[u8], description: &Json) -> Option<strait_records::Error> {
    Difference::parse(payload, owners(description)).err()
}
