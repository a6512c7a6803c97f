//! The lane of this thread: what nodes look for that the engine makes by bare functions.
//!
//! What it is: the one value of this crate that belongs to a thread. A lane enters its thread
//! ([`enter`]) before it builds a pipeline, and leaves it when the guard is dropped. Nodes find its
//! [`Port`] here, and leave what the lane has to know of them for as long as their pipeline lasts.
//!
//! Guarantees: outside of a lane nothing is found, and nothing is kept; what belongs to a pipeline
//! is not found by the next one.
//!
//! It leaves what is done with what it keeps to the rooms that put it here.

use crate::calls::tag::Tag;
use crate::calls::{Origin, Port};
use crate::sending::Sending;
use crate::unit::{Sent, Taken, UnitMember};
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::control::{NodeControlMsg, PipelineCompletionMsg};
use otel_arrow_dfe_engine::local::message::LocalSender;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use strait_component::Context;
use strait_failure::Failure;
use tokio::sync::mpsc::{Sender, WeakSender};
use tokio::sync::watch;

/// What a pipeline's nodes answer for batches.
pub(crate) type Answer = PipelineCompletionMsg<OtapPdata>;
/// Where a node gets messages of the lane's own.
pub(crate) type NodeInbox = LocalSender<NodeControlMsg<OtapPdata>>;

/// Which messages of the lane's own a node gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wants {
    /// It holds data, and is asked to hand it on when the lane drains.
    pub(crate) holds: bool,
    /// It gets a tick when its pipeline starts, and ticks while the lane drains.
    pub(crate) resumes: bool,
}

struct Lane {
    port: Rc<Port>,
    pipeline: Pipeline,
}

/// What belongs to the pipeline that runs on this thread, or is being built.
#[derive(Default)]
struct Pipeline {
    /// Where its nodes answer. Not held: the engine's channel ends when no sender is left.
    answers: Option<WeakSender<Answer>>,
    /// Nodes that get messages of the lane's own.
    nodes: Vec<(Wants, NodeInbox)>,
    /// What is done when it has ended.
    endings: Vec<Box<dyn FnOnce()>>,
    /// When it must have drained, once it was asked to.
    drain: watch::Sender<Option<Instant>>,
    /// How many of its nodes may still make batches, or let some in.
    sources: watch::Sender<usize>,
}

thread_local! {
    static LANE: RefCell<Option<Lane>> = const { RefCell::new(None) };
}

/// Makes a lane this thread's, until what comes back is dropped.
pub(crate) fn enter(port: &Rc<Port>) -> Entered {
    LANE.set(Some(Lane {
        port: Rc::clone(port),
        pipeline: Pipeline::default(),
    }));
    Entered(PhantomData)
}

/// A lane is this thread's.
#[must_use]
pub(crate) struct Entered(PhantomData<*const ()>);

impl Drop for Entered {
    fn drop(&mut self) {
        end_pipeline();
        drop(LANE.take());
    }
}

/// The port of this thread's lane.
pub(crate) fn port() -> Option<Rc<Port>> {
    LANE.with_borrow(|lane| lane.as_ref().map(|lane| Rc::clone(&lane.port)))
}

/// The port of the lane that a node is made for; `who` says in an error which node that is.
pub(crate) fn port_for(who: &str) -> Result<Rc<Port>, ConfigError> {
    port().ok_or_else(|| ConfigError::InvalidUserConfig {
        error: format!("no lane on this thread: {who} runs inside a Strait lane only"),
    })
}

/// Where what enters a member by the node of this name is counted; `None`: it is not.
pub(crate) fn entered(node: &str) -> Option<Arc<Taken>> {
    let port = port()?;
    let enters = |known: &&UnitMember| known.entries.iter().any(|entry| entry == node);
    let member = port.settings.members.iter().find(enters)?;
    Some(Arc::clone(&member.taken))
}

/// What is in front of the exporter that the node of this name runs; `None`: nothing is.
pub(crate) fn sending(node: &str) -> Option<Arc<Sending>> {
    let port = port()?;
    let enters = |known: &&UnitMember| known.entries.iter().any(|entry| entry == node);
    port.settings.members.iter().find(enters)?.sending.clone()
}

/// Where it is counted what becomes of what this lane's receiver sends.
pub(crate) fn sent() -> Option<Arc<Sent>> {
    Some(Arc::clone(&port()?.settings.members.first()?.sent))
}

/// Keeps `failure` beside the engine's nack of the tagged call.
pub(crate) fn note(tag: Tag, failure: Failure) {
    if let Some(port) = port()
        && tag.generation == port.calls().generation()
    {
        port.change(|calls| calls.note(tag.call_id, failure));
    }
}

/// What came with a batch of this lane's; that of nobody where nothing is known.
pub(crate) fn context_of(tag: Option<Tag>) -> Context {
    port().map_or_else(Context::default, |port| port.contexts.of(tag))
}

/// Whether nobody waits any more for a tagged batch: its call has ended, or who sent it has left.
pub(crate) fn is_unwanted(tag: Option<Tag>) -> bool {
    port().is_some_and(|port| {
        let ended = port.calls().origin_of(tag) == Origin::Unwanted;
        ended || port.contexts.is_withdrawn(tag)
    })
}

/// Whether the unit of this lane ends, and not only the lane.
pub(crate) fn unit_ends() -> bool {
    port().is_none_or(|port| port.inbox().unit_ends())
}

/// Says that the cause of this generation's end is known, and has its answer.
pub(crate) fn blame() {
    if let Some(port) = port() {
        port.change(|calls| calls.blame());
    }
}

/// A pipeline is to be built, whose nodes answer there.
pub(crate) fn begin_pipeline(answers: &Sender<Answer>) {
    of_pipeline(|pipeline| pipeline.answers = Some(answers.downgrade()));
}

