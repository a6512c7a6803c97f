//! One library, two ways in and out: the control channel (rust2go), and the same calls in C,
//! written by hand. Both make the same values: what is compared is how they cross.
#![allow(unsafe_code)] // the C interface is what is measured

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_char;
use std::hint::black_box;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strait_control::host::{self, Level, LogRecord};
use strait_control::memory::CountingAllocator;
use strait_control::{
    BoxFuture, Class, Failure, OpKind, OpResult, Operation, OperationError, Peer,
};

struct BenchPeer;

/// So that a call has an effect.
static CALLS: AtomicU64 = AtomicU64::new(0);

impl Peer for BenchPeer {
    /// Writes as many log lines as the handle says.
    fn inline(&self, operation: Operation) -> OpResult {
        if operation.kind == OpKind::Validate {
            for _ in 0..operation.handle {
                host::log(LogRecord {
                    level: Level::Info,
                    target: "bench".to_owned(),
                    place: (file!().to_owned(), line!()),
                    message: "a line of ordinary length".to_owned(),
                    fields_json: "{\"n\":1}".to_owned(),
                    handle: 1,
                });
            }
        }
        Ok(operation.payload)
    }

    fn spawn(&self, operation: Operation) -> BoxFuture<OpResult> {
        let message = format!("{} is not measured", operation.kind);
        Box::pin(async move { Err(OperationError::new(Class::Permanent, message)) })
    }

    fn batch_cancel(&self, call_id: u64) {
        CALLS.fetch_add(call_id, Ordering::Relaxed);
    }

    fn batch_failed(&self, call_id: u64, failure: Failure) {
        host::batch_failed(call_id, &failure);
    }
}

strait_control::export_entry!(|| Box::new(BenchPeer));

/// A failure as a hand-written header has it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CFailure {
    class: u32,
    grpc: u32,
    http: u32,
    delay_ns: u64,
    rejected: u64,
    message: *const c_char,
    message_len: usize,
    component: *const c_char,
    component_len: usize,
}

/// A log line as a hand-written header has it.
#[repr(C)]
pub struct CLine {
    level: u32,
    target: *const c_char,
    target_len: usize,
    message: *const c_char,
    message_len: usize,
    fields: *const c_char,
    fields_len: usize,
    handle: u64,
}

/// The host's functions.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CHost {
    failed: unsafe extern "C" fn(u64, CFailure),
    log: unsafe extern "C" fn(CLine),
    done: unsafe extern "C" fn(u64, *const u8, usize),
}

static HOST: OnceLock<CHost> = OnceLock::new();

/// Keeps the host's functions.
#[unsafe(no_mangle)]
pub extern "C" fn raw_bind(host: CHost) {
    let _ = HOST.set(host);
}

/// What `batch_cancel` does.
#[unsafe(no_mangle)]
pub extern "C" fn raw_batch_cancel(call_id: u64) {
    CALLS.fetch_add(call_id, Ordering::Relaxed);
}

/// # Safety
/// `text` points to `len` bytes, or `len` is 0.
unsafe fn owned(text: *const c_char, len: usize) -> String {
    if len == 0 {
        return String::new();
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice::from_raw_parts(text.cast::<u8>(), len) };
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `batch_failed` does: makes the failure, and sends it back.
///
/// # Safety
/// The texts live during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn raw_batch_failed(call_id: u64, f: CFailure) {
    // SAFETY: the caller's promise.
    let (message, component) = unsafe {
        (
            owned(f.message, f.message_len),
            owned(f.component, f.component_len),
        )
    };
    let mut failure = Failure::new(Class::from_code(f.class), message).at(component);
    failure.grpc_code = f.grpc;
    failure.http_code = f.http;
    failure.retry_delay = Duration::from_nanos(f.delay_ns);
    failure.rejected_items = f.rejected;
    let failure = black_box(failure);
    let Some(host) = HOST.get() else { return };
    let back = CFailure {
        class: failure.class.code(),
        grpc: failure.grpc_code,
        http: failure.http_code,
        delay_ns: u64::try_from(failure.retry_delay.as_nanos()).unwrap_or(u64::MAX),
        rejected: failure.rejected_items,
        message: failure.message.as_ptr().cast(),
        message_len: failure.message.len(),
        component: failure.component.as_ptr().cast(),
        component_len: failure.component.len(),
    };
    // SAFETY: the host copies before it returns; the texts live until then.
    unsafe { (host.failed)(call_id, back) };
}

/// What an inline operation does: takes the payload, and gives it back.
///
/// # Safety
/// `payload` points to `len` bytes that live during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn raw_operation(id: u64, payload: *const u8, len: usize) {
    // SAFETY: the caller's promise.
    let payload = black_box(unsafe { slice::from_raw_parts(payload, len) }.to_vec());
    let Some(host) = HOST.get() else { return };
    // SAFETY: as above.
    unsafe { (host.done)(id, payload.as_ptr(), payload.len()) };
}

/// Writes this many log lines.
#[unsafe(no_mangle)]
pub extern "C" fn raw_lines(lines: u64) {
    let Some(host) = HOST.get() else { return };
    for _ in 0..lines {
        let (target, message, fields) = black_box((
            "bench".to_owned(),
            "a line of ordinary length".to_owned(),
            "{\"n\":1}".to_owned(),
        ));
        let line = CLine {
            level: Level::Info as u32,
            target: target.as_ptr().cast(),
            target_len: target.len(),
            message: message.as_ptr().cast(),
            message_len: message.len(),
            fields: fields.as_ptr().cast(),
            fields_len: fields.len(),
            handle: 1,
        };
        // SAFETY: as above.
        unsafe { (host.log)(line) };
    }
}

/// Allocates and frees 64 bytes this many times, with the allocator that counts or with the
/// system's.
#[unsafe(no_mangle)]
pub extern "C" fn raw_allocate(counted: bool, rounds: u64) {
    fn run(allocator: &impl GlobalAlloc, rounds: u64) {
        let layout = Layout::new::<[u64; 8]>();
        for _ in 0..rounds {
            // SAFETY: the layout is not empty; the block is the same allocator's, and is freed
            // once.
            unsafe { allocator.dealloc(black_box(allocator.alloc(layout)), layout) };
        }
    }
    if counted {
        run(&CountingAllocator, rounds);
    } else {
        run(&System, rounds);
    }
}
