//! One batch of a queue in a storage, with its context: the bytes of pdata's `xpdata/request`, in
//! its version 1, which the exporter helper writes.

use super::logs;
use crate::sending::batches::bytes;
use crate::sending::wire::{Broken, Field, Value, fields, write as field, write_varint};
use std::net::{IpAddr, SocketAddr};
use strait_component::{Batch, Context, Signal, SpanContext};

/// The field of the version, and the version.
const VERSION: [u8; 5] = [0x0d, 1, 0, 0, 0];

/// The bytes of a batch and its context.
///
/// # Errors
///
/// A value of its logs cannot be read, or it is no OTLP: it could not be read again.
pub(crate) fn write(batch: &Batch, context: &Context) -> Result<Vec<u8>, String> {
    let mut out = VERSION.to_vec();
    field(2, &of_context(context), &mut out);
    match batch.otlp() {
        Some(otlp) => {
            bytes(batch).ok_or("the batch is no valid OTLP")?;
            field(3, otlp, &mut out);
        }
        None => field(3, &logs::write(batch)?, &mut out),
    }
    Ok(out)
}

/// What an entry of the queue holds.
#[derive(Debug)]
pub(crate) struct Found {
    /// Several where its logs are more than one batch has.
    pub(crate) batches: Vec<Batch>,
    pub(crate) context: Context,
    /// The logs of it that cannot be read.
    pub(crate) lost: usize,
}

/// What these bytes hold.
///
/// # Errors
///
/// What is wrong with them.
pub(crate) fn read(signal: Signal, bytes: &[u8]) -> Result<Found, String> {
    let broken = |_| "it is damaged".to_owned();
    let Some(rest) = bytes.strip_prefix(&VERSION) else {
        // As the helper wrote before it had contexts.
        return batches(signal, bytes, Context::default());
    };
    let (mut data, mut context) = (&[][..], Context::default());
    for field in fields(rest) {
        let field = field.map_err(broken)?;
        match (field.number, field.value) {
            (2, Value::Bytes(bytes)) => context = to_context(bytes).map_err(broken)?,
            (3, Value::Bytes(bytes)) => data = bytes,
            _ => {}
        }
    }
    batches(signal, data, context)
}

fn batches(signal: Signal, data: &[u8], context: Context) -> Result<Found, String> {
    let broken = || "it is no OTLP".to_owned();
    if signal != Signal::Logs {
        let batch = Batch::from_otlp(signal, data.to_vec());
        bytes(&batch).ok_or_else(broken)?;
        return Ok(Found {
            batches: vec![batch],
            context,
            lost: 0,
        });
    }
    let (batches, lost) = logs::read(data).map_err(|error| match error {
        logs::Unread::Broken => broken(),
        logs::Unread::Batch(error) => error.to_string(),
    })?;
    Ok(Found {
        batches,
        context,
        lost,
    })
}

fn of_context(context: &Context) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(span) = context.span() {
        let mut of_span = Vec::new();
        field(1, &span.trace_id, &mut of_span);
        field(2, &span.span_id, &mut of_span);
        of_span.push(3 << 3 | 5);
        of_span.extend(u32::from(span.flags).to_le_bytes());
        field(4, span.trace_state.as_bytes(), &mut of_span);
        of_span.extend([5 << 3, span.remote.into()]);
        field(1, &of_span, &mut out);
    }
    let mut written: Vec<&str> = Vec::new();
    for key in context.metadata_keys() {
        // Its values are those of all that differ in case only.
        if written.iter().any(|other| other.eq_ignore_ascii_case(key)) {
            continue;
        }
        written.push(key);
        let texts: Vec<&[u8]> = context.metadata_bytes(key).collect();
        let mut value = Vec::new();
        if let [one] = texts[..] {
            field(1, one, &mut value);
        } else {
            let mut list = Vec::new();
            for text in texts {
                let mut item = Vec::new();
                field(1, text, &mut item);
                field(1, &item, &mut list);
            }
            field(5, &list, &mut value);
        }
        let mut pair = Vec::new();
        field(1, key.as_bytes(), &mut pair);
        field(2, &value, &mut pair);
        field(2, &pair, &mut out);
    }
    if let Some(peer) = context
        .peer()
        .and_then(|peer| peer.parse::<SocketAddr>().ok())
    {
        let mut tcp = Vec::new();
        match peer.ip() {
            IpAddr::V4(ip) => field(1, &ip.octets(), &mut tcp),
            IpAddr::V6(ip) => field(1, &ip.octets(), &mut tcp),
        }
        tcp.push(2 << 3);
        write_varint(peer.port().into(), &mut tcp);
        field(4, &tcp, &mut out);
    }
    out
}

