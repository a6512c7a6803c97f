//! Operations from `op_start` to `op_done`, through the real tables: these tests are the host.
#![allow(unsafe_code)] // the tables' functions are C functions

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, OnceLock};

use proptest::prelude::*;
use rust2go::{FromRef, ListRef, StringRef, ToRef};
use serde_json::Value;

use super::*;
use crate::idl::calls::{HostTable, PeerCalls as _, PeerCallsImpl, PeerTable, ABI};
use crate::idl::{
    FailureMessage, FailureMessageRef, LogMessage, LogMessageRef, OpDone, OpDoneRef, OpStartRef,
};
use crate::{BoxFuture, Failure};

/// What the host was told.
#[derive(Default)]
struct Told {
    done: HashMap<u64, Vec<(u32, Vec<u8>)>>,
    failures: HashMap<u64, Failure>,
    logs: Vec<String>,
    asked: Vec<(u64, Vec<u8>)>,
    cancelled: Vec<u64>,
}

static TOLD: Mutex<Option<Told>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

fn told<T>(f: impl FnOnce(&mut Told) -> T) -> T {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let result = f(told.get_or_insert_default());
    CHANGED.notify_all();
    result
}

unsafe extern "C" fn op_done(done: OpDoneRef) {
    let done = OpDone::from_ref(&done);
    told(|t| {
        t.done
            .entry(done.op_id)
            .or_default()
            .push((done.class_code, done.payload))
    });
}
unsafe extern "C" fn batch_failed(call_id: u64, failure: FailureMessageRef) {
    told(|t| {
        t.failures
            .insert(call_id, FailureMessage::from_ref(&failure).into())
    });
}
unsafe extern "C" fn batch_cancel(_: u64) {}
unsafe extern "C" fn log(line: LogMessageRef) {
    told(|t| t.logs.push(LogMessage::from_ref(&line).message));
}
unsafe extern "C" fn status(_: u64, _: u32, _: StringRef) {}
unsafe extern "C" fn host_op_start(start: OpStartRef) {
    let start = OpStart::from_ref(&start);
    told(|t| t.asked.push((start.op_id, start.payload)));
}
unsafe extern "C" fn host_op_cancel(op_id: u64) {
    told(|t| t.cancelled.push(op_id));
}
unsafe extern "C" fn measured(_: u64, _: ListRef) {}
/// Knows the spans of handle 1; of handle 2's it answers to another one's.
unsafe extern "C" fn span_start(token: u64, handle: u64, _: ListRef) {
    match handle {
        1 => PeerCallsImpl::span_started(token, 1, 2, 3, 1),
        2 => PeerCallsImpl::span_started(token + 1, 1, 2, 3, 1),
        _ => {}
    }
}
unsafe extern "C" fn span_end(_: u64, _: u64, _: ListRef) {}

const HOST: HostTable = HostTable {
    op_done,
    batch_failed,
    batch_cancel,
    log,
    status,
    op_start: host_op_start,
    op_cancel: host_op_cancel,
    measured,
    span_start,
    span_end,
};

/// What the operations under test do: the payload is `{"do": ..}`.
struct TestPeer;

impl TestPeer {
    fn run(operation: &Operation) -> OpResult {
        match serde_json::from_slice::<Value>(&operation.payload).unwrap_or_default()["do"].as_str()
        {
            Some("panic") => panic!("boom {}", operation.handle),
            Some("fail") => Err(OperationError::new(Class::Refused, "not now").at("node")),
            _ => Ok(operation.payload.clone()),
        }
    }
}

/// Panics when it is dropped.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("bug in a destructor");
    }
}

