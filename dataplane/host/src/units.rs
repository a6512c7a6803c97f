//! The units of this process, by the handle that the host gave them, and the way from a call id to
//! its lane.

use crate::links::{Accepted, Answer, Offer, StartReply, StartRequest};
use crate::to_host::ToHost;
use futures_util::future::join_all;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use strait_component::{Kind, Signal};
use strait_control::{CallId, Class, Failure, OperationError};
use strait_engine::{Door, Exported, Lane, LaneConfig, Report, Unit, UnitMember, Upcalls};
use strait_ringbuf::PeerFds;

/// Time that is kept of a drain's limit to end what did not drain.
const DRAIN_MARGIN: Duration = Duration::from_millis(250);

/// All units and lanes.
#[derive(Default)]
pub(crate) struct Units {
    units: Mutex<HashMap<u64, Entry>>,
    routes: RwLock<HashMap<u16, Arc<Lane>>>,
}

struct Entry {
    unit: Arc<Unit>,
    running: Running,
}

/// What the members of a unit have taken, in their order: log records, spans or data points. 0 of
/// the first one, for which the host counts; but where it is a receiver, what became of what it has
/// sent, by signal.
#[derive(Default, Serialize)]
pub(crate) struct Taken {
    taken: Vec<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sent: BTreeMap<&'static str, Sent>,
    /// What exporters behind others have done, by their places.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exported: BTreeMap<usize, Exported>,
}

/// How many items of a signal were accepted, and how many were refused.
#[derive(Serialize)]
struct Sent {
    accepted: u64,
    refused: u64,
}

impl Taken {
    fn by(unit: &Unit) -> Self {
        let sent = |signal: &Signal| {
            let (accepted, refused) = unit.members.first()?.sent(*signal);
            Some((signal.name(), Sent { accepted, refused }))
        };
        Self {
            taken: unit.members.iter().map(UnitMember::taken).collect(),
            exported: (0..)
                .zip(&*unit.members)
                .filter_map(|(at, member)| Some((at, member.exported()?)))
                .collect(),
            sent: if unit.kind == Kind::Receiver {
                Signal::ALL.iter().filter_map(sent).collect()
            } else {
                BTreeMap::new()
            },
        }
    }
}

enum Running {
    No,
    Starting,
    Yes(Vec<Started>),
}

struct Started {
    number: u16,
    lane: Arc<Lane>,
    to_host: Arc<ToHost>,
    /// The host duplicates these after it has read the reply to start.
    _fds: PeerFds<OwnedFd>,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.to_host.ended();
    }
}

impl Units {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a unit under its handle; those that it sends batches to are there before it.
    pub(crate) fn create(&self, handle: u64, unit: Unit) -> Result<(), OperationError> {
        let mut units = self.lock();
        if units.contains_key(&handle) {
            let message = format!("handle {handle} names a unit already; shut it down first");
            return Err(OperationError::new(Class::Permanent, message));
        }
        let door = |handle| units.get(&handle)?.unit.door.clone();
        for member in unit.members.iter() {
            member.find(door).map_err(|to| {
                let message = format!("no unit of handle {to} takes batches of other units");
                OperationError::new(Class::Permanent, message).at(&unit.id)
            })?;
        }
        units.insert(
            handle,
            Entry {
                unit: Arc::new(unit),
                running: Running::No,
            },
        );
        Ok(())
    }

    /// Starts a unit's lanes, one per link, or one lane anew. On an error nothing that was not
    /// there before runs.
    pub(crate) async fn start(
        &self,
        handle: u64,
        request: StartRequest,
    ) -> Result<StartReply, OperationError> {
        match request.lane {
            Some(index) => self.replace(handle, index, &request).await,
            None => self.start_all(handle, &request).await,
        }
    }