fn to_context(bytes: &[u8]) -> Result<Context, Broken> {
    let mut context = Context::builder();
    for field in fields(bytes) {
        let Field { number, value, .. } = field?;
        let Value::Bytes(bytes) = value else {
            continue;
        };
        context = match number {
            1 => context.span(to_span(bytes)?),
            2 => {
                let mut key = String::new();
                let mut values = Vec::new();
                for field in fields(bytes) {
                    match field? {
                        Field {
                            number: 1,
                            value: Value::Bytes(name),
                            ..
                        } => {
                            key = String::from_utf8_lossy(name).into_owned();
                        }
                        Field {
                            number: 2,
                            value: Value::Bytes(any),
                            ..
                        } => texts(any, &mut values)?,
                        _ => {}
                    }
                }
                context.metadata(key, values)
            }
            3..=5 => match address(bytes)? {
                Some(peer) => context.peer(peer),
                None => context,
            },
            _ => context,
        };
    }
    Ok(context.build())
}

/// A value that is a text, or a list of some.
fn texts(any: &[u8], values: &mut Vec<Vec<u8>>) -> Result<(), Broken> {
    for field in fields(any) {
        match field? {
            Field {
                number: 1,
                value: Value::Bytes(text),
                ..
            } => values.push(text.to_vec()),
            Field {
                number: 5,
                value: Value::Bytes(list),
                ..
            } => {
                for item in fields(list) {
                    if let Value::Bytes(item) = item?.value {
                        for field in fields(item) {
                            if let Field {
                                number: 1,
                                value: Value::Bytes(text),
                                ..
                            } = field?
                            {
                                values.push(text.to_vec());
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// An address of IP, with its port where it has one.
fn address(bytes: &[u8]) -> Result<Option<String>, Broken> {
    let (mut ip, mut port) = (None, None);
    for field in fields(bytes) {
        let field = field?;
        match (field.number, field.value) {
            (1, Value::Bytes(octets)) => {
                let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
                ip = four
                    .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
                    .ok();
            }
            (2, Value::Number(number)) => port = u16::try_from(number).ok(),
            _ => {}
        }
    }
    // Go has an address of four bytes in sixteen.
    Ok(ip.map(|ip| match (ip.to_canonical(), port) {
        (ip, Some(port)) => SocketAddr::new(ip, port).to_string(),
        (ip, None) => ip.to_string(),
    }))
}

fn to_span(bytes: &[u8]) -> Result<SpanContext, Broken> {
    let mut span = SpanContext::default();
    for field in fields(bytes) {
        let Field { number, value, .. } = field?;
        match (number, value) {
            (1, Value::Bytes(id)) => span.trace_id = id.try_into().map_err(|_| Broken)?,
            (2, Value::Bytes(id)) => span.span_id = id.try_into().map_err(|_| Broken)?,
            (3, Value::Four(flags)) => span.flags = flags.to_le_bytes()[0],
            (4, Value::Bytes(state)) => {
                span.trace_state = String::from_utf8_lossy(state).into_owned();
            }
            (5, Value::Number(remote)) => span.remote = remote != 0,
            _ => {}
        }
    }
    Ok(span)
}
