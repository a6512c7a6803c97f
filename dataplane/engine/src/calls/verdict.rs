//! How a call failed, from what the engine says and what was kept beside it.

use otel_arrow_dfe_engine::control::{NackCause, NackMsg};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use strait_failure::{Class, Failure};

/// What the engine's nack says by itself.
pub(crate) fn failure_of(nack: &NackMsg<OtapPdata>) -> Failure {
    let class = match (nack.permanent, nack.cause) {
        (true, _) => Class::Permanent,
        (false, NackCause::NodeShutdown | NackCause::RouteClosed) => Class::Unavailable,
        (false, _) => Class::Retryable,
    };
    // gRPC: 3 invalid argument, 8 resource exhausted.
    let grpc_code = match nack.cause {
        NackCause::Refused => 3,
        NackCause::RouteFull => 8,
        _ => 0,
    };
    Failure {
        grpc_code,
        ..Failure::new(class, nack.reason.clone())
    }
}

/// The nack of a batch that this failure refuses. What it cannot hold is noted by the batch's call,
/// or carried by the batch of none.
pub(crate) fn nack_of(failure: &Failure, refused: OtapPdata) -> NackMsg<OtapPdata> {
    let reason = failure.to_string();
    match failure.class {
        class if class.is_final() => {
            // Who sent it is to change it, not to wonder about us.
            let is_theirs = failure.grpc_code == 3 || failure.http_code == 400;
            let cause = if is_theirs {
                NackCause::Refused
            } else {
                NackCause::Unspecified
            };
            NackMsg::new_permanent_with_cause(reason, refused, cause)
        }
        Class::Unavailable => NackMsg::new_with_cause(reason, refused, NackCause::NodeShutdown),
        _ => NackMsg::new(reason, refused),
    }
}

/// Keeps a failure of which a call's nack may come. The first permanent one wins, else the first.
pub(super) fn keep(note: &mut Option<Box<Failure>>, failure: Failure) {
    match note {
        Some(known) if known.class.is_final() || !failure.class.is_final() => {}
        _ => *note = Some(Box::new(failure)),
    }
}

/// The engine decides whether a call failed; the note says how.
pub(super) fn merge(nack: Failure, note: Option<Failure>) -> Failure {
    match note {
        Some(note) if note.class.is_final() == nack.class.is_final() => note,
        Some(note) => Failure {
            class: nack.class,
            ..note
        },
        None => nack,
    }
}