    async fn start_all(
        &self,
        handle: u64,
        request: &StartRequest,
    ) -> Result<StartReply, OperationError> {
        let unit = self.begin_start(handle)?;
        let result = self.start_lanes(handle, &unit, request).await;
        let mut units = self.lock();
        let Some(entry) = units.get_mut(&handle) else {
            // Shut down meanwhile: the lanes end as they are dropped.
            return Err(OperationError::new(
                Class::Cancelled,
                "the unit was shut down while it started",
            ));
        };
        match result {
            Ok((started, report)) => {
                let links: Vec<Answer> = started
                    .iter()
                    .map(|started| Accepted::answer(&started._fds))
                    .collect();
                let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
                for started in &started {
                    routes.insert(started.number, Arc::clone(&started.lane));
                }
                entry.running = Running::Yes(started);
                Ok(StartReply { links, report })
            }
            Err(error) => {
                entry.running = Running::No;
                Err(error)
            }
        }
    }

    fn begin_start(&self, handle: u64) -> Result<Arc<Unit>, OperationError> {
        let mut units = self.lock();
        let Some(entry) = units.get_mut(&handle) else {
            let message = format!("no unit has handle {handle}: create comes first");
            return Err(OperationError::new(Class::Permanent, message));
        };
        if !matches!(entry.running, Running::No) {
            let message = format!("the unit `{}` has been started already", entry.unit.id);
            return Err(OperationError::new(Class::Permanent, message));
        }
        entry.running = Running::Starting;
        Ok(Arc::clone(&entry.unit))
    }

    async fn start_lanes(
        &self,
        handle: u64,
        unit: &Arc<Unit>,
        request: &StartRequest,
    ) -> Result<(Vec<Started>, Report), OperationError> {
        if request.links.len() != unit.lanes as usize {
            let (links, lanes) = (request.links.len(), unit.lanes);
            let message =
                format!("{links} links were offered for {lanes} lanes, expected one each");
            return Err(OperationError::new(Class::Permanent, message));
        }
        let credit = request.credit(unit)?;
        let mut started = Vec::with_capacity(request.links.len());
        for (index, offer) in (0..).zip(&request.links) {
            started.push(start_lane(handle, unit, index, offer, request, credit).await?);
        }
        Ok((started, Report::of(unit, credit)))
    }

    /// Puts a new lane in the place of one whose link has ended. The old one ends first, at once:
    /// its calls have ended on the host's side.
    async fn replace(
        &self,
        handle: u64,
        index: u32,
        request: &StartRequest,
    ) -> Result<StartReply, OperationError> {
        let wrong = |message: String| OperationError::new(Class::Permanent, message);
        let [offer] = request.links.as_slice() else {
            let links = request.links.len();
            return Err(wrong(format!("{links} links were offered for one lane")));
        };
        let (unit, old) = self.lane_at(handle, index).ok_or_else(|| {
            wrong(format!(
                "no unit of handle {handle} runs a lane {index} to replace"
            ))
        })?;
        let credit = request.credit(&unit)?;
        old.end(Instant::now()).await;
        let started = start_lane(handle, &unit, index, offer, request, credit).await?;
        let mut units = self.lock();
        let Some(Running::Yes(lanes)) = units.get_mut(&handle).map(|entry| &mut entry.running)
        else {
            return Err(OperationError::new(
                Class::Cancelled,
                "the unit was shut down while its lane was replaced",
            ));
        };
        let answer = Accepted::answer(&started._fds);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.insert(started.number, Arc::clone(&started.lane));
        let before = std::mem::replace(&mut lanes[index as usize], started);
        routes.remove(&before.number);
        Ok(StartReply {
            links: vec![answer],
            report: Report::of(&unit, credit),
        })
    }

    fn lane_at(&self, handle: u64, index: u32) -> Option<(Arc<Unit>, Arc<Lane>)> {
        let units = self.lock();
        let entry = units.get(&handle)?;
        let Running::Yes(lanes) = &entry.running else {
            return None;
        };
        let lane = Arc::clone(&lanes.get(index as usize)?.lane);
        Some((Arc::clone(&entry.unit), lane))
    }