impl Peer for TestPeer {
    fn inline(&self, operation: Operation) -> OpResult {
        Self::run(&operation)
    }
    fn spawn(&self, operation: Operation) -> BoxFuture<OpResult> {
        assert!(operation.kind != OpKind::Capability, "no capabilities here");
        Box::pin(async move {
            let _fragile = (operation.payload == b"fragile").then(|| Fragile);
            if matches!(&operation.payload[..], b"hang" | b"fragile") {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            Self::run(&operation)
        })
    }
    fn batch_cancel(&self, call_id: u64) {
        panic!("cannot cancel {call_id}");
    }
    fn batch_failed(&self, call_id: u64, failure: Failure) {
        host::batch_failed(call_id, &failure);
    }
}

fn bind() -> (u32, MaybeUninit<PeerTable>) {
    let mut table = MaybeUninit::uninit();
    let (host, out) = (size_of::<HostTable>(), size_of::<PeerTable>());
    // SAFETY: both tables are ours.
    let rc = unsafe {
        crate::entry(ABI, &HOST, host, table.as_mut_ptr(), out, || {
            Box::new(TestPeer)
        })
    };
    (rc, table)
}

fn table() -> &'static PeerTable {
    static TABLE: OnceLock<PeerTable> = OnceLock::new();
    TABLE.get_or_init(|| {
        let (rc, table) = bind();
        assert_eq!(rc, crate::ENTRY_OK);
        // SAFETY: ENTRY_OK means that it was filled.
        unsafe { table.assume_init() }
    })
}

/// Starts an operation as the host does, and gives its id.
fn start_op(kind: u32, timeout_ns: u64, payload: &[u8]) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let op_id = NEXT.fetch_add(1, Relaxed);
    let owner = OpStart {
        op_id,
        handle: 7,
        kind,
        timeout_ns,
        payload: payload.to_vec(),
    };
    let (_keep, message) = owner.calc_ref();
    let arguments = [std::ptr::from_ref(&message).cast::<()>()];
    // SAFETY: one argument of the type in the IDL, alive during the call.
    unsafe { (table().op_start)(arguments.as_ptr()) };
    op_id
}

fn cancel_op(op_id: u64) {
    let arguments = [std::ptr::from_ref(&op_id).cast::<()>()];
    // SAFETY: as above.
    unsafe { (table().op_cancel)(arguments.as_ptr()) };
}

/// Waits for the one end of an operation.
fn end_of(op_id: u64) -> (u32, Vec<u8>) {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let missing = |t: &mut Option<Told>| t.as_ref().is_none_or(|t| !t.done.contains_key(&op_id));
    let told = CHANGED
        .wait_while(told, missing)
        .unwrap_or_else(PoisonError::into_inner);
    let ends = told
        .as_ref()
        .map(|t| t.done[&op_id].clone())
        .unwrap_or_default();
    assert_eq!(ends.len(), 1, "operation {op_id} ended more than once");
    ends[0].clone()
}

fn message_of(payload: &[u8]) -> String {
    let json: Value =
        serde_json::from_slice(payload).expect("a failed operation's payload is JSON");
    json["message"].as_str().expect("message").to_owned()
}

const DESCRIBE: u32 = OpKind::Describe as u32;
const START: u32 = OpKind::Start as u32;

