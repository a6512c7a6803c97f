//! The ingress node: batches from the ring enter the engine here, and its answers end their calls.
//!
//! Never awaits a send without polling its control channel (acks come through it, so that would
//! deadlock). When the pipeline drains, it asks the nodes that hold data to hand it on and waits
//! for answers; at half of the drain's time it lets the nodes behind it shut down, and goes on
//! taking answers until the pipeline ends.

use crate::ambient;
use crate::calls::tag::Tag;
use crate::calls::verdict::failure_of;
use crate::calls::{Port, Table};
use crate::ends::codec::{self, Refusal};
use crate::nodes::drain::Requests;
use crate::nodes::waiting::{Sending, send, sleep_until, terminal};
use async_trait::async_trait;
use otel_arrow_dfe_config::context::transport_headers::TransportHeaders;
use otel_arrow_dfe_config::validation::no_config;
use otel_arrow_dfe_engine::control::{CallData, NodeControlMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::receiver::{ControlChannel, EffectHandler, Receiver};
use otel_arrow_dfe_engine::receiver::ReceiverWrapper;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{Interests, ProducerEffectHandlerExtension, ReceiverFactory};
use otel_arrow_dfe_otap::pdata::{Context, OtapPdata};
use std::rc::Rc;
use std::time::Instant;
use strait_failure::Class;

/// The engine's name of this node.
pub(crate) const URN: &str = "urn:strait:receiver:ring";

pub(crate) const FACTORY: ReceiverFactory<OtapPdata> = ReceiverFactory {
    name: URN,
    create: |_context, node, node_config, config, _capabilities| {
        let port = ambient::port_for("an ingress")?;
        let source = ambient::source();
        Ok(ReceiverWrapper::local(
            Ingress { port, source },
            node,
            node_config,
            config,
        ))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: no_config,
};

struct Ingress {
    port: Rc<Port>,
    source: ambient::Source,
}

#[async_trait(?Send)]
impl Receiver<OtapPdata> for Ingress {
    async fn start(
        self: Box<Self>,
        mut control: ControlChannel<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let Self { port, source } = *self;
        effect_handler.signal_ready();
        let mut sending: Option<Sending<'_>> = None;
        let mut drain: Option<Requests> = None;
        loop {
            if let Some(drain) = &drain
                && sending.is_none()
                && ((drain.is_done() && port.calls().idle()) || Instant::now() >= drain.patience)
            {
                break;
            }
            let patience = drain.as_ref().map(|drain| drain.patience);
            let request = drain.as_ref().map(|drain| drain.request);
            tokio::select! {
                biased;
                message = control.recv() => match message {
                    Ok(NodeControlMsg::DrainIngress { deadline, .. }) => {
                        port.change(|calls| calls.refuse("the unit is shutting down"));
                        ambient::drain_until(deadline);
                        drain = Some(Requests::until(deadline));
                    }
                    Ok(NodeControlMsg::Shutdown { deadline, .. }) => return Ok(terminal(deadline)),
                    Ok(message) => settle(&port, message),
                    Err(error) => return Err(Error::ChannelRecvError(error)),
                },
                sent = async { sending.as_mut().expect("guarded").await }, if sending.is_some() => {
                    sending = None;
                    sent?;
                }
                () = sleep_until(patience), if patience.is_some() => {}
                () = sleep_until(request), if request.is_some() => {
                    if let Some(drain) = &mut drain {
                        drain.request(port.calls().idle());
                    }
                }
                () = port.arrival(), if sending.is_none() => {
                    if let Some(pdata) = admit(&port, &effect_handler) {
                        sending = send(&effect_handler, None, pdata)?;
                    }
                }
            }
        }
        drop(sending);
        // What is still queued never entered the engine; what runs is answered below.
        port.change(|calls| calls.fail_queued(Class::Unavailable, "the unit is shutting down"));
        drop(source);
        effect_handler.notify_receiver_drained().await?;
        let deadline = drain.map_or_else(Instant::now, |drain| drain.deadline);
        // The nodes behind this one end when no sender to them is left, so this one must return;
        // the answers that their last flush brings still come through its control channel.
        tokio::task::spawn_local(async move {
            while let Ok(message) = control.recv().await {
                settle(&port, message);
            }
        });
        Ok(terminal(deadline))
    }
}

/// Takes the next batch and makes it the engine's. `None` when its content is not valid; the call
/// has ended then.
fn admit(port: &Rc<Port>, effect_handler: &EffectHandler<OtapPdata>) -> Option<OtapPdata> {
    let (call_id, batch) = port.change(Table::next)?;
    let (payload, mut headers) = match codec::decode(batch, port) {
        Ok(decoded) => decoded,
        Err(Refusal::Batch(failure)) => {
            port.change(|calls| calls.settle(call_id, Err(failure)));
            return None;
        }
        Err(Refusal::Content(failure)) => {
            tracing::error!(error = %failure, "the link ends: the content of a slot is not valid");
            port.change(|calls| calls.settle(call_id, Err(failure)));
            port.writer.refuse_content();
            return None;
        }
    };
    Tag {
        call_id,
        generation: port.calls().generation(),
    }
    .append_to(&mut headers);
    let mut pdata = OtapPdata::new(context(headers), payload);
    let calldata: CallData = [call_id.into()].into_iter().collect();
    effect_handler.subscribe_to(Interests::ACKS_OR_NACKS, calldata, &mut pdata);
    Some(pdata)
}

fn context(headers: TransportHeaders) -> Context {
    // Our own frame and one for the first node that subscribes.
    let mut context = Context::with_capacity(2);
    context.set_transport_headers(headers);
    context
}

/// Ends the call that the engine answered for.
fn settle(port: &Port, message: NodeControlMsg<OtapPdata>) {
    let (calldata, result) = match message {
        NodeControlMsg::Ack(ack) => (ack.unwind.route.calldata, Ok(())),
        NodeControlMsg::Nack(nack) => {
            let failure = failure_of(&nack);
            (nack.unwind.route.calldata, Err(failure))
        }
        _ => return,
    };
    if let Some(call_id) = calldata.first() {
        let call_id = u64::from(*call_id);
        port.change(|calls| calls.settle(call_id, result));
    }
}
