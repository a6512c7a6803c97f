//! OTLP requests, written by hand: enough protobuf for tests.

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

fn fixed(into: &mut Vec<u8>, field: u64, value: u64) {
    varint(into, field << 3 | 1);
    into.extend_from_slice(&value.to_le_bytes());
}

/// The items of one resource and one scope.
fn items(items: &[Vec<u8>]) -> Vec<u8> {
    let mut scope = Vec::new();
    for item in items {
        bytes(&mut scope, 2, item);
    }
    let mut resource = Vec::new();
    bytes(&mut resource, 2, &scope);
    let mut request = Vec::new();
    bytes(&mut request, 1, &resource);
    request
}

fn secret(into: &mut Vec<u8>, field: u64, value: &str) {
    bytes(into, field, &pair("secret", &text(value)));
}

/// A request with one span; its link has a trace id, or an empty one.
pub fn span(name: &str, link: bool) -> Vec<u8> {
    let mut span = Vec::new();
    bytes(&mut span, 1, &[1; 16]);
    bytes(&mut span, 2, &[2; 8]);
    if !name.is_empty() {
        bytes(&mut span, 5, name.as_bytes());
    }
    fixed(&mut span, 7, 10);
    fixed(&mut span, 8, 20);
    secret(&mut span, 9, "of the span");
    let mut joined = Vec::new();
    if link {
        bytes(&mut joined, 1, &[3; 16]);
    }
    bytes(&mut joined, 2, &[4; 8]);
    secret(&mut joined, 4, "of the link");
    bytes(&mut span, 13, &joined);
    items(&[span])
}

/// A request with one metric: an exponential histogram of one point with one exemplar.
pub fn exponential_histogram(name: &str) -> Vec<u8> {
    let mut exemplar = Vec::new();
    fixed(&mut exemplar, 2, 10);
    fixed(&mut exemplar, 3, 1.0_f64.to_bits());
    secret(&mut exemplar, 7, "of the exemplar");
    let mut point = Vec::new();
    secret(&mut point, 1, "of the point");
    fixed(&mut point, 3, 10);
    fixed(&mut point, 4, 1);
    bytes(&mut point, 11, &exemplar);
    let mut histogram = Vec::new();
    bytes(&mut histogram, 1, &point);
    number(&mut histogram, 2, 2);
    let mut metric = Vec::new();
    if !name.is_empty() {
        bytes(&mut metric, 1, name.as_bytes());
    }
    bytes(&mut metric, 10, &histogram);
    items(&[metric])
}

/// A request with one metric: a gauge of one point.
pub fn gauge(name: &str) -> Vec<u8> {
    let mut point = Vec::new();
    fixed(&mut point, 3, 10);
    fixed(&mut point, 6, 5);
    secret(&mut point, 7, "of the point");
    let mut gauge = Vec::new();
    bytes(&mut gauge, 1, &point);
    let mut metric = Vec::new();
    if !name.is_empty() {
        bytes(&mut metric, 1, name.as_bytes());
    }
    bytes(&mut metric, 5, &gauge);
    items(&[metric])
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
