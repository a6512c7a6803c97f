//! The text of `go/ring/layout_gen.go`, made from `strait_ringbuf::layout`.

use std::fmt::Write as _;
use std::mem::offset_of;

use strait_ringbuf::layout::{
    self, Code, Counter, Descriptor, Direction, Header, Kind, ObjectKind,
};
use strum::VariantArray;

/// A Go constant: name, value as Go source, comment.
type Constant = (String, String, &'static str);

fn constant(name: &str, value: impl ToString, comment: &'static str) -> Constant {
    (name.to_owned(), value.to_string(), comment)
}

/// `batch_bytes` becomes `BatchBytes`; `id` and `crc` keep Go's spelling of initialisms.
fn camel(snake: &str) -> String {
    let mut out = String::new();
    for word in snake.split('_') {
        match word {
            "id" | "crc" => out.push_str(&word.to_uppercase()),
            _ => {
                out.push_str(&word[..1].to_uppercase());
                out.push_str(&word[1..]);
            }
        }
    }
    out
}

macro_rules! offsets {
    ($prefix:literal, $type:ty, $($field:ident),+ $(,)?) => {
        vec![$({
            let name = format!("{}{}", $prefix, camel(stringify!($field)));
            constant(&name, offset_of!($type, $field), "")
        }),+]
    };
}

fn general() -> Vec<Constant> {
    let magic = String::from_utf8_lossy(&layout::MAGIC);
    vec![
        constant("MajorVersion", layout::MAJOR, "another one is refused"),
        constant("MinorVersion", layout::MINOR, "a higher one is accepted"),
        constant(
            "MagicBytes",
            format!("\"{magic}\""),
            "first bytes of every object",
        ),
        constant("ByteOrderMark", format!("{:#010x}", layout::BYTE_ORDER), ""),
        constant("InitWord", format!("{:#010x}", layout::INIT), "stored last"),
        constant(
            "KnownFeatures",
            layout::FEATURES,
            "feature bits that are understood",
        ),
        constant(
            "LineBytes",
            layout::LINE_BYTES,
            "distance between words of different writers",
        ),
        constant("BlockBytes", layout::BLOCK_BYTES, "size of a slab block"),
        constant(
            "InlineBytes",
            layout::INLINE_BYTES,
            "bytes that an inline message holds at most",
        ),
        constant("HeaderBytes", layout::HEADER_BYTES, ""),
        constant(
            "HeaderCRCBytes",
            layout::HEADER_CRC_BYTES,
            "how many bytes the CRC covers",
        ),
        constant("DescriptorBytes", layout::DESCRIPTOR_BYTES, ""),
        constant("MinPageBytes", layout::MIN_PAGE_BYTES, ""),
        constant("MinDescriptors", layout::MIN_DESCRIPTORS, ""),
        constant("MaxDescriptors", layout::MAX_DESCRIPTORS, ""),
        constant("MinBlocks", layout::MIN_BLOCKS, ""),
        constant("MaxBlocks", layout::MAX_BLOCKS, ""),
    ]
}

fn words() -> Vec<Constant> {
    vec![
        constant(
            "WordSpaceWait",
            layout::WORD_SPACE_WAIT,
            "u32, producer object",
        ),
        constant(
            "WordProducerClose",
            layout::WORD_PRODUCER_CLOSE,
            "u32, producer object",
        ),
        constant("WordHead", layout::WORD_HEAD, "u64, consumer object"),
        constant("WordSleep", layout::WORD_SLEEP, "u32, consumer object"),
        constant(
            "WordConsumerClose",
            layout::WORD_CONSUMER_CLOSE,
            "u32, consumer object",
        ),
        constant(
            "CountersOffset",
            layout::COUNTERS_OFFSET,
            "u64 each, counters object",
        ),
    ]
}

fn kinds() -> Vec<Constant> {
    vec![
        constant(
            "ObjectProducer",
            ObjectKind::Producer as u32,
            "written by a ring's producer",
        ),
        constant(
            "ObjectConsumer",
            ObjectKind::Consumer as u32,
            "written by a ring's consumer",
        ),
        constant(
            "ObjectCounters",
            ObjectKind::Counters as u32,
            "counters of one side",
        ),
        constant(
            "DirectionHostToPeer",
            Direction::HostToPeer as u32,
            "h2p; the host's counters",
        ),
        constant(
            "DirectionPeerToHost",
            Direction::PeerToHost as u32,
            "p2h; the peer's counters",
        ),
        constant(
            "KindBatch",
            Kind::Batch as u8,
            "a slot that wants an answer",
        ),
        constant(
            "KindInline",
            Kind::Inline as u8,
            "bytes in the descriptor; wants an answer",
        ),
        constant(
            "KindAck",
            Kind::Ack as u8,
            "the answer to a batch or an inline message",
        ),
        constant(
            "KindPreamble",
            Kind::Preamble as u8,
            "a slot for the layer above",
        ),
        constant(
            "KindGoaway",
            Kind::Goaway as u8,
            "no batch or inline message follows",
        ),
        constant(
            "FlagFinal",
            layout::FLAG_FINAL,
            "of a batch or inline message: it wants no answer",
        ),
    ]
}

fn codes() -> Vec<Constant> {
    let name = |code: &Code| format!("Code{}", camel(code.into()));
    Code::VARIANTS
        .iter()
        .map(|code| constant(&name(code), *code as u32, ""))
        .collect()
}

fn counters() -> Vec<Constant> {
    let name = |counter: &Counter| format!("Counter{}", camel(counter.into()));
    let mut all: Vec<_> = Counter::VARIANTS
        .iter()
        .map(|counter| constant(&name(counter), *counter as usize, ""))
        .collect();
    all.push(constant(
        "CounterCount",
        Counter::VARIANTS.len(),
        "how many counters there are",
    ));
    all
}

fn names(
    out: &mut String,
    doc: &str,
    variable: &str,
    names: impl Iterator<Item = (u32, &'static str)>,
) {
    let _ = write!(
        out,
        "\n// {variable} {doc}\nvar {variable} = [...]string{{\n"
    );
    let rows: Vec<_> = names.collect();
    let key_width = rows
        .iter()
        .map(|row| row.0.to_string().len() + 1)
        .max()
        .unwrap_or(0);
    for (index, name) in rows {
        let key = format!("{index}:");
        let _ = writeln!(out, "\t{key:key_width$} {name:?},");
    }
    out.push_str("}\n");
}

/// One `const` block, aligned the way gofmt does.
fn block(out: &mut String, doc: &str, constants: &[Constant]) {
    let _ = write!(out, "\n// {doc}\nconst (\n");
    let name_width = constants.iter().map(|c| c.0.len()).max().unwrap_or(0);
    // gofmt aligns trailing comments over runs of lines that have one.
    for run in constants.chunk_by(|a, b| a.2.is_empty() == b.2.is_empty()) {
        let value_width = run.iter().map(|c| c.1.len()).max().unwrap_or(0);
        for (name, value, comment) in run {
            if comment.is_empty() {
                let _ = writeln!(out, "\t{name:name_width$} = {value}");
            } else {
                let _ = writeln!(
                    out,
                    "\t{name:name_width$} = {value:value_width$} // {comment}"
                );
            }
        }
    }
    out.push_str(")\n");
}

fn header() -> Vec<Constant> {
    offsets!(
        "Off",
        Header,
        magic,
        major,
        minor,
        byte_order,
        page_bytes,
        line_bytes,
        kind,
        direction,
        features,
        total_bytes,
        session,
        epoch,
        descriptors,
        block_bytes,
        blocks,
        first_offset,
        slab_offset,
        build_id,
        reserved,
        crc,
        init,
    )
}

/// The whole file.
pub(crate) fn source() -> String {
    let mut out = String::from(
        "// Code generated by `cargo run -p strait-ringbuf --example generate-layout`; \
         DO NOT EDIT.\n\n\
         package ring\n",
    );
    block(&mut out, "Constants of the protocol.", &general());
    block(
        &mut out,
        "Offsets of the header's fields (protocol section 1.2).",
        &header(),
    );
    block(&mut out, "Offsets of the words (R-5).", &words());
    let descriptor = offsets!(
        "Desc", Descriptor, sequence, kind, flags, edge, length, call_id, block, blocks, inline,
    );
    block(
        &mut out,
        "Offsets of a descriptor's fields (protocol section 2).",
        &descriptor,
    );
    block(
        &mut out,
        "Kinds of objects, directions, kinds of messages, and their flags.",
        &kinds(),
    );
    block(
        &mut out,
        "Codes of the close words (protocol section 5).",
        &codes(),
    );
    names(
        &mut out,
        "names the codes of the close words.",
        "codeNames",
        Code::VARIANTS
            .iter()
            .map(|code| (*code as u32, code.into())),
    );
    block(
        &mut out,
        "Indexes of the counters (protocol section 7).",
        &counters(),
    );
    names(
        &mut out,
        "names the counters, in the order of their indexes.",
        "counterNames",
        Counter::VARIANTS
            .iter()
            .map(|counter| (*counter as u32, counter.into())),
    );
    out
}
