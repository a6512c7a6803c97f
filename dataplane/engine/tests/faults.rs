//! A node that fails: it is named, its batch is answered, and where it cannot go on its lane
//! restarts, with every call ended once.

mod common;

use async_trait::async_trait;
use common::otlp::{Log, request};
use common::{Control, End, Host, Setup, spec};
use linkme::distributed_slice;
use otel_arrow_dfe_engine::control::{CallData, NodeControlMsg};
use otel_arrow_dfe_engine::error::{Error, ProcessorErrorKind};
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::ProcessorWrapper;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{
    ConsumerEffectHandlerExtension, Interests, MessageSourceLocalEffectHandlerExtension,
    ProcessorFactory, ProducerEffectHandlerExtension,
};
use otel_arrow_dfe_otap::OTAP_PROCESSOR_FACTORIES;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde_json::json;
use std::time::Duration;
use strait_engine::{Class, LaneStatus, Unit};

const URN: &str = "urn:strait-test:processor:faulty";
const DRAIN: Duration = Duration::from_secs(5);

/// Fails on data that says so, and on every ack when its configuration says so.
struct Faulty {
    on_ack: bool,
}

#[allow(unsafe_code)] // what the engine's registration expands to
#[distributed_slice(OTAP_PROCESSOR_FACTORIES)]
static FACTORY: ProcessorFactory<OtapPdata> = ProcessorFactory {
    name: URN,
    create: |_context, node, node_config, config, _capabilities| {
        let faulty = Faulty {
            on_ack: node_config.config["on_ack"] == true,
        };
        Ok(ProcessorWrapper::local(faulty, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: |_| Ok(()),
};

impl Faulty {
    fn error(handler: &EffectHandler<OtapPdata>) -> Error {
        Error::ProcessorError {
            processor: handler.processor_id(),
            kind: ProcessorErrorKind::Other,
            error: "as asked".into(),
            source_detail: String::new(),
        }
    }
}

#[async_trait(?Send)]
impl Processor<OtapPdata> for Faulty {
    async fn process(
        &mut self,
        message: Message<OtapPdata>,
        handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        match message {
            Message::PData(mut pdata) => {
                let bytes = pdata
                    .payload_ref()
                    .encoded_bytes()
                    .cloned()
                    .unwrap_or_default();
                if common::otlp::holds(&bytes, "poison: error") {
                    return Err(Self::error(handler));
                }
                assert!(!common::otlp::holds(&bytes, "poison: panic"), "as asked");
                handler.subscribe_to(Interests::ACKS_OR_NACKS, CallData::new(), &mut pdata);
                Ok(handler.send_message_with_source_node(pdata).await?)
            }
            Message::Control(NodeControlMsg::Ack(_)) if self.on_ack => Err(Self::error(handler)),
            Message::Control(NodeControlMsg::Ack(ack)) => handler.notify_ack(ack).await,
            Message::Control(NodeControlMsg::Nack(nack)) => handler.notify_nack(nack).await,
            Message::Control(_) => Ok(()),
        }
    }
}

fn start(on_ack: bool) -> Host {
    let tweak: fn(&mut Unit) = if on_ack {
        |unit| {
            unit.topology.nodes[0].urn = URN.into();
            unit.topology.nodes[0].config = json!({"on_ack": true});
        }
    } else {
        |unit| unit.topology.nodes[0].urn = URN.into()
    };
    Setup {
        tweak,
        ..Setup::new(spec(json!([{"retry": {}}])))
    }
    .start()
}

fn log(text: &str) -> Vec<u8> {
    request(&[Log::new(text)])
}

fn statuses(host: &Host) -> Vec<LaneStatus> {
    let status = |event: &Control| match event {
        Control::Status(status, _) => Some(*status),
        _ => None,
    };
    host.events.iter().filter_map(status).collect()
}

fn pass(host: &mut Host) -> u64 {
    let call = host.call(&log("fine"));
    let output = host.output();
    host.ack(output.token);
    assert_eq!(host.end(call), End::Acked);
    call
}

// Guarantees: a node's error answers the batch that it met, permanently, names the node, and
// leaves the lane and other calls alone.
#[test]
fn an_error_is_a_nack_that_names_the_node() {
    let mut host = start(false);
    let poison = host.call(&log("poison: error"));
    let End::Failed(failure) = host.end(poison) else {
        panic!("acked")
    };
    assert_eq!(
        (failure.class, failure.component.as_str()),
        (Class::Permanent, "retry/0")
    );
    assert!(failure.message.contains("as asked"), "{failure}");
    let fine = pass(&mut host);
    assert_eq!(statuses(&host), []);
    host.finish(&[poison, fine], DRAIN);
}

// Guarantees: a panic of a node with state answers its batch, and the lane starts anew.
#[test]
fn a_panic_restarts_the_lane() {
    let mut host = start(false);
    let held = host.call(&log("held"));
    let output = host.output();
    let poison = host.call(&log("poison: panic"));
    let End::Failed(failure) = host.end(poison) else {
        panic!("acked")
    };
    assert_eq!(
        (failure.class, failure.component.as_str()),
        (Class::Permanent, "retry/0")
    );
    let End::Failed(failure) = host.end(held) else {
        panic!("acked")
    };
    assert_eq!(failure.class, Class::Retryable);
    host.until("the restart", |host| statuses(host).len() == 2);
    assert_eq!(statuses(&host), [LaneStatus::Recoverable, LaneStatus::Ok]);
    assert!(host.events.contains(&Control::Cancel(output.token)));
    // The late answer to the cancelled output is nobody's.
    host.ack(output.token);
    let fine = pass(&mut host);
    host.finish(&[held, poison, fine], DRAIN);
}

// Guarantees: a failure that no batch can be blamed for ends every call once, retryable; a call
// that was alone is taken for the cause, so that poison does not loop.
#[test]
fn an_error_without_a_batch_ends_the_epoch() {
    for count in [1, 3] {
        let mut host = start(true);
        let calls: Vec<_> = (0..count).map(|_| host.call(&log("x"))).collect();
        let outputs: Vec<_> = calls.iter().map(|_| host.output()).collect();
        host.ack(outputs[0].token);
        let expected = if count == 1 {
            Class::Permanent
        } else {
            Class::Retryable
        };
        for call in &calls {
            let End::Failed(failure) = host.end(*call) else {
                panic!("acked")
            };
            assert_eq!(failure.class, expected, "{failure}");
        }
        host.until("the restart", |host| {
            statuses(host).contains(&LaneStatus::Ok)
        });
        host.finish(&calls, DRAIN);
    }
}

// Guarantees: a lane does not restart for ever; past its budget it says so and refuses calls.
#[test]
fn the_budget_ends() {
    let mut host = start(true);
    let mut calls = Vec::new();
    while !statuses(&host).contains(&LaneStatus::Permanent) {
        assert!(calls.len() < 20, "restarts without end");
        let call = host.call(&log("x"));
        calls.push(call);
        host.until("an output or the end", |host| {
            !host.outputs.is_empty() || host.ends.contains_key(&call)
        });
        if let Some(output) = host.outputs.pop() {
            host.ack(output.token);
        }
        host.end(call);
        let seen = calls.len();
        host.until("a status", |host| {
            statuses(host)
                .iter()
                .filter(|status| **status != LaneStatus::Ok)
                .count()
                >= seen
        });
    }
    let late = host.call(&log("x"));
    let End::Failed(failure) = host.end(late) else {
        panic!("acked")
    };
    assert_eq!(failure.class, Class::Unavailable);
    calls.push(late);
    host.finish(&calls, DRAIN);
}
