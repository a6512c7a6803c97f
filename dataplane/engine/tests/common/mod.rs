//! A host for tests: the other side of a lane's link, over real rings between two threads.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

pub mod cases;
pub mod otlp;
pub mod units;

use arrow_array::RecordBatch;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use strait_engine::{Failure, Lane, LaneConfig, LaneStatus, Unit, UnitMember, Upcalls};
use strait_records::{Batch, Encoding, Header, ReceivedSchemas, Signal, Variable, Writer, writer};
use strait_ringbuf::{
    Consumer, Geometry, Handle, HostPending, Identity, Message, Options, Producer, accept,
};

/// How long a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The link's number in all tests.
pub const LINK: u16 = 7;
/// Most edges of a test's unit.
const EDGES: u16 = 4;

/// What came over the control channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    Failed(u64, Failure),
    Cancel(u64),
    Status(LaneStatus, String),
}

struct Recorder(Mutex<Sender<Control>>);

impl Recorder {
    fn send(&self, control: Control) {
        // The test may have ended.
        let _ = self.0.lock().unwrap().send(control);
    }
}

impl Upcalls for Recorder {
    fn batch_failed(&self, call_id: u64, failure: &Failure) {
        self.send(Control::Failed(call_id, failure.clone()));
    }
    fn batch_cancel(&self, token: u64) {
        self.send(Control::Cancel(token));
    }
    fn status(&self, status: LaneStatus, message: &str) {
        self.send(Control::Status(status, message.to_owned()));
    }
}

/// A batch that came out.
pub struct Output {
    /// The edge by which it came.
    pub edge: u16,
    pub token: u64,
    pub call_id: u64,
    pub items: u32,
    pub signal: Signal,
    pub encoding: Encoding,
    /// OTLP bytes, or a difference.
    pub bytes: Vec<u8>,
    /// Records.
    pub tables: Vec<(u16, RecordBatch)>,
    pub metadata: usize,
    /// The batch itself, which keeps its slot, while [`Host::hold`] is set.
    pub held: Option<Batch>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Acked,
    /// By a difference.
    Answered,
    Failed(Failure),
}

/// One lane and the host's side of its link.
pub struct Host {
    pub producer: Producer,
    consumer: Consumer,
    schemas: ReceivedSchemas,
    writer: Writer,
    pub handle: Handle,
    pub lane: Arc<Lane>,
    control: Receiver<Control>,
    pub runtime: tokio::runtime::Runtime,
    next: u64,
    pub ends: HashMap<u64, Vec<End>>,
    pub outputs: Vec<Output>,
    pub events: Vec<Control>,
    /// Whether outputs keep their slots.
    pub hold: bool,
    /// What OTLP bytes hold.
    pub signal: Signal,
    /// The edge by which batches are sent.
    pub entry: u16,
    /// The edges by which they may come back.
    exits: Vec<u16>,
    pub members: Arc<[UnitMember]>,
    pub unit: Arc<Unit>,
}

/// A unit specification for these nodes.
pub fn spec(nodes: Value) -> Value {
    units::of_nodes("logs", "best_effort", nodes)
}

/// Both sides of a link are this test.
#[allow(unsafe_code)]
fn both_sides() -> strait_ringbuf::Trust {
    // SAFETY: both sides run the ring and the records of this repository in one process.
    unsafe { strait_ringbuf::Trust::trusted() }
}

pub struct Setup {
    pub spec: Value,
    pub descriptors: u32,
    pub blocks: u32,
    pub max_wait: Duration,
    /// Batches of no call that the host takes before it has answered one.
    pub credit: usize,
    /// Changes the unit after its specification was checked.
    pub tweak: fn(&mut Unit),
    /// The unit, where a lane before this one had it.
    pub unit: Option<Arc<Unit>>,
}

impl Setup {
    pub fn new(spec: Value) -> Self {
        Self {
            spec,
            descriptors: 256,
            blocks: 1024,
            max_wait: Duration::from_secs(5),
            credit: 64,
            tweak: |_| {},
            unit: None,
        }
    }

    pub fn start(self) -> Host {
        self.try_start()
            .unwrap_or_else(|failure| panic!("{failure}"))
    }

