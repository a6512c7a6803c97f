//! One side of a link as a process of its own, for tests across processes and languages.
//!
//! `pair host` and `pair peer` speak over a unix stream socket that they find as file descriptor 3.
//! The handshake is that of protocol section 8.1. Then the host publishes batches; the peer checks
//! each one, publishes it back, and acks it when the host has acked the copy. A batch starts with
//! the CRC-32 of the rest (u32), 4 zeros and its call id (u64); the copy's descriptor carries the
//! call id with bit 63 set. At the end each side prints one JSON line: how the link ended, and what
//! it sent and received. Exit status 0 means that nothing was wrong or lost up to that end.
//!
//! `--kill-after N` ends the process without a word after N received messages.

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::fd::FromRawFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use strait_ringbuf::handshake::{clock_ns, socket};
use strait_ringbuf::{
    Code, Consumer, Error, Geometry, Handle, Identity, Lease, Link, Message, Options, Policy,
    Producer, Trust,
};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

type Failure = Box<dyn std::error::Error>;

/// Bit 63 of a call id: the peer started it.
const PEER: u64 = 1 << 63;
/// Bytes of a batch before its filler.
const PREFIX_BYTES: usize = 16;
/// How long a side waits for room, or for anything at all, before it calls the ring broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the command line says.
struct Arguments {
    is_host: bool,
    batches: u64,
    batch_bytes_max: usize,
    descriptors: u32,
    blocks: u32,
    kill_after: Option<u64>,
    trust: Trust,
    policy: Policy,
}

#[allow(unsafe_code)]
fn trusted() -> Trust {
    // SAFETY: whoever starts the two sides of an example or a test has chosen both programs; they
    // keep R-18 and publish no text. `--untrusted` is for others.
    unsafe { Trust::trusted() }
}

fn arguments() -> Result<Arguments, Failure> {
    let mut words = std::env::args().skip(1);
    let is_host = match words.next().as_deref() {
        Some("host") => true,
        Some("peer") => false,
        other => return Err(format!("expected `host` or `peer`, found {other:?}").into()),
    };
    let mut parsed = Arguments {
        is_host,
        batches: 10_000,
        batch_bytes_max: 20_000,
        descriptors: 64,
        blocks: 256,
        kill_after: None,
        trust: trusted(),
        policy: Policy::Efficient,
    };
    while let Some(option) = words.next() {
        let mut value = || words.next().ok_or(format!("`{option}` needs a value"));
        match option.as_str() {
            "--batches" => parsed.batches = value()?.parse()?,
            "--batch-bytes-max" => parsed.batch_bytes_max = value()?.parse()?,
            "--descriptors" => parsed.descriptors = value()?.parse()?,
            "--blocks" => parsed.blocks = value()?.parse()?,
            "--kill-after" => parsed.kill_after = Some(value()?.parse()?),
            "--untrusted" => parsed.trust = Trust::UNTRUSTED,
            "--latency" => parsed.policy = Policy::Latency,
            _ => return Err(format!("unknown option `{option}`").into()),
        }
    }
    Ok(parsed)
}

/// Makes this side's link, with the process at the other end of file descriptor 3.
#[allow(unsafe_code)]
fn join(arguments: &Arguments) -> Result<(Link, std::os::unix::net::UnixStream), Failure> {
    // SAFETY: whoever starts this process gives it the socket as descriptor 3, for it alone.
    let socket = unsafe { std::os::unix::net::UnixStream::from_raw_fd(3) };
    let options = |identity| Options {
        trust: arguments.trust,
        policy: arguments.policy,
        ..Options::new(identity)
    };
    let link = if arguments.is_host {
        let identity = Identity {
            session: clock_ns() ^ (u64::from(std::process::id()) << 32),
            epoch: 1,
            geometry: Geometry::new(arguments.descriptors, arguments.blocks)?,
        };
        socket::host(&socket, &options(identity))?
    } else {
        socket::peer(&socket, options)?
    };
    Ok((link, socket))
}

/// What a side has done, printed at the end.
#[derive(Default, serde::Serialize)]
struct Report {
    role: &'static str,
    ended: String,
    sent: u64,
    received: u64,
    acks_sent: u64,
    acks_received: u64,
}

struct Pair {
    arguments: Arguments,
    producer: Producer,
    handle: Handle,
    report: Report,
    /// Copies that the peer has to send.
    echoes: VecDeque<(u64, Lease)>,
    /// What is in flight, by the call id in the descriptor: what to ack when it is acked.
    open: HashMap<u64, Option<u64>>,
    /// Host: batches whose copy has not come back.
    expected: HashSet<u64>,
}

impl Pair {
    /// The length of the next batch to send, if there is one.
    fn next_length(&self) -> Option<usize> {
        if !self.arguments.is_host {
            return self.echoes.front().map(|(_, lease)| lease.len());
        }
        let call_id = self.report.sent + 1;
        let spread = self.arguments.batch_bytes_max.saturating_sub(PREFIX_BYTES) + 1;
        let filler = (call_id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) as usize % spread;
        (call_id <= self.arguments.batches).then_some(PREFIX_BYTES + filler)
    }

