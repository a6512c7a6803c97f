//! The interface of the control channel: every call that crosses it, and nothing else.
//!
//! This file is read twice: by rustc, through rust2go's macros, and by `rust2go-cli`, through the
//! generator (`go/control/internal/regen`). After a change run `dataplane/control/regen.sh`. The
//! hash of this text is part of the handshake: a host and a peer of different texts do not bind.
//!
//! Rules; the generator checks those it can see:
//! - every function is void. An answer is another call the other way: a result that crosses from
//!   Rust to Go would leak on every call, and nobody waits in the other side's runtime;
//! - messages are flat: integers, bool, String, `Vec<u8>`. A list of structures from Go would hide
//!   Go pointers in bytes, where the garbage collector does not see them;
//! - at the top level stand only the messages and the trait `HostCalls`: the tool reads every
//!   item there. `PeerCalls` is nested so that the tool makes no Go glue for it (that glue crashes
//!   on the first call back); the generator writes plain cgo instead;
//! - functions carry `//` comments, never `///` (it changes the generated Go signature);
//! - every function of `HostCalls` carries `#[go_pass_struct]`: no heap copy per argument.

/// Starts one operation; either side may. Each side counts the ids of its own.
#[derive(rust2go::R2G, Clone, Debug)]
pub struct OpStart {
    pub op_id: u64,
    pub handle: u64,
    pub kind: u32,
    pub timeout_ns: u64,
    pub payload: Vec<u8>,
}

/// Ends one operation: the only answer to `OpStart`, sent exactly once.
#[derive(rust2go::R2G, Clone, Debug)]
pub struct OpDone {
    pub op_id: u64,
    pub class_code: u32,
    pub payload: Vec<u8>,
}

/// Why a batch failed; `Failure` of both languages is its typed form. 0 and "" mean: not known.
#[derive(rust2go::R2G, Clone, Debug)]
pub struct FailureMessage {
    pub class_code: u32,
    pub grpc_code: u32,
    pub http_code: u32,
    pub retry_delay_ns: u64,
    pub rejected_items: u64,
    pub message: String,
    pub component: String,
}

/// One log line of the peer, and the file and line that wrote it ("" and 0: not known). The handle
/// says whose it is; 0 is the peer itself.
#[derive(rust2go::R2G, Clone, Debug)]
pub struct LogMessage {
    pub level: u32,
    pub target: String,
    pub file: String,
    pub line: u32,
    pub message: String,
    pub fields_json: String,
    pub handle: u64,
}

// Peer to host (Rust to Go).
#[rust2go::r2g(calls::binding)]
pub trait HostCalls {
    #[go_pass_struct]
    fn op_done(done: &OpDone);
    #[go_pass_struct]
    fn batch_failed(call_id: u64, failure: &FailureMessage);
    #[go_pass_struct]
    fn batch_cancel(call_id: u64);
    #[go_pass_struct]
    fn log(line: &LogMessage);
    #[go_pass_struct]
    fn status(handle: u64, code: u32, message: &String);
    #[go_pass_struct]
    fn op_start(start: &OpStart);
    #[go_pass_struct]
    fn op_cancel(op_id: u64);
    #[go_pass_struct]
    fn measured(handle: u64, what: &Vec<u8>);
    // Before it returns, the host calls span_started for a span that it knows.
    #[go_pass_struct]
    fn span_start(token: u64, handle: u64, span: &Vec<u8>);
    #[go_pass_struct]
    fn span_end(token: u64, handle: u64, span: &Vec<u8>);
}

pub mod calls {
    use super::*;

    // Host to peer (Go to Rust).
    #[rust2go::g2r]
    pub trait PeerCalls {
        fn op_start(start: OpStart);
        fn op_cancel(op_id: u64);
        fn batch_cancel(call_id: u64);
        fn batch_failed(call_id: u64, failure: FailureMessage);
        fn op_done(done: OpDone);
        // The finest level that anybody listens to: see host::Level; one past the last is none.
        fn log_level(level: u32);
        // The ids that a span got, and its trace flags; on the thread that started it.
        fn span_started(token: u64, trace_high: u64, trace_low: u64, span_id: u64, flags: u32);
    }

    // The two tables and the hash. In here because `c_PeerCalls_*` are private to this module.
    include!("gen.rs");
}