    pub fn try_start(self) -> Result<Host, Failure> {
        let read = || {
            let mut unit = Unit::read(&self.spec).unwrap_or_else(|findings| panic!("{findings:?}"));
            (self.tweak)(&mut unit);
            Arc::new(unit)
        };
        let unit = self.unit.clone().unwrap_or_else(read);
        let exits = unit.exits().map(|exit| exit.number).collect();
        let members = Arc::clone(&unit.members);
        let geometry = Geometry::new(self.descriptors, self.blocks).unwrap();
        let mut options = Options::new(Identity {
            session: 1,
            epoch: 1,
            geometry,
        });
        options.trust = both_sides();
        (options.edges_in, options.edges_out) = (EDGES, EDGES);
        let pending = HostPending::create(&options).unwrap();
        let fds = pending.fds().try_map(|fd| fd.try_clone_to_owned()).unwrap();
        let (peer, answer) = accept(&options, fds).unwrap();
        let (producer, consumer, handle) = pending.complete(&answer).unwrap().split();
        let (sender, control) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let lane = runtime.block_on(Lane::start(LaneConfig {
            unit: Arc::clone(&unit),
            index: 0,
            link: peer,
            descriptors: self.descriptors,
            link_number: LINK,
            epoch: 1,
            max_wait: self.max_wait,
            credit: self.credit,
            upcalls: Arc::new(Recorder(Mutex::new(sender))),
        }))?;
        Ok(Host {
            producer,
            consumer,
            schemas: ReceivedSchemas::new(),
            writer: Writer::new(),
            handle,
            lane: Arc::new(lane),
            control,
            runtime,
            next: 0,
            ends: HashMap::new(),
            outputs: Vec::new(),
            events: Vec::new(),
            hold: false,
            signal: Signal::Logs,
            entry: units::ENTRY,
            exits,
            members,
            unit,
        })
    }
}

impl Host {
    pub fn start(nodes: Value) -> Self {
        Setup::new(spec(nodes)).start()
    }

    /// A fresh call id.
    pub fn call_id(&mut self) -> u64 {
        self.next += 1;
        u64::from(LINK) << 48 | 1 << 40 | self.next
    }

    /// Sends OTLP logs; gives the call id.
    pub fn call(&mut self, otlp: &[u8]) -> u64 {
        let id = self.call_id();
        self.send(id, otlp, None);
        id
    }

    /// Sends OTLP logs under this call id.
    pub fn send(&mut self, id: u64, otlp: &[u8], timeout: Option<Duration>) {
        assert!(self.try_send(id, otlp, timeout), "the ring is full");
    }

    pub fn try_send(&mut self, id: u64, otlp: &[u8], timeout: Option<Duration>) -> bool {
        let mut header = Header::new(self.signal, Encoding::Otlp, 1);
        header.call_id = id;
        header.deadline_ns = timeout.map_or(0, |timeout| {
            strait_ringbuf::handshake::clock_ns() + timeout.as_nanos() as u64
        });
        let mut variable = Variable::new();
        variable.add(b"tenant", [b"acme"]).unwrap();
        variable
            .add(b".strait-call", [b"0123456789abcdef"])
            .unwrap();
        self.try_send_with(header, &variable, otlp)
    }

    /// Sends OTLP bytes with this header; false: the ring is full.
    pub fn try_send_with(&mut self, header: Header, variable: &Variable, otlp: &[u8]) -> bool {
        let id = header.call_id;
        let len = writer::payload_slot_len(variable, otlp.len()).unwrap();
        let mut claim = match self.producer.claim(len) {
            Ok(claim) => claim,
            Err(strait_ringbuf::Error::Full(_)) => return false,
            Err(error) => panic!("{error}"),
        };
        let used = writer::write_payload(&mut claim, &header, variable, otlp).unwrap();
        self.producer.publish(claim, self.entry, id, used).unwrap();
        true
    }

    /// Sends logs as records; gives the call id.
    pub fn call_records(&mut self, tables: &[(u16, RecordBatch)], projected: bool) -> u64 {
        let id = self.call_id();
        let mut header = Header::new(Signal::Logs, Encoding::Records, 0);
        header.call_id = id;
        header.projected = projected;
        let plan = self.writer.plan(header, Variable::new(), tables).unwrap();
        let due = self.writer.schemas().unpublished();
        let due: Vec<_> = due
            .map(|schema| (schema.id(), schema.preamble().to_vec()))
            .collect();
        for (schema, preamble) in due {
            let mut claim = self.producer.claim_preamble(preamble.len()).unwrap();
            claim[..preamble.len()].copy_from_slice(&preamble);
            self.producer.publish(claim, 0, 0, preamble.len()).unwrap();
            self.writer.schemas_mut().mark_published(schema);
        }
        let mut claim = self.producer.claim(plan.len()).unwrap();
        let used = plan.write(&mut claim).unwrap();
        self.producer.publish(claim, self.entry, id, used).unwrap();
        id
    }

