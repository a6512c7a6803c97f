//! What nodes answer for batches, on its way to the engine: a nack that a node makes by itself is
//! noted with the node's name.
//!
//! The engine's nack says why a batch was refused, not where. All nodes of a pipeline share one
//! channel for acks and nacks, which the lane makes ([`channel`]). Each guarded node gets a channel
//! of its own, whose other end its [`Watch`] holds: what the node answers is looked at there, and
//! handed on in order. A nack that passes through a node, from one behind it, is not its own.

use crate::calls;
use crate::calls::tag::Tag;
use crate::calls::verdict::failure_of;
use otel_arrow_dfe_engine::control::{
    PipelineCompletionMsg, PipelineCompletionMsgReceiver, PipelineCompletionMsgSender,
};
use otel_arrow_dfe_engine::local::processor::EffectHandler;
use otel_arrow_dfe_engine::shared::message::{SharedReceiver, SharedSender};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use tokio::sync::mpsc::{self, Receiver, Sender};

type Answer = PipelineCompletionMsg<OtapPdata>;

/// Answers that a node may have given before they are handed on; it waits beyond.
const WATCHED: usize = 16;

thread_local! {
    /// Where nodes that are built now answer.
    static ENGINE: RefCell<Option<Sender<Answer>>> = const { RefCell::new(None) };
}

/// The channel of a pipeline. Nodes that are made on this thread before the third part is dropped
/// are watched.
pub(crate) fn channel(
    capacity: usize,
) -> (
    PipelineCompletionMsgSender<OtapPdata>,
    PipelineCompletionMsgReceiver<OtapPdata>,
    Building,
) {
    let (sender, receiver) = mpsc::channel(capacity);
    ENGINE.set(Some(sender.clone()));
    (
        SharedSender::mpsc(sender),
        SharedReceiver::mpsc(receiver),
        Building,
    )
}

/// A pipeline is being built. The engine's channel ends when no sender is left, so none may stay
/// here.
pub(crate) struct Building;

impl Drop for Building {
    fn drop(&mut self) {
        ENGINE.set(None);
    }
}

/// One node's answers.
pub(crate) struct Watch {
    name: String,
    node: Option<Sender<Answer>>,
    answers: Receiver<Answer>,
    engine: Sender<Answer>,
    /// Looked at, not yet handed on.
    held: Option<Answer>,
}

impl Watch {
    /// The watch of a node that is being made; `None` outside of a lane.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let engine = ENGINE.with_borrow(Clone::clone)?;
        let (node, answers) = mpsc::channel(WATCHED);
        Some(Self {
            name: name.to_owned(),
            node: Some(node),
            answers,
            engine,
            held: None,
        })
    }

    /// Lets the node answer here from now on. The node's handler keeps the sender, so the channel
    /// stays open as long as the node runs.
    pub(crate) fn attach(&mut self, effect_handler: &mut EffectHandler<OtapPdata>) {
        if let Some(node) = self.node.take() {
            effect_handler.set_pipeline_completion_msg_sender(SharedSender::mpsc(node));
        }
    }

    /// Runs what the node does, and hands on what it answers meanwhile. `own`: a nack is the node's
    /// own.
    pub(crate) async fn over<T>(&mut self, own: bool, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let result = loop {
            tokio::select! {
                biased;
                result = &mut work => break result,
                Some(()) = self.hand_on(own) => {}
            }
        };
        while self.has_more(own) {
            let _ = self.hand_on(own).await;
        }
        result
    }

    fn has_more(&mut self, own: bool) -> bool {
        if self.held.is_none() {
            let answer = self.answers.try_recv().ok();
            self.held = answer.map(|answer| self.noted(own, answer));
        }
        self.held.is_some()
    }

    /// Hands one answer on. Safe to cancel. `None`: nobody answers here any more.
    async fn hand_on(&mut self, own: bool) -> Option<()> {
        if self.held.is_none() {
            let answer = self.answers.recv().await?;
            self.held = Some(self.noted(own, answer));
        }
        // Without the engine nobody waits for answers.
        let place = self.engine.reserve().await.ok();
        if let (Some(place), Some(answer)) = (place, self.held.take()) {
            place.send(answer);
        }
        Some(())
    }

    fn noted(&self, own: bool, mut answer: Answer) -> Answer {
        if let PipelineCompletionMsg::DeliverNack { nack } = &mut answer
            && own
        {
            match Tag::of(&nack.refused) {
                Some(tag) => calls::note(Some(tag), failure_of(nack).at(self.name.clone())),
                // A batch of no call: its nack may still end calls, with this reason.
                None => nack.reason = format!("node `{}`: {}", self.name, nack.reason),
            }
        }
        answer
    }
}
