//! The guard around every engine node: an error or panic in a node becomes a nack that names it.
//!
//! In the engine a node's error ends its task, and with it the lane and everything in flight. The
//! guard keeps a copy of the batch's delivery context before each call (a panic destroys the
//! original) and answers with it: permanently, for a batch that a node dies on must not loop. It
//! then goes on, if the node holds nothing between batches. A node with state that panicked, and
//! any failure where the node owned no batch (timers, acks), still ends the lane's epoch; the lane
//! then ends every call once and restarts.
//!
//! An exporter runs by itself, and has a guard of its own ([`exporter`]).

pub(crate) mod exporter;
pub(crate) mod nacks;

use crate::ambient;
use crate::calls::carried;
use crate::calls::tag::Tag;
use crate::catalog;
use crate::guard::nacks::{Cause, Watch};
use crate::nodes::{drain, logs};
use crate::unit::Taken;
use async_trait::async_trait;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::ConsumerEffectHandlerExtension;
use otel_arrow_dfe_engine::control::{NackMsg, NodeControlMsg};
use otel_arrow_dfe_engine::error::{Error, ProcessorErrorKind};
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::{ProcessorRuntimeRequirements, ProcessorWrapper};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use otel_arrow_dfe_pdata_codec::OtapPayload;
use std::future::Future;
use std::sync::Arc;
use strait_component::Kind;
use strait_failure::{Class, Failure, contained};

/// Puts the guard around a node that its factory has just made.
///
/// # Errors
///
/// The node that Strait has in the place of the engine's does not take its configuration.
pub(crate) fn wrap(
    wrapper: ProcessorWrapper<OtapPdata>,
    urn: &str,
) -> Result<ProcessorWrapper<OtapPdata>, ConfigError> {
    // Unknown nodes are taken to have state: the lane restarts rather than runs on a broken one.
    let node = catalog::find(Kind::Processor, urn);
    let stateful = node.is_none_or(|node| node.stateful);
    let holds = node.is_some_and(|node| node.holds);
    Ok(match wrapper {
        ProcessorWrapper::Local {
            node_id,
            user_config,
            runtime_config,
            processor,
            control_sender,
            control_receiver,
            pdata_senders,
            pdata_receiver,
            telemetry,
            source_tag,
        } => {
            let name = node_id.name.to_string();
            let processor = match node {
                Some(node) => {
                    drain::add(node, &control_sender);
                    logs::substitute(node, &name, &user_config.config, processor)?
                }
                None => processor,
            };
            ProcessorWrapper::Local {
                node_id,
                user_config,
                runtime_config,
                processor: Box::new(Guarded {
                    inner: processor,
                    watch: Watch::new(
                        &name,
                        node.map_or(catalog::Node::PLAIN.codes, |node| node.codes),
                    ),
                    taken: ambient::entered(&name),
                    name,
                    stateful,
                    holds,
                }),
                control_sender,
                control_receiver,
                pdata_senders,
                pdata_receiver,
                telemetry,
                source_tag,
            }
        }
        // The engine's core set has no such node (a test says so); it would end the lane on error.
        shared @ ProcessorWrapper::Shared { .. } => shared,
    })
}

struct Guarded {
    inner: Box<dyn Processor<OtapPdata>>,
    name: String,
    stateful: bool,
    /// It is asked to hand on what it has when the lane drains.
    holds: bool,
    watch: Option<Watch>,
    /// Where what enters its member is counted, when that is here.
    taken: Option<Arc<Taken>>,
}

/// How a guarded call ended badly.
enum Fault {
    Error(Error),
    Panic(String),
}

#[async_trait(?Send)]
impl Processor<OtapPdata> for Guarded {
    async fn process(
        &mut self,
        mut msg: Message<OtapPdata>,
        effect_handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        if let (Message::PData(pdata), Some(taken)) = (&mut msg, &self.taken) {
            taken.add(pdata.num_items());
        }
        let owned = match &mut msg {
            Message::PData(pdata) => Some(answerable(pdata)),
            Message::Control(NodeControlMsg::ResumeData { data, .. }) => Some(answerable(data)),
            Message::Control(_) => None,
        };
        if self.holds {
            msg = drain::flush(msg);
        }
        let fault = match self.run(msg, effect_handler).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Fault::Error(error),
            Err(panic) => Fault::Panic(panic),
        };
        // The node behind this one is gone: that is not this node's doing, and the lane ends
        // anyway.
        if let Fault::Error(error @ Error::ChannelSendError { closed: true, .. }) = fault {
            return Err(error);
        }
        let message = match &fault {
            Fault::Error(error) => error.to_string(),
            Fault::Panic(panic) => format!("panic: {panic}"),
        };
        tracing::error!(node = %self.name, error = %message, "a node failed");
        let answered = match owned {
            Some(mut pdata) => {
                let failure = Failure::new(Class::Permanent, message.clone()).at(self.name.clone());
                match Tag::of(&pdata) {
                    Some(tag) => ambient::note(tag, failure),
                    None => carried::put(&mut pdata, &failure),
                }
                let reason = format!("node `{}`: {message}", self.name);
                let nack = NackMsg::new_permanent(reason, pdata);
                let cause = Cause::Behind(None); // noted just now
                watched(&mut self.watch, &cause, effect_handler.notify_nack(nack)).await?;
                true
            }
            None => false,
        };
        let usable = matches!(fault, Fault::Error(_)) || !self.stateful;
        if answered && usable {
            return Ok(());
        }
        if answered {
            ambient::blame();
        }
        Err(Error::ProcessorError {
            processor: effect_handler.processor_id(),
            kind: ProcessorErrorKind::Other,
            error: message,
            source_detail: String::new(),
        })
    }

    fn accept_pdata(&self) -> bool {
        self.inner.accept_pdata()
    }

    fn runtime_requirements(&self) -> ProcessorRuntimeRequirements {
        self.inner.runtime_requirements()
    }
}

impl Guarded {
    /// Lets the node work; its panic becomes a message.
    async fn run(
        &mut self,
        msg: Message<OtapPdata>,
        effect_handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<Result<(), Error>, String> {
        if let Some(sender) = self.watch.as_mut().and_then(Watch::sender) {
            effect_handler.set_pipeline_completion_msg_sender(sender);
        }
        let cause = match (&msg, &mut self.watch) {
            (Message::Control(NodeControlMsg::Nack(nack)), Some(watch)) => watch.hears(nack),
            _ => Cause::Own,
        };
        let work = contained(self.inner.process(msg, effect_handler));
        watched(&mut self.watch, &cause, work).await
    }
}

/// Runs `work` under the watch, where there is one.
async fn watched<T>(watch: &mut Option<Watch>, cause: &Cause, work: impl Future<Output = T>) -> T {
    match watch {
        Some(watch) => watch.over(cause, work).await,
        None => work.await,
    }
}

/// A copy that can answer for the batch: its delivery context, and its payload only where a node
/// before this one asked to get it back (else an empty one of the same signal).
fn answerable(pdata: &mut OtapPdata) -> OtapPdata {
    let context = pdata.context_mut().clone();
    let payload = if context.may_return_payload() {
        pdata.payload_ref().clone()
    } else {
        OtapPayload::empty(pdata.signal_type())
    };
    OtapPdata::new(context, payload)
}