    /// Drains and ends a unit, and forgets it; what its members have taken by then. A unit that is
    /// not known has ended.
    pub(crate) async fn shutdown(&self, handle: u64, deadline: Instant) -> Taken {
        let Some(entry) = self.lock().remove(&handle) else {
            return Taken::default();
        };
        let _door = Shut(entry.unit.door.clone());
        let Running::Yes(started) = entry.running else {
            return Taken::by(&entry.unit);
        };
        // Also when this operation is cancelled while the lanes drain.
        let _routes = Unroute(&self.routes, started.iter().map(|s| s.number).collect());
        let now = Instant::now();
        let drain = deadline.saturating_duration_since(now);
        let until = now + drain.saturating_sub(DRAIN_MARGIN.min(drain / 4));
        let ends = started.iter().map(|started| started.lane.shutdown(until));
        // All are asked at once; each then ends by itself.
        for end in join_all(ends).await.into_iter().flatten() {
            // What became of the batches is in the host's metrics: here is only how the lane's work
            // ended.
            tracing::debug!(
                unit = %entry.unit.id,
                calls = end.calls,
                answered = end.acked,
                failed = end.failed,
                outputs = end.egress,
                pipelines = end.generations,
                "a lane has ended"
            );
        }
        for member in entry.unit.members.iter() {
            if let items @ 1.. = member.give_up() {
                let (unit, component) = (&entry.unit.id, &member.id);
                let why = "what was queued is given up: no lane of the unit could send it";
                tracing::error!(%unit, %component, items, "{why}");
            }
        }
        Taken::by(&entry.unit)
    }

    /// What the members of a unit have taken up to now; `None`: the handle names no unit.
    pub(crate) fn taken(&self, handle: u64) -> Option<Taken> {
        let units = self.lock();
        Some(Taken::by(&units.get(&handle)?.unit))
    }

    /// The lane of a call or token.
    pub(crate) fn lane_of(&self, bits: u64) -> Option<Arc<Lane>> {
        let link = CallId::from_bits(bits).ok()?.link();
        self.routes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&link)
            .cloned()
    }
}

/// Starts a lane on the link that the host offers.
async fn start_lane(
    handle: u64,
    unit: &Arc<Unit>,
    index: u32,
    offer: &Offer,
    request: &StartRequest,
    credit: u32,
) -> Result<Started, OperationError> {
    let Accepted {
        link,
        fds,
        number,
        epoch,
        descriptors,
    } = offer.accept(request.policy, unit.edges.len())?;
    let status = if offer.status == 0 {
        handle
    } else {
        offer.status
    };
    let to_host = Arc::new(ToHost::new(handle, status, &unit.members, &offer.said));
    let config = LaneConfig {
        unit: Arc::clone(unit),
        index,
        link,
        descriptors,
        link_number: number,
        epoch,
        max_wait: Duration::from_nanos(request.max_wait_ns),
        credit: credit as usize,
        upcalls: Arc::clone(&to_host) as Arc<dyn Upcalls>,
    };
    let lane = Lane::start(config)
        .await
        .map_err(|failure| named(failure, unit))?;
    Ok(Started {
        number,
        lane: Arc::new(lane),
        to_host,
        _fds: fds,
    })
}

/// Closes the door of a unit when it goes.
struct Shut(Option<Door>);

impl Drop for Shut {
    fn drop(&mut self) {
        if let Some(door) = &self.0 {
            door.close();
        }
    }
}

/// Takes lanes out of the routes when it goes.
struct Unroute<'a>(&'a RwLock<HashMap<u16, Arc<Lane>>>, Vec<u16>);

impl Drop for Unroute<'_> {
    fn drop(&mut self) {
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for number in &self.1 {
            routes.remove(number);
        }
    }
}

fn named(failure: Failure, unit: &Unit) -> OperationError {
    let failure = if failure.component.is_empty() {
        failure.at(unit.id.clone())
    } else {
        failure
    };
    failure.into()
}
