//! OTLP log requests, written by hand: enough protobuf for tests.

/// One log record.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub severity: u8,
    pub body: String,
    pub strings: Vec<(String, String)>,
    pub ints: Vec<(String, i64)>,
}

impl Log {
    pub fn new(body: &str) -> Self {
        Self {
            severity: 9,
            body: body.into(),
            ..Self::default()
        }
    }

    pub fn severity(mut self, severity: u8) -> Self {
        self.severity = severity;
        self
    }

    pub fn string(mut self, key: &str, value: &str) -> Self {
        self.strings.push((key.into(), value.into()));
        self
    }

    pub fn int(mut self, key: &str, value: i64) -> Self {
        self.ints.push((key.into(), value));
        self
    }
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

fn bytes(into: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(into, field << 3 | 2);
    varint(into, content.len() as u64);
    into.extend_from_slice(content);
}

fn number(into: &mut Vec<u8>, field: u64, value: u64) {
    varint(into, field << 3);
    varint(into, value);
}

fn pair(key: &str, value: &[u8]) -> Vec<u8> {
    let mut pair = Vec::new();
    bytes(&mut pair, 1, key.as_bytes());
    bytes(&mut pair, 2, value);
    pair
}

fn text(value: &str) -> Vec<u8> {
    let mut any = Vec::new();
    bytes(&mut any, 1, value.as_bytes());
    any
}

fn record(log: &Log) -> Vec<u8> {
    let mut record = Vec::new();
    if log.severity != 0 {
        number(&mut record, 2, log.severity.into());
    }
    bytes(&mut record, 5, &text(&log.body));
    for (key, value) in &log.strings {
        bytes(&mut record, 6, &pair(key, &text(value)));
    }
    for (key, value) in &log.ints {
        let mut any = Vec::new();
        number(&mut any, 3, *value as u64);
        bytes(&mut record, 6, &pair(key, &any));
    }
    record
}

/// A request with one resource and one scope.
pub fn request(logs: &[Log]) -> Vec<u8> {
    let mut scope = Vec::new();
    for log in logs {
        bytes(&mut scope, 2, &record(log));
    }
    let mut attributes = Vec::new();
    bytes(&mut attributes, 1, &pair("service.name", &text("shop")));
    let mut resource = Vec::new();
    bytes(&mut resource, 1, &attributes);
    bytes(&mut resource, 2, &scope);
    let mut request = Vec::new();
    bytes(&mut request, 1, &resource);
    request
}

/// Whether `bytes` holds `text` somewhere.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
