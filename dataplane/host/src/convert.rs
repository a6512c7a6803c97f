//! Between the engine's errors and the control channel's: the same facts in two crates' types.

use std::time::Duration;
use strait_control::{Class, Failure, OperationError, PathError};
use strait_engine::Finding;

/// A failure for the host.
pub(crate) fn to_control(failure: &strait_engine::Failure) -> Failure {
    Failure {
        class: Class::from_code(failure.class.code()),
        grpc_code: failure.grpc_code,
        http_code: failure.http_code,
        retry_delay: Duration::from_nanos(failure.retry_delay_ns),
        rejected_items: failure.rejected_items,
        message: failure.message.clone(),
        component: failure.component.clone(),
    }
}

/// A failure from the host.
pub(crate) fn from_control(failure: Failure) -> strait_engine::Failure {
    strait_engine::Failure {
        class: strait_engine::Class::from_code(failure.class.code()),
        grpc_code: failure.grpc_code,
        http_code: failure.http_code,
        retry_delay_ns: u64::try_from(failure.retry_delay.as_nanos()).unwrap_or(u64::MAX),
        rejected_items: failure.rejected_items,
        message: failure.message,
        component: failure.component,
    }
}

/// Findings as an operation's error: the first in the message, all of them by path.
pub(crate) fn invalid(component: &str, findings: Vec<Finding>) -> OperationError {
    let more = match findings.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let first = findings
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let errors = findings
        .into_iter()
        .map(|finding| PathError {
            path: finding.path,
            message: finding.message,
        })
        .collect();
    OperationError::invalid(format!("{first}{more}"), errors).in_component(component)
}

/// A failure as an operation's error.
pub(crate) fn failed(failure: &strait_engine::Failure) -> OperationError {
    to_control(failure).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: the engine has the control channel's rule of what may be offered again.
    #[test]
    fn both_crates_have_one_rule() {
        for class in Class::ALL {
            let engine = strait_engine::Class::from_code(class.code());
            assert_eq!(engine.is_final(), class.is_final(), "{class}");
        }
    }

    #[test]
    fn a_failure_comes_back_equal() {
        for class in Class::ALL {
            let failure = Failure {
                class,
                grpc_code: 1,
                http_code: 2,
                retry_delay: Duration::from_nanos(3),
                rejected_items: 4,
                message: "m".into(),
                component: "c".into(),
            };
            assert_eq!(to_control(&from_control(failure.clone())), failure);
        }
    }
}
