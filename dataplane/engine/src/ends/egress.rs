//! The egress node: what comes out of the engine goes to the host here, and the host's answers go
//! back as acks and nacks.
//!
//! Never blocks its control channel: a batch that finds no space waits beside it, and while it
//! waits no other batch is taken; nor while as many batches of no call are with the host as it
//! takes. What the engine has waits in the engine, so that pressure reaches whoever sends. An
//! output of a call waits no longer than the call, or `max_wait`; a batch of no call until there is
//! space, or the deadline that whoever sent it has given it. Each leaves by the edge that is noted
//! on it ([`way`]), or else by that of its signal; private headers are left out of what crosses.
//!
//! A difference is its call's verdict (format S-16): the host answers neither it nor the engine,
//! and the engine is told nothing, because a unit that answers so has no node that acts on acks.

use crate::ambient;
use crate::calls::carried;
use crate::calls::tag::Tag;
use crate::calls::verdict::nack_of;
use crate::calls::way;
use crate::calls::{Origin, Port, Table};
use crate::ends::codec;
use crate::link;
use crate::link::outgoing::{Address, Encoded};
use crate::nodes::batches::signal_of;
use crate::nodes::waiting::{sleep_until, terminal};
use async_trait::async_trait;
use otel_arrow_dfe_config::validation::no_config;
use otel_arrow_dfe_engine::control::{AckMsg, NodeControlMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::exporter::ExporterWrapper;
use otel_arrow_dfe_engine::local::exporter::{EffectHandler, Exporter};
use otel_arrow_dfe_engine::message::{ExporterInbox, Message};
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{ConsumerEffectHandlerExtension, ExporterFactory};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Instant;
use strait_failure::{Class, Failure};

/// The engine's name of this node.
pub(crate) const URN: &str = "urn:strait:exporter:ring";

pub(crate) const FACTORY: ExporterFactory<OtapPdata> = ExporterFactory {
    name: URN,
    create: |_context, node, node_config, config, _capabilities| {
        let port = ambient::port_for("an egress")?;
        Ok(ExporterWrapper::local(
            Egress { port },
            node,
            node_config,
            config,
        ))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: no_config,
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
    /// Its edge, and what the host answers it by.
    to: Address,
    /// How long it waits for space; `None`: as long as the link lasts.
    until: Option<Instant>,
}

impl Outgoing {
    fn into_sent(self) -> Sent {
        Sent {
            pdata: self.pdata,
            call_id: self.origin.call_id(),
        }
    }
}

/// What the node has in hand.
struct Work {
    port: Rc<Port>,
    engine: EffectHandler<OtapPdata>,
    codec: codec::Encoder,
    /// Taken from the engine, not looked at yet. One at most, but for a shutdown: then the engine
    /// hands out what its channel holds, whether it was asked for or not.
    taken: VecDeque<OtapPdata>,
    /// Waits for space.
    waiting: Option<Outgoing>,
    /// With the host, by token.
    sent: HashMap<u64, Sent>,
}

#[async_trait(?Send)]
impl Exporter<OtapPdata> for Egress {
    async fn start(
        self: Box<Self>,
        mut inbox: ExporterInbox<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let mut work = Work {
            codec: codec::Encoder::new(&effect_handler)?,
            engine: effect_handler,
            port: Rc::clone(&self.port),
            taken: VecDeque::new(),
            waiting: None,
            sent: HashMap::new(),
        };
        let port = self.port;
        let mut shutdown: Option<Instant> = None;
        loop {
            work.hand_on_answers().await?;
            if let Some(deadline) = shutdown
                && (work.is_empty() || Instant::now() >= deadline)
            {
                return work.stop(deadline).await;
            }
            let may_take = work.waiting.is_none() && port.may_send();
            if may_take && let Some(pdata) = work.taken.pop_front() {
                work.take(pdata).await?;
                continue;
            }
            let answers = !work.sent.is_empty() || !may_take;
            tokio::select! {
                biased;
                () = port.answered(), if answers && port.closed().is_none() => {}
                message = inbox.recv_when(may_take), if shutdown.is_none() => match message? {
                    Message::PData(pdata) => work.taken.push_back(pdata),
                    Message::Control(NodeControlMsg::Shutdown { deadline, .. }) => {
                        shutdown = Some(deadline);
                    }
                    Message::Control(_) => {}
                },
                result = publish(&port, work.waiting.as_ref()), if work.waiting.is_some() => {
                    if let Some(batch) = work.waiting.take() {
                        work.published(batch, result).await?;
                    }
                }
                () = sleep_until(shutdown), if shutdown.is_some() => {}
            }
        }
    }
}

/// Waits for space and writes the batch.
async fn publish(port: &Port, batch: Option<&Outgoing>) -> Result<(), Failure> {
    match batch {
        Some(batch) => {
            // A call that has ended meanwhile must not end again, nor must a batch go that its
            // sender has withdrawn.
            let tag = Tag::of(&batch.pdata);
            let wanted = || {
                !port.contexts.is_withdrawn(tag)
                    && batch.ends.is_none_or(|call_id| port.calls().waits(call_id))
            };
            port.writer
                .publish(batch.to, &batch.encoded, batch.until, wanted)
                .await
        }
        None => std::future::pending().await,
    }
}

impl Work {
    fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.waiting.is_none() && self.sent.is_empty()
    }

    /// Everything that the engine waits for an answer to.
    fn drain(&mut self) -> Vec<Sent> {
        let taken = self.taken.drain(..).map(|pdata| Sent {
            call_id: self.port.calls().origin_of(Tag::of(&pdata)).call_id(),
            pdata,
        });
        let waiting = self.waiting.take().map(Outgoing::into_sent);
        let sent = self.sent.drain().map(|(_, batch)| batch);
        taken.chain(waiting).chain(sent).collect()
    }

    /// Gives the engine the host's answers; where the link is gone there will be none, and what
    /// waits for one may be sent again.
    async fn hand_on_answers(&mut self) -> Result<(), Error> {
        while let Some((token, result)) = self.port.change(Table::next_answer) {
            if let Some(batch) = self.sent.remove(&token) {
                self.answer(batch, result).await?;
            }
        }
        if let Some(failure) = self.port.closed().map(link::unavailable) {
            for batch in self.drain() {
                self.answer(batch, Err(failure.clone())).await?;
            }
        }
        Ok(())
    }

    /// Takes a batch from the engine: encodes it and writes it at once, or keeps it until there is
    /// space.
    async fn take(&mut self, pdata: OtapPdata) -> Result<(), Error> {
        let batch = match self.prepare(pdata).await {
            Ok(batch) => batch,
            Err((batch, failure)) => return self.answer(batch, Err(failure)).await,
        };
        match self.port.writer.try_publish(batch.to, &batch.encoded) {
            Ok(false) => {
                self.waiting = Some(batch);
                Ok(())
            }
            Ok(true) => self.published(batch, Ok(())).await,
            Err(failure) => self.published(batch, Err(failure)).await,
        }
    }

    /// Encodes a batch for the ring. Its context stays with the (now empty) pdata.
    async fn prepare(&self, mut pdata: OtapPdata) -> Result<Outgoing, (Sent, Failure)> {
        let port = &self.port;
        let tag = Tag::of(&pdata);
        let origin = port.calls().origin_of(tag);
        let context = port.contexts.of(tag);
        let call_id = origin.call_id();
        if origin == Origin::Unwanted || port.contexts.is_withdrawn(tag) {
            let failure = Failure::new(Class::Cancelled, "the call has ended already");
            return Err((Sent { pdata, call_id }, failure));
        }
        let until = match call_id {
            Some(call_id) => {
                let until = Instant::now() + port.settings.max_wait;
                let deadline = port.calls().deadline_of(call_id);
                Some(deadline.map_or(until, |deadline| until.min(deadline)))
            }
            None => context.deadline(),
        };
        let exits = &port.settings.exits;
        let of_signal = || exits.edge(signal_of(pdata.signal_type()));
        let encoded = match way::of(&pdata).map_or_else(of_signal, Ok) {
            Ok(edge) => {
                let encoding = self
                    .codec
                    .encode(&self.engine, &mut pdata, origin, &context, port);
                encoding.await.map(|encoded| (edge, encoded))
            }
            Err(failure) => Err(failure),
        };
        let (edge, encoded) = match encoded {
            Ok(encoded) => encoded,
            Err(failure) => return Err((Sent { pdata, call_id }, failure)),
        };
        let ends = call_id.filter(|_| encoded.is_difference());
        let Some(token) = ends.or_else(|| port.change(|calls| calls.issue(origin))) else {
            let message = "the host takes no more batches of no call";
            let failure = Failure::new(Class::Unavailable, message);
            return Err((Sent { pdata, call_id }, failure));
        };
        // Before it is published: who leaves meanwhile withdraws it all the same.
        port.contexts.went(tag, token);
        Ok(Outgoing {
            pdata,
            encoded,
            origin,
            ends,
            to: Address { edge, token },
            until,
        })
    }

    /// Notes that a batch is the host's now, or answers for it.
    async fn published(
        &mut self,
        batch: Outgoing,
        result: Result<(), Failure>,
    ) -> Result<(), Error> {
        let token = batch.to.token;
        match result {
            Ok(()) => {
                match batch.ends {
                    Some(call_id) => self.port.change(|calls| calls.conclude(call_id)),
                    None => {
                        self.port.change(Table::sent);
                        self.sent.insert(token, batch.into_sent());
                    }
                }
                Ok(())
            }
            Err(failure) => {
                if batch.ends.is_none() {
                    self.port.change(|calls| calls.revoke(token));
                }
                self.answer(batch.into_sent(), Err(failure)).await
            }
        }
    }

    /// Gives the engine its answer. What a nack cannot hold is kept beside it for the batch of a
    /// call, and goes with it where nodes have to find whose it is.
    async fn answer(&self, batch: Sent, result: Result<(), Failure>) -> Result<(), Error> {
        let Sent { mut pdata, call_id } = batch;
        let failure = match result {
            Ok(()) => return self.engine.notify_ack(AckMsg::new(pdata)).await,
            Err(failure) => failure,
        };
        if call_id.is_none() {
            carried::put(&mut pdata, &failure);
        }
        let nack = nack_of(&failure, pdata);
        if let Some(call_id) = call_id {
            self.port.change(|calls| calls.note(call_id, failure));
        }
        self.engine.notify_nack(nack).await
    }

    /// Ends the node: what is still under way is answered as unavailable.
    async fn stop(mut self, deadline: Instant) -> Result<TerminalState, Error> {
        for batch in self.drain() {
            let failure = Failure::new(
                Class::Unavailable,
                "the unit stopped before the host answered",
            );
            self.answer(batch, Err(failure)).await?;
        }
        Ok(terminal(deadline))
    }
}
