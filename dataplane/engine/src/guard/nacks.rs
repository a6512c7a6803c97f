//! What nodes answer for batches, on its way to the engine: a nack that a node makes by itself is
//! noted with the node's name, one that it hands on with the failure that came to it.
//!
//! The engine's nack says why a batch was refused, not where. All nodes of a pipeline share one
//! channel for acks and nacks, which the lane makes ([`channel`]). Each guarded node gets a channel
//! of its own, whose other end its [`Watch`] holds: what the node answers is looked at there, and
//! handed on in order. A nack that passes through a node, from one behind it, is not its own; where
//! the node merged what it refuses, it becomes as many as there are batches in it, and each gets
//! the failure whole ([`carried`]).

use crate::ambient::{self, Answer};
use crate::calls::carried;
use crate::calls::tag::Tag;
use crate::calls::verdict::failure_of;
use otel_arrow_dfe_engine::control::{
    NackMsg, PipelineCompletionMsg, PipelineCompletionMsgReceiver, PipelineCompletionMsgSender,
};
use otel_arrow_dfe_engine::shared::message::{SharedReceiver, SharedSender};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use strait_failure::Failure;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Answers that a node may have given before they are handed on; it waits beyond.
const WATCHED: usize = 16;

/// Failures that a node was told of and may hand on later: it may wait for all parts of a batch.
const REMEMBERED: usize = 16;

/// Whose a nack is that a node gives while it works on a message.
pub(crate) enum Cause {
    /// The node's own.
    Own,
    /// That of a node behind it, or of the host; with what came with it, where that is not noted.
    Behind(Option<Failure>),
}

/// The channel of a pipeline that is to be built on this lane's thread: its nodes are watched.
pub(crate) fn channel(
    capacity: usize,
) -> (
    PipelineCompletionMsgSender<OtapPdata>,
    PipelineCompletionMsgReceiver<OtapPdata>,
) {
    let (sender, receiver) = mpsc::channel(capacity);
    ambient::begin_pipeline(&sender);
    (SharedSender::mpsc(sender), SharedReceiver::mpsc(receiver))
}

/// One node's answers.
pub(crate) struct Watch {
    name: String,
    /// Reads out of the text of its nacks what they say besides.
    codes: fn(&mut Failure),
    node: Option<Sender<Answer>>,
    answers: Receiver<Answer>,
    engine: Sender<Answer>,
    /// Looked at, not yet handed on.
    held: Option<Answer>,
    /// What came with the nacks of batches of no call, by their reason: nodes hand that on word for
    /// word.
    told: VecDeque<(String, Failure)>,
}

impl Watch {
    /// The watch of a node that is being made; `None` outside of a lane.
    pub(crate) fn new(name: &str, codes: fn(&mut Failure)) -> Option<Self> {
        let engine = ambient::answers()?;
        let (node, answers) = mpsc::channel(WATCHED);
        Some(Self {
            name: name.to_owned(),
            codes,
            node: Some(node),
            answers,
            engine,
            held: None,
            told: VecDeque::new(),
        })
    }

    /// The node is about to hear of this nack: whose those are that it gives meanwhile.
    pub(crate) fn hears(&mut self, nack: &NackMsg<OtapPdata>) -> Cause {
        let failure = carried::of(&nack.refused);
        if let Some(failure) = &failure {
            self.told.truncate(REMEMBERED - 1);
            self.told.push_front((nack.reason.clone(), failure.clone()));
        }
        Cause::Behind(failure)
    }

    /// Where the node is to answer from now on, the first time. The node's handler keeps it, so the
    /// channel stays open as long as the node runs.
    pub(crate) fn sender(&mut self) -> Option<PipelineCompletionMsgSender<OtapPdata>> {
        self.node.take().map(SharedSender::mpsc)
    }

    /// Runs what the node does, and hands on what it answers meanwhile; `cause` is whose its nacks
    /// are.
    pub(crate) async fn over<T>(&mut self, cause: &Cause, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let result = loop {
            tokio::select! {
                biased;
                result = &mut work => break result,
                Some(()) = self.hand_on(cause) => {}
            }
        };
        while self.has_more(cause) {
            let _ = self.hand_on(cause).await;
        }
        result
    }

    fn has_more(&mut self, cause: &Cause) -> bool {
        if self.held.is_none() {
            let answer = self.answers.try_recv().ok();
            self.held = answer.map(|answer| self.noted(cause, answer));
        }
        self.held.is_some()
    }

    /// Hands one answer on. Safe to cancel. `None`: nobody answers here any more.
    async fn hand_on(&mut self, cause: &Cause) -> Option<()> {
        if self.held.is_none() {
            let answer = self.answers.recv().await?;
            self.held = Some(self.noted(cause, answer));
        }
        // Without the engine nobody waits for answers.
        let place = self.engine.reserve().await.ok();
        if let (Some(place), Some(answer)) = (place, self.held.take()) {
            place.send(answer);
        }
        Some(())
    }

    /// The node's own failure.
    fn own(&self, nack: &NackMsg<OtapPdata>) -> Failure {
        let mut failure = failure_of(nack).at(self.name.clone());
        (self.codes)(&mut failure);
        failure
    }

    fn noted(&self, cause: &Cause, mut answer: Answer) -> Answer {
        let PipelineCompletionMsg::DeliverNack { nack } = &mut answer else {
            return answer;
        };
        let failure = match cause {
            Cause::Behind(Some(failure)) => failure.clone(),
            Cause::Behind(None) => return answer,
            Cause::Own => {
                let mut told = self.told.iter();
                told.find(|(reason, _)| *reason == nack.reason)
                    .map(|(_, failure)| failure.clone())
                    .unwrap_or_else(|| self.own(nack))
            }
        };
        // Some nodes hand every nack on as one that may be tried again.
        nack.permanent |= failure.class.is_final();
        match Tag::of(&nack.refused) {
            Some(tag) => ambient::note(tag, failure),
            // A batch of no call: its nack may still end calls, with this failure.
            None => carried::put(&mut nack.refused, &failure),
        }
        answer
    }
}