    /// Reads what comes until `done`, from the ring and from control.
    pub fn until(&mut self, what: &str, done: impl FnMut(&Self) -> bool) {
        let came = self.wait(PATIENCE, done);
        assert!(came, "waited in vain for {what}: {:?}", self.ends);
    }

    /// Reads what comes until `done`, or until the time is over; says which.
    pub fn wait(&mut self, time: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let limit = Instant::now() + time;
        loop {
            self.poll();
            if done(self) {
                return true;
            }
            if Instant::now() >= limit {
                return false;
            }
            // Wakes for the ring; control is looked at in between.
            let soon = Instant::now() + Duration::from_millis(2);
            if let Ok(Some(message)) = self.consumer.recv_until_blocking(soon) {
                self.take(message);
            }
        }
    }

    /// Takes what is there now.
    pub fn poll(&mut self) {
        while let Ok(Some(message)) = self.consumer.try_recv() {
            self.take(message);
        }
        self.poll_control();
    }

    /// Takes what came over the control channel, and leaves the ring alone.
    pub fn poll_control(&mut self) {
        while let Ok(control) = self.control.try_recv() {
            match control {
                Control::Failed(id, failure) => {
                    self.handle.settle();
                    self.ends.entry(id).or_default().push(End::Failed(failure));
                }
                other => self.events.push(other),
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Ack { call_id } => {
                self.ends.entry(call_id).or_default().push(End::Acked);
            }
            Message::Batch {
                lease,
                call_id,
                edge,
                ..
            } => {
                assert!(self.exits.contains(&edge), "an output came by edge {edge}");
                let batch = Batch::leased(lease).unwrap();
                let header = *batch.header();
                let tables = match header.encoding {
                    Encoding::Records => batch.records(&self.schemas).unwrap(),
                    _ => Vec::new(),
                };
                if header.encoding == Encoding::Difference {
                    assert_eq!(call_id, header.call_id, "a difference names its call");
                    self.handle.settle();
                    self.ends.entry(call_id).or_default().push(End::Answered);
                }
                self.outputs.push(Output {
                    edge,
                    token: call_id,
                    call_id: header.call_id,
                    items: header.items,
                    signal: header.signal,
                    encoding: header.encoding,
                    bytes: batch.payload().unwrap().to_vec(),
                    tables,
                    metadata: batch.metadata().unwrap().count(),
                    held: Some(batch).filter(|_| self.hold),
                });
            }
            Message::Preamble(lease) => {
                self.schemas.publish(&lease).unwrap();
            }
            other => panic!("not expected: {other:?}"),
        }
    }

    /// Waits for the next output.
    pub fn output(&mut self) -> Output {
        self.until("an output", |host| !host.outputs.is_empty());
        self.outputs.remove(0)
    }

    /// Acks an output.
    pub fn ack(&mut self, token: u64) {
        self.producer.send_ack(token).unwrap();
    }

    /// Fails an output over control.
    pub fn fail(&mut self, token: u64, failure: Failure) {
        self.handle.answered();
        self.lane.failed(token, failure);
    }

    /// Waits until a call has ended.
    pub fn end(&mut self, id: u64) -> End {
        self.until("a call's end", |host| host.ends.contains_key(&id));
        self.ends[&id][0].clone()
    }

    /// Shuts the lane down and checks that each of these calls has ended exactly once.
    pub fn finish(mut self, calls: &[u64], drain: Duration) -> HashMap<u64, Vec<End>> {
        let deadline = Instant::now() + drain;
        let counters = self.runtime.block_on(self.lane.shutdown(deadline));
        assert!(counters.is_some(), "the lane did not end in order");
        self.poll();
        for id in calls {
            let ends = self.ends.get(id).map_or(0, Vec::len);
            assert_eq!(
                ends,
                1,
                "call {id:#x} ended {ends} times: {:?}",
                self.ends.get(id)
            );
        }
        assert_eq!(
            self.ends.len(),
            calls.len(),
            "a call ended that was never made"
        );
        assert_eq!(self.handle.leased_bytes(), 0);
        self.ends
    }
}
