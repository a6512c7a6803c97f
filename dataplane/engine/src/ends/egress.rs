//! The egress node: what comes out of the engine goes to the host here, and the host's answers go
//! back as acks and nacks.
//!
//! Never blocks its control channel: a batch that finds no space waits beside it, with a deadline,
//! and while it waits no other batch is taken. The private header is left out of what crosses.
//!
//! A difference is its call's verdict (format S-16): the host answers neither it nor the engine,
//! and the engine is told nothing, because a unit that answers so has no node that acts on acks.

use crate::calls::tag::Tag;
use crate::calls::{Origin, Port};
use crate::ends::codec;
use crate::ends::end::{EndConfig, find_port, sleep_until, terminal};
use crate::failure::{Class, Failure};
use crate::link;
use crate::link::outgoing::Encoded;
use async_trait::async_trait;
use otel_arrow_dfe_engine::control::{AckMsg, NackCause, NackMsg, NodeControlMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::exporter::ExporterWrapper;
use otel_arrow_dfe_engine::local::exporter::{EffectHandler, Exporter};
use otel_arrow_dfe_engine::message::{ExporterInbox, Message};
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{ConsumerEffectHandlerExtension, ExporterFactory};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

/// The engine's name of this node.
pub(crate) const URN: &str = "urn:strait:exporter:ring";

pub(crate) const FACTORY: ExporterFactory<OtapPdata> = ExporterFactory {
    name: URN,
    create: |_context, node, node_config, config, _capabilities| {
        let port = find_port(&node_config.config)?;
        Ok(ExporterWrapper::local(
            Egress { port },
            node,
            node_config,
            config,
        ))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: |config| EndConfig::read(config).map(|_| ()),
};

struct Egress {
    port: Rc<Port>,
}

/// A batch that the host has, with the call it came from.
struct Sent {
    pdata: OtapPdata,
    call_id: Option<u64>,
}

/// A batch on its way into the ring.
struct Outgoing {
    pdata: OtapPdata,
    encoded: Encoded,
    origin: Origin,
    /// The call that it ends: it is a difference.
    ends: Option<u64>,
    /// What the host answers it by; of a difference the call's own id.
    token: u64,
    until: Instant,
}

#[async_trait(?Send)]
impl Exporter<OtapPdata> for Egress {
    async fn start(
        self: Box<Self>,
        mut inbox: ExporterInbox<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let port = self.port;
        let codec = codec::Encoder::new(&effect_handler)?;
        let mut sent: HashMap<u64, Sent> = HashMap::new();
        let mut waiting: Option<Outgoing> = None;
        let mut shutdown: Option<Instant> = None;
        loop {
            while let Some((token, result)) = port.next_answer() {
                if let Some(batch) = sent.remove(&token) {
                    answer(&port, &effect_handler, batch, result).await?;
                }
            }
            if let Some(failure) = port.closed().map(link::unavailable) {
                let rest = sent.drain().map(|(_, batch)| batch);
                let rest = rest.chain(waiting.take().map(Outgoing::into_sent));
                for batch in rest {
                    answer(&port, &effect_handler, batch, Err(failure.clone())).await?;
                }
            }
            if let Some(deadline) = shutdown
                && ((sent.is_empty() && waiting.is_none()) || Instant::now() >= deadline)
            {
                return stop(&port, &effect_handler, sent, waiting, deadline).await;
            }
            tokio::select! {
                biased;
                () = port.answered(), if !sent.is_empty() && port.closed().is_none() => {}
                message = inbox.recv_when(waiting.is_none()), if shutdown.is_none() => match message? {
                    Message::PData(pdata) => {
                        waiting = take(&port, &effect_handler, &codec, &mut sent, pdata).await?;
                    }
                    Message::Control(NodeControlMsg::Shutdown { deadline, .. }) => shutdown = Some(deadline),
                    Message::Control(_) => {}
                },
                result = publish(&port, waiting.as_ref()), if waiting.is_some() => {
                    if let Some(batch) = waiting.take() {
                        published(&port, &effect_handler, &mut sent, batch, result).await?;
                    }
                }
                () = sleep_until(shutdown), if shutdown.is_some() => {}
            }
        }
    }
}

impl Outgoing {
    fn into_sent(self) -> Sent {
        Sent {
            pdata: self.pdata,
            call_id: self.origin.call_id(),
        }
    }
}

/// Takes a batch from the engine: encodes it and writes it at once, or gives it back to wait for
/// space.
async fn take(
    port: &Port,
    effect_handler: &EffectHandler<OtapPdata>,
    codec: &codec::Encoder,
    sent: &mut HashMap<u64, Sent>,
    pdata: OtapPdata,
) -> Result<Option<Outgoing>, Error> {
    let batch = match prepare(port, effect_handler, codec, pdata).await {
        Ok(batch) => batch,
        Err((batch, failure)) => {
            answer(port, effect_handler, batch, Err(failure)).await?;
            return Ok(None);
        }
    };
    match port.writer.try_publish(batch.token, &batch.encoded) {
        Ok(false) => Ok(Some(batch)),
        Ok(true) => {
            published(port, effect_handler, sent, batch, Ok(())).await?;
            Ok(None)
        }
        Err(failure) => {
            published(port, effect_handler, sent, batch, Err(failure)).await?;
            Ok(None)
        }
    }
}

/// Encodes a batch for the ring. Its context stays with the (now empty) pdata.
async fn prepare(
    port: &Port,
    effect_handler: &EffectHandler<OtapPdata>,
    codec: &codec::Encoder,
    mut pdata: OtapPdata,
) -> Result<Outgoing, (Sent, Failure)> {
    let origin = port.origin_of(Tag::of(&pdata));
    let mut until = Instant::now() + port.settings.max_wait;
    match origin {
        Origin::Unwanted => {
            let failure = Failure::new(Class::Cancelled, "the call has ended already");
            return Err((
                Sent {
                    pdata,
                    call_id: None,
                },
                failure,
            ));
        }
        Origin::Call(call_id) => {
            if let Some(deadline) = port.deadline_of(call_id) {
                until = until.min(deadline);
            }
        }
        Origin::Engine => {}
    }
    match codec.encode(effect_handler, &mut pdata, origin, port).await {
        Ok(encoded) => {
            let ends = origin.call_id().filter(|_| encoded.is_difference());
            Ok(Outgoing {
                pdata,
                encoded,
                origin,
                ends,
                token: ends.unwrap_or_else(|| port.issue_token()),
                until,
            })
        }
        Err(failure) => Err((
            Sent {
                pdata,
                call_id: origin.call_id(),
            },
            failure,
        )),
    }
}

/// Waits for space and writes the batch.
async fn publish(port: &Port, batch: Option<&Outgoing>) -> Result<(), Failure> {
    match batch {
        Some(batch) => {
            // A call that has ended meanwhile must not end again.
            let wanted = || batch.ends.is_none_or(|call_id| port.waits(call_id));
            port.writer
                .publish(batch.token, &batch.encoded, batch.until, wanted)
                .await
        }
        None => std::future::pending().await,
    }
}

/// Notes that a batch is the host's now, or answers for it.
async fn published(
    port: &Port,
    effect_handler: &EffectHandler<OtapPdata>,
    sent: &mut HashMap<u64, Sent>,
    batch: Outgoing,
    result: Result<(), Failure>,
) -> Result<(), Error> {
    let token = batch.token;
    match result {
        Ok(()) => {
            port.count(|counters| counters.egress += 1);
            match batch.ends {
                Some(call_id) => port.conclude(call_id),
                None => drop(sent.insert(token, batch.into_sent())),
            }
            Ok(())
        }
        Err(failure) => {
            if batch.ends.is_none() {
                port.revoke_token(token);
            }
            answer(port, effect_handler, batch.into_sent(), Err(failure)).await
        }
    }
}

/// Gives the engine its answer; what the nack cannot hold is kept beside it.
async fn answer(
    port: &Port,
    effect_handler: &EffectHandler<OtapPdata>,
    batch: Sent,
    result: Result<(), Failure>,
) -> Result<(), Error> {
    match result {
        Ok(()) => effect_handler.notify_ack(AckMsg::new(batch.pdata)).await,
        Err(failure) => {
            let reason = failure.to_string();
            let nack = match (failure.class.is_final(), failure.class) {
                (true, _) => NackMsg::new_permanent(reason, batch.pdata),
                (false, Class::Unavailable) => {
                    NackMsg::new_with_cause(reason, batch.pdata, NackCause::NodeShutdown)
                }
                (false, _) => NackMsg::new(reason, batch.pdata),
            };
            if let Some(call_id) = batch.call_id {
                port.note(call_id, failure);
            }
            effect_handler.notify_nack(nack).await
        }
    }
}

/// Ends the node: what is still under way is answered as unavailable.
async fn stop(
    port: &Port,
    effect_handler: &EffectHandler<OtapPdata>,
    sent: HashMap<u64, Sent>,
    waiting: Option<Outgoing>,
    deadline: Instant,
) -> Result<TerminalState, Error> {
    let rest = sent.into_values().chain(waiting.map(Outgoing::into_sent));
    for batch in rest {
        let failure = Failure::new(
            Class::Unavailable,
            "the unit stopped before the host answered",
        );
        answer(port, effect_handler, batch, Err(failure)).await?;
    }
    Ok(terminal(deadline))
}
