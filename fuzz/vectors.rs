//! The preambles of the slot format's vectors, by vector.

const VECTORS: [&str; 2] = [
    include_str!("../dataplane/records/vectors/rust-logs.json"),
    include_str!("../dataplane/records/vectors/rust-types.json"),
];

pub fn preambles() -> Vec<Vec<Vec<u8>>> {
    VECTORS.iter().map(|text| of(text)).collect()
}

fn of(text: &str) -> Vec<Vec<u8>> {
    let json: serde_json::Value = serde_json::from_str(text).expect("the vector is JSON");
    let preambles = json["preambles"].as_array().expect("a list");
    preambles
        .iter()
        .map(|hex| unhex(hex.as_str().expect("text")))
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(byte).collect()
}