    fn send(&mut self, mut claim: strait_ringbuf::Claim, length: usize) -> Result<(), Error> {
        let call_id = match self.echoes.pop_front() {
            Some((call_id, lease)) => {
                claim[..length].copy_from_slice(&lease);
                self.open.insert(call_id | PEER, Some(call_id));
                call_id | PEER
            }
            None => {
                let call_id = self.report.sent + 1;
                write_batch(&mut claim[..length], call_id);
                self.open.insert(call_id, None);
                self.expected.insert(call_id);
                call_id
            }
        };
        self.report.sent += 1;
        self.producer.publish(claim, 0, call_id, length)
    }

    fn receive(&mut self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Batch { lease, call_id, .. } => {
                self.report.received += 1;
                check_batch(&lease, call_id & !PEER)?;
                if self.arguments.is_host {
                    let known = self.expected.remove(&(call_id & !PEER));
                    require(
                        known && call_id & PEER != 0,
                        "a copy that was not expected",
                        call_id,
                    )?;
                    drop(lease);
                    self.ack(call_id)?;
                } else {
                    self.echoes.push_back((call_id, lease));
                }
            }
            Message::Ack { call_id } => {
                self.report.acks_received += 1;
                let open = self.open.remove(&call_id);
                require(open.is_some(), "an ack to nothing", call_id)?;
                if let Some(Some(answered)) = open {
                    self.ack(answered)?;
                }
            }
            other => return Err(format!("unexpected {other:?}").into()),
        }
        let count = self.report.received + self.report.acks_received;
        if self.arguments.kill_after == Some(count) {
            // As a crash does: no close, no destructors.
            std::process::exit(9);
        }
        Ok(())
    }

    fn ack(&mut self, call_id: u64) -> Result<(), Error> {
        self.producer.send_ack(call_id)?;
        self.report.acks_sent += 1;
        Ok(())
    }

    fn is_done(&self) -> bool {
        let all_sent = self.arguments.is_host && self.next_length().is_none();
        all_sent && self.open.is_empty() && self.expected.is_empty()
    }

    async fn run(
        &mut self,
        consumer: &mut Consumer,
        socket: &mut UnixStream,
    ) -> Result<(), Failure> {
        let mut byte = [0];
        let mut alive = true;
        while !self.is_done() {
            let deadline = Instant::now() + PATIENCE;
            let length = self.next_length();
            tokio::select! {
                biased;
                message = consumer.recv() => self.receive(message?)?,
                claim = self.producer.until(deadline, |ring| ring.claim(length.unwrap_or(1))),
                    if length.is_some() => self.send(claim?, length.unwrap_or(1))?,
                read = socket.read(&mut byte), if alive => {
                    alive = matches!(read, Ok(count) if count > 0);
                    if !alive {
                        self.handle.peer_lost();
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => {
                    return Err("nothing has happened for too long: a wake-up was lost".into());
                }
            }
        }
        self.handle.close(Code::Closed);
        Ok(())
    }
}

fn write_batch(bytes: &mut [u8], call_id: u64) {
    bytes[4..8].fill(0);
    bytes[8..16].copy_from_slice(&call_id.to_le_bytes());
    let mut state = call_id.wrapping_mul(0xD134_2543_DE82_EF95) | 1;
    for chunk in bytes[16..].chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
    let crc = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
}

fn check_batch(bytes: &[u8], call_id: u64) -> Result<(), Failure> {
    require(
        bytes.len() >= PREFIX_BYTES,
        "a batch that is too short",
        call_id,
    )?;
    let crc = crc32fast::hash(&bytes[4..]).to_le_bytes();
    require(bytes[..4] == crc, "a wrong checksum", call_id)?;
    require(
        bytes[8..16] == call_id.to_le_bytes(),
        "another batch's bytes",
        call_id,
    )
}

fn require(holds: bool, otherwise: &str, call_id: u64) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(format!("{otherwise}, call {call_id:#x}").into())
    }
}

async fn exchange(
    arguments: Arguments,
    link: Link,
    mut socket: UnixStream,
) -> Result<Report, Failure> {
    let role = if arguments.is_host { "host" } else { "peer" };
    let (producer, mut consumer, handle) = link.split();
    let report = Report {
        role,
        ..Report::default()
    };
    let mut pair = Pair {
        arguments,
        producer,
        handle,
        report,
        echoes: VecDeque::new(),
        open: HashMap::new(),
        expected: HashSet::new(),
    };
    pair.report.ended = match pair.run(&mut consumer, &mut socket).await {
        Ok(()) => Code::Closed.to_string(),
        Err(failure) => match failure.downcast_ref::<Error>().and_then(Error::code) {
            // A link that ended in one of these ways has lost nothing that was promised.
            Some(code @ (Code::Closed | Code::PeerLost)) => code.to_string(),
            _ => return Err(failure),
        },
    };
    Ok(pair.report)
}

fn run() -> Result<(), Failure> {
    let arguments = arguments()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (link, socket) = join(&arguments)?;
    socket.set_nonblocking(true)?;
    let report = runtime
        .block_on(async { exchange(arguments, link, UnixStream::from_std(socket)?).await })?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("pair: {failure}");
            ExitCode::FAILURE
        }
    }
}