/// Where a node that is being built answers.
pub(crate) fn answers() -> Option<Sender<Answer>> {
    of_pipeline(|pipeline| pipeline.answers.as_ref()?.upgrade())?
}

/// Keeps a node that is being built, which is to get messages.
pub(crate) fn add_node(wants: Wants, inbox: &NodeInbox) {
    of_pipeline(|pipeline| pipeline.nodes.push((wants, inbox.clone())));
}

/// Looks at the nodes that get messages.
pub(crate) fn nodes<R>(look: impl FnOnce(&[(Wants, NodeInbox)]) -> R) -> R {
    LANE.with_borrow(|lane| look(lane.as_ref().map_or(&[], |lane| &lane.pipeline.nodes)))
}

/// The pipeline drains until then.
pub(crate) fn drain_until(deadline: Instant) {
    of_pipeline(|pipeline| pipeline.drain.send_replace(Some(deadline)));
}

/// When the pipeline must have drained, once it was asked to.
pub(crate) fn draining() -> Option<Instant> {
    of_pipeline(|pipeline| *pipeline.drain.borrow())?
}

/// When the pipeline that is being built must have drained, once it was asked to.
pub(crate) fn drain() -> Option<watch::Receiver<Option<Instant>>> {
    of_pipeline(|pipeline| pipeline.drain.subscribe())
}

/// A node of the pipeline that is being built makes batches, or lets some in, till the source goes.
pub(crate) fn source() -> Source {
    let sources = of_pipeline(|pipeline| pipeline.sources.clone()).unwrap_or_default();
    sources.send_modify(|count| *count += 1);
    Source(sources)
}

/// See [`source`].
pub(crate) struct Source(watch::Sender<usize>);

impl Drop for Source {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// How many of the nodes of the pipeline that is being built may still make batches.
pub(crate) fn sources() -> watch::Receiver<usize> {
    let sources = of_pipeline(|pipeline| pipeline.sources.subscribe());
    sources.unwrap_or_else(|| watch::channel(0).1)
}

/// Has `ending` done when the pipeline has ended, and with it every node.
pub(crate) fn at_end(ending: impl FnOnce() + 'static) {
    of_pipeline(|pipeline| pipeline.endings.push(Box::new(ending)));
}

/// The pipeline has ended.
pub(crate) fn end_pipeline() {
    let ended = of_pipeline(std::mem::take).unwrap_or_default();
    for ending in ended.endings {
        ending();
    }
}

fn of_pipeline<R>(what: impl FnOnce(&mut Pipeline) -> R) -> Option<R> {
    LANE.with_borrow_mut(|lane| lane.as_mut().map(|lane| what(&mut lane.pipeline)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{Inbox, LaneStatus, Limits, Settings, Upcalls};
    use crate::link;
    use crate::plan::projection::Projection;
    use crate::unit::Exits;
    use std::cell::Cell;
    use std::time::Duration;
    use strait_ringbuf::{Geometry, HostPending, Identity, Options, accept};
    use tokio::sync::mpsc;

    struct Nobody;

    impl Upcalls for Nobody {
        fn batch_failed(&self, _: u64, _: &Failure) {}
        fn batch_cancel(&self, _: u64) {}
        fn status(&self, _: LaneStatus, _: &str) {}
    }

    fn a_port() -> Rc<Port> {
        let options = Options::new(Identity {
            session: 1,
            epoch: 1,
            geometry: Geometry::new(8, 16).expect("a geometry"),
        });
        let pending = HostPending::create(&options).expect("a link");
        let fds = pending.fds().try_map(|fd| fd.try_clone_to_owned());
        let (link, _) = accept(&options, fds.expect("descriptors")).expect("a peer");
        let settings = Settings {
            unit: "test".into(),
            limits: Limits {
                calls: 8,
                max_in_flight: 8,
                credit: 1,
                token_base: 0,
                projects: false,
            },
            max_wait: Duration::ZERO,
            has_components: false,
            exits: Exits::default(),
            members: Arc::default(),
            door: None,
            projection: Projection::default(),
        };
        let ends = link::split(link, Some(0), false);
        Port::new(ends, settings, Arc::new(Nobody), Inbox::new(8))
    }

    // Guarantees: a lane is found on its thread until it leaves it, and nowhere else.
    #[test]
    fn a_lane_is_found_while_it_is_there() {
        let lane = a_port();
        assert!(port().is_none());
        let entered = enter(&lane);
        assert!(port().is_some_and(|found| Rc::ptr_eq(&found, &lane)));
        let elsewhere = std::thread::spawn(|| port().is_none());
        assert!(elsewhere.join().expect("no panic"));
        drop(entered);
        assert!(port().is_none());
    }

    // Guarantees: what belongs to a pipeline ends with it, once, and is not found by the next; the
    // channel for answers is not held open here; without a lane nothing is kept.
    #[test]
    fn a_pipeline_leaves_nothing() {
        let ended = Rc::new(Cell::new(0));
        let count = || {
            let ended = Rc::clone(&ended);
            move || ended.set(ended.get() + 1)
        };
        let (sender, mut receiver) = mpsc::channel(1);
        at_end(count());
        begin_pipeline(&sender);
        assert!(answers().is_none());
        let entered = enter(&a_port());
        begin_pipeline(&sender);
        assert!(answers().is_some());
        at_end(count());
        end_pipeline();
        assert_eq!(ended.get(), 1);
        assert!(answers().is_none() && nodes(<[_]>::is_empty));
        begin_pipeline(&sender);
        drop(sender);
        assert!(receiver.blocking_recv().is_none(), "nobody can answer");
        at_end(count());
        drop(entered);
        assert_eq!(ended.get(), 2);
    }
}