// Guarantees: inline operations have ended when op_start returns, panics included.
#[test]
fn inline_operations_end_before_the_call_returns() {
    for (payload, class) in [
        (&b"{}"[..], CLASS_OK),
        (br#"{"do":"fail"}"#, Class::Refused.code()),
        (br#"{"do":"panic"}"#, Class::Internal.code()),
    ] {
        let id = start_op(DESCRIBE, 0, payload);
        let ends = told(|t| t.done.get(&id).cloned()).expect("ended");
        assert_eq!((ends.len(), ends[0].0), (1, class));
    }
}

// Guarantees: the reply, the error and the panic of an asynchronous operation reach the host.
#[test]
fn asynchronous_operations_report_what_happened() {
    assert_eq!(
        end_of(start_op(START, 0, b"[1]")),
        (CLASS_OK, b"[1]".to_vec())
    );
    let (class, payload) = end_of(start_op(START, 0, br#"{"do":"fail"}"#));
    let json: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(class, Class::Refused.code());
    assert_eq!(
        json,
        serde_json::json!({"message": "not now", "component": "node", "errors": []})
    );
    let (class, payload) = end_of(start_op(START, 0, br#"{"do":"panic"}"#));
    assert_eq!(class, Class::Internal.code());
    assert!(
        message_of(&payload).contains("panic in start of handle 7: boom 7"),
        "{}",
        message_of(&payload)
    );
}

// Guarantees: a panic while the future is made is that operation's error.
#[test]
fn panic_in_spawn_ends_the_operation() {
    let (class, payload) = end_of(start_op(OpKind::Capability as u32, 0, b""));
    assert_eq!(class, Class::Internal.code());
    assert!(message_of(&payload).contains("no capabilities here"));
}

// Guarantees: cancel and deadline end an operation that would never end by itself.
#[test]
fn hanging_operations_end_by_cancel_or_deadline() {
    let id = start_op(START, 0, b"hang");
    cancel_op(id);
    assert_eq!(end_of(id).0, Class::Cancelled.code());
    cancel_op(id); // has ended: nothing happens
    assert_eq!(end_of(id).0, Class::Cancelled.code());
    assert_eq!(
        end_of(start_op(START, 1_000_000, b"hang")).0,
        Class::Deadline.code()
    );
}

// Guarantees: an operation whose task dies in its destructors still ends: the guard's own end.
#[test]
fn task_that_dies_ends_the_operation() {
    let id = start_op(START, 0, b"fragile");
    cancel_op(id);
    let (class, payload) = end_of(id);
    assert_eq!(class, Class::Internal.code());
    assert!(
        message_of(&payload).contains("dropped before it ended"),
        "{}",
        message_of(&payload)
    );
}

// Guarantees: a kind of a newer host, and a payload made to exhaust the stack, are errors.
#[test]
fn bad_operations_are_refused() {
    for kind in [0, 99, u32::MAX] {
        let (class, payload) = end_of(start_op(kind, 0, b"{}"));
        assert_eq!(class, Class::Permanent.code());
        assert!(message_of(&payload).contains(&format!("operation kind {kind} is not known")));
    }
    let limit = Operation::PAYLOAD_DEPTH_MAX;
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert_eq!(
        end_of(start_op(DESCRIBE, 0, nested(limit).as_bytes())).0,
        CLASS_OK
    );
    let (class, payload) = end_of(start_op(DESCRIBE, 0, nested(limit + 1).as_bytes()));
    assert_eq!(class, Class::Permanent.code());
    assert!(message_of(&payload).contains("nests 97 levels deep, the limit is 96"));
}

// Guarantees: whatever mixture of ends races, each operation gets one, and nothing stays behind.
#[test]
fn racing_ends_leave_one_each() {
    let ids: Vec<u64> = (0..2_000u64)
        .map(|i| {
            let payload: &[u8] = match i % 5 {
                0 => b"{}",
                1 => br#"{"do":"panic"}"#,
                2 => br#"{"do":"fail"}"#,
                _ => b"hang",
            };
            let id = start_op(START, if i % 5 == 3 { 1 + i * 500 } else { 0 }, payload);
            if i % 5 == 4 || i % 3 == 0 {
                cancel_op(id);
            }
            id
        })
        .collect();
    for &id in &ids {
        end_of(id);
    }
    assert!(ids.iter().all(|id| !running().contains_key(id)));
}

// Guarantees: a batch's failure crosses both ways unchanged; a panic in such a call is logged.
#[test]
fn batch_calls_reach_the_peer() {
    let failure = Failure {
        grpc_code: 14,
        rejected_items: 3,
        ..Failure::new(Class::Unavailable, "gone")
    };
    let call_id = 0x0001_0100_0000_0001_u64;
    let owner = FailureMessage::from(&failure);
    let (_keep, message) = owner.calc_ref();
    let arguments = [
        std::ptr::from_ref(&call_id).cast::<()>(),
        std::ptr::from_ref(&message).cast(),
    ];
    // SAFETY: the two arguments of the IDL, alive during the call.
    unsafe { (table().batch_failed)(arguments.as_ptr()) };
    assert_eq!(told(|t| t.failures.remove(&call_id)), Some(failure));
    // SAFETY: its one argument, alive during the call.
    unsafe { (table().batch_cancel)(arguments.as_ptr()) };
    assert!(told(|t| {
        t.logs
            .iter()
            .any(|l| l.contains("panic in batch_cancel of 0x1010000000001"))
    }));
}

// Guarantees: what does not fit is refused before anything is read, written or constructed.
#[test]
fn entry_refuses_strangers() {
    table();
    assert_eq!(bind().0, crate::ENTRY_BOUND_TWICE);
    let (host, out) = (size_of::<HostTable>(), size_of::<PeerTable>());
    let mut table = MaybeUninit::uninit();
    let mut entry = |abi, host_table, host_size, out_size| {
        let never = || -> Box<dyn Peer> { unreachable!("refused") };
        // SAFETY: the tables are ours, or refused before they are touched.
        unsafe {
            crate::entry(
                abi,
                host_table,
                host_size,
                table.as_mut_ptr(),
                out_size,
                never,
            )
        }
    };
    assert_eq!(entry(ABI ^ 1, &HOST, host, out), crate::ENTRY_OTHER_IDL);
    assert_eq!(entry(ABI, &HOST, host - 8, out), crate::ENTRY_OTHER_TABLES);
    assert_eq!(entry(ABI, &HOST, host, out + 8), crate::ENTRY_OTHER_TABLES);
    assert_eq!(
        entry(ABI, std::ptr::null(), host, out),
        crate::ENTRY_OTHER_TABLES
    );
}

// Guarantees: a text that was changed and not generated anew does not pass as the old one.
#[test]
fn hash_is_of_this_text() {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let text = format!("1\n{}", include_str!("idl.rs"));
    assert_eq!(
        text.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fnv),
        ABI,
        "run dataplane/control/regen.sh"
    );
}

proptest! {
    // Guarantees: the scan finds the depth that the JSON has, whatever its strings hold.
    #[test]
    fn depth_is_that_of_the_json(depth in 0usize..200, text: String) {
        let mut value = Value::String(text);
        for i in 0..depth {
            value = match i % 2 {
                0 => serde_json::json!([value]),
                _ => serde_json::json!({"[": value}),
            };
        }
        prop_assert_eq!(json_depth(value.to_string().as_bytes()), depth);
    }

    // Guarantees: bytes that are no JSON are scanned without a panic.
    #[test]
    fn depth_of_garbage_is_bounded(bytes: Vec<u8>) {
        prop_assert!(json_depth(&bytes) <= bytes.len());
    }
}

/// Asks the host, and answers for it as `answer` says; the id is the operation's.
fn ask(payload: &'static [u8], limit: Duration, answer: Option<(u32, &[u8])>) -> (u64, OpResult) {
    table();
    let runtime = runtime().unwrap();
    let asked = runtime.spawn(host::operate(
        1,
        OpKind::Capability,
        payload.to_vec(),
        limit,
    ));
    let id = loop {
        let found = told(|t| t.asked.iter().find(|a| a.1 == payload).map(|a| a.0));
        if let Some(id) = found {
            break id;
        }
        std::thread::yield_now();
    };
    if let Some((class_code, payload)) = answer {
        let done = || OpDone {
            op_id: id,
            class_code,
            payload: payload.to_vec(),
        };
        crate::host::done(done());
        crate::host::done(done()); // a second end is nobody's
    }
    (id, runtime.block_on(asked).unwrap())
}

// Guarantees: the host's answer is the operation's end, with its class and component.
#[test]
fn the_host_answers_what_it_is_asked() {
    let minute = Duration::from_secs(60);
    assert_eq!(ask(b"a", minute, Some((0, b"reply"))).1.unwrap(), b"reply");
    let text = br#"{"message":"not now","component":"c","errors":null}"#;
    let error = ask(b"b", minute, Some((3, text))).1.unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert_eq!(error.to_string(), "c: not now");
    let unreadable = ask(b"c", minute, Some((1, b"?"))).1.unwrap_err();
    assert!(unreadable.message.contains('?'), "{unreadable}");
}

// Guarantees: a host that does not answer is given up at the limit, and told so.
#[test]
fn a_silent_host_is_given_up_and_told() {
    let (id, result) = ask(b"silent", Duration::from_millis(20), None);
    assert_eq!(result.unwrap_err().class, Class::Deadline);
    assert!(told(|t| t.cancelled.contains(&id)));
}

// Guarantees: a span is who the host says while it is asked; of a host that knows none, or answers
// to something else, there is no span.
#[test]
fn a_span_is_who_the_host_says() {
    table();
    let span = host::span_start(1, b"{}".to_vec()).unwrap();
    assert_eq!(span.trace_id, (1_u128 << 64 | 2).to_be_bytes());
    assert_eq!((span.span_id, span.flags), (3_u64.to_be_bytes(), 1));
    assert_ne!(
        host::span_start(1, b"{}".to_vec()).unwrap().token,
        span.token
    );
    assert_eq!(host::span_start(2, b"{}".to_vec()), None);
    assert_eq!(host::span_start(3, b"{}".to_vec()), None);
    host::span_end(span.token, 1, b"{}".to_vec());
}
