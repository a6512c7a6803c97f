//! What the upstream plan proposes: OTLP bytes as the argument of a rust2go call, converted by the
//! engine.

use bytes::Bytes;
use std::panic::catch_unwind;
use strait_engine::otlp_logs_to_records;

mod idl {
    // The glue is rust2go's own, in the form that works (go/control has the same): Go passes a list
    // by value, and rust2go copies it into a Vec.
    #[rust2go::g2r]
    pub(super) trait Rival {
        fn otlp(request: Vec<u8>);
    }

    /// The function that Go calls.
    pub(super) const ENTRY: unsafe extern "C" fn(*const *const ()) = RivalImpl::c_Rival_otlp;
}

impl idl::Rival for idl::RivalImpl {
    fn otlp(request: Vec<u8>) {
        let converted = catch_unwind(|| otlp_logs_to_records(Bytes::from(request)));
        match converted {
            Ok(Ok(records)) => _ = std::hint::black_box(records),
            Ok(Err(error)) => eprintln!("bench: the engine cannot convert the request: {error}"),
            Err(_) => eprintln!("bench: the conversion panicked"),
        }
    }
}

/// Gives the function that rust2go made for `Rival::otlp`.
#[no_mangle]
pub(crate) extern "C" fn strait_bench_rust2go_otlp() -> unsafe extern "C" fn(*const *const ()) {
    idl::ENTRY
}
