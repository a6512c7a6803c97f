package unit

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/process"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/sinks"
)

// Unit is the host's side of one engine pipeline: its lanes, and its lifecycle. Made by New, which
// has no side effect; everything is opened by Start.
type Unit struct {
	spec      Spec
	transport Transport
	telemetry component.TelemetrySettings
	stats     Stats

	mu       sync.Mutex // of state, lanes and retired; never held while anything waits
	state    state
	lanes    []*lane      // by index; a link that is renewed is a new lane there
	retired  []ring.Stats // by index: the sums of what links that have ended counted
	stopping sync.Mutex   // held by Start and Shutdown: each waits for the other's end

	peer       *control.Peer
	handle     uint64
	session    uint64
	background context.Context // until everything of the unit has ended
	cancel     context.CancelFunc
	release    []func() // of the sinks of log lines and of status reports

	health         *health
	statusOf       []uint64 // by index: the handle by which Rust says how a lane is
	renewing       sync.WaitGroup
	stopRenewing   context.Context
	cancelRenewing context.CancelFunc

	unobserve func() // ends the metrics; nil: there are none

	next    atomic.Uint64 // where the search for a lane begins
	consume consumeForeign
	foreign sync.WaitGroup // batches of no call
	inUse   sync.WaitGroup // calls between enter and leave

	consuming atomic.Int64 // batches that are with the next consumer now
}

type state int

const (
	stateNew state = iota
	stateRunning
	stateStopped
)

var errNotRunning = errors.New("not running: batches are taken between Start and Shutdown")

// New keeps what Start needs.
func New(spec Spec, transport Transport, telemetry component.TelemetrySettings) *Unit {
	return &Unit{spec: spec, transport: transport, telemetry: telemetry}
}

// Start makes the unit in Rust and its links, and returns when every lane is ready. On an error
// nothing stays open. consume takes what the engine merged or made itself, on a goroutine of its
// own. From then on the host hears of lanes that fail: as recoverable while they are made anew,
// else as permanent.
func (u *Unit) Start(ctx context.Context, host component.Host, consume consumeForeign) error {
	u.stopping.Lock()
	defer u.stopping.Unlock()
	if u.stateNow() != stateNew {
		return errors.New("started before: a component starts once")
	}
	peer, err := control.Bind()
	if err != nil {
		return err
	}
	if u.spec.Expect != nil {
		if err := u.spec.Expect.check(); err != nil {
			return err
		}
	}
	u.peer, u.handle = peer, control.NextHandle()
	u.spec.Pipeline = pipelineOf(host)
	u.consume = consume
	report := func(e *componentstatus.Event) { componentstatus.ReportStatus(host, e) }
	u.health = newHealth(max(u.spec.Lanes, 1), report)
	lanes, err := u.open(ctx)
	if err == nil {
		u.unobserve, err = u.observe()
	}
	if err == nil {
		u.release = append(u.release, process.Measure(u.telemetry, u.peer))
	}
	if err != nil {
		return errors.Join(err, u.close(ctx, lanes))
	}
	u.mu.Lock()
	u.lanes, u.retired, u.state = lanes, make([]ring.Stats, len(lanes)), stateRunning
	u.mu.Unlock()
	for _, l := range lanes {
		if err := l.ended(); err != nil { // while the unit was not running yet
			u.linkEnded(l, err)
		}
	}
	return nil
}

func (u *Unit) stateNow() state {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state
}

// open returns the lanes that it made also when it fails: close takes them.
func (u *Unit) open(ctx context.Context) (lanes []*lane, err error) {
	u.background, u.cancel = context.WithCancel(context.Background())
	u.stopRenewing, u.cancelRenewing = context.WithCancel(u.background)
	u.release = []func(){sinks.Logs(u.handle, u.telemetry.Logger)}
	if _, err := operate[struct{}](ctx, u.peer, control.Create, u.handle, u.spec); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	if u.session, err = newSession(); err != nil {
		return nil, err
	}
	for i := range max(u.spec.Lanes, 1) {
		status := control.NextHandle()
		u.statusOf = append(u.statusOf, status)
		heard := func(s control.Status) { u.health.heard(i, s) }
		u.release = append(u.release, control.HandleStatus(status, heard))
		l, err := u.newLane(i, 1)
		if err != nil {
			return lanes, err
		}
		lanes = append(lanes, l)
	}
	return lanes, u.join(ctx, nil, lanes...)
}

// newLane makes the host's side of a lane. A link that is renewed has a number of its own, so that
// what is late for the one before finds nothing.
func (u *Unit) newLane(index int, epoch uint32) (*lane, error) {
	number, err := control.AllocateLink()
	if err != nil {
		return nil, err
	}
	link, err := ring.NewHost(ring.Options{
		Number: number, Session: u.session, Epoch: epoch, Geometry: u.transport.Geometry,
		Policy: u.transport.Wake.policy(), MaxWait: u.transport.MaxWait,
		Trust:   ring.VouchForPeer(), // the other side is this process
		EdgesIn: uint32(len(u.spec.Edges)), EdgesOut: uint32(len(u.spec.Edges)),
	})
	if err != nil {
		control.ReleaseLink(number)
		return nil, fmt.Errorf("link: %w", err)
	}
	l := &lane{
		link: link, peer: u.peer, index: index, number: number, epoch: epoch,
		in: u.spec.edge(In).Number, out: u.spec.edge(Out).Number,
		schemas: record.NewSchemas(), stats: &u.stats,
		calls: map[uint64]*call{}, onEnd: u.linkEnded,
		foreign: foreign{
			ctx: u.background, consume: u.consume, running: &u.foreign,
		},
	}
	l.logs = otap.NewLogsEncoder(record.NewRegistry(preambles{link.Producer()}),
		encoderOptions(u.spec.Fidelity, link.Producer().MaxBytes()))
	l.decoders.New = func() any { return otap.NewLogsDecoder(l.schemas) }
	if err := control.HandleLink(number, l); err != nil {
		control.ReleaseLink(number)
		return nil, errors.Join(err, link.Close())
	}
	return l, nil
}

// enter gives a caller a lane, and keeps the unit open until it leaves.
func (u *Unit) enter() (*lane, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != stateRunning {
		return nil, errNotRunning
	}
	if refused := control.MemoryRefusal(); refused != nil {
		refused.Component = u.spec.ID
		return nil, refused.AsError()
	}
	l := u.choose()
	if l == nil {
		return nil, u.health.refusal(u.spec.ID)
	}
	l.callers.Add(1)
	u.inUse.Add(1)
	return l, nil
}

// choose gives the lane with the fewest callers among those that work, and of equals the next in
// turn. Where none works it is one that is being made anew: what is sent there waits, or is told
// why not. nil: all have failed.
func (u *Unit) choose() (best *lane) {
	n := uint64(len(u.lanes))
	first := u.next.Add(1)
	state, fewest := failed, int64(0)
	for i := range n {
		l := u.lanes[(first+i)%n]
		is, callers := u.health.of(l.index), l.callers.Load()
		if is == working && l.link.Err() != nil {
			is = restarting // nobody has said so yet
		}
		if is < state || is == state && best != nil && callers < fewest {
			best, state, fewest = l, is, callers
		}
		if state == working && fewest == 0 {
			break // none has fewer
		}
	}
	return best
}

func (u *Unit) leave(l *lane) {
	l.callers.Add(-1)
	u.inUse.Done()
}

// Stats are the unit's own counters.
func (u *Unit) Stats() Snapshot { return u.stats.Snapshot() }

// Links are the ring counters of each lane, ours and the peer's, those of links before the last one
// included; after Shutdown the last ones.
func (u *Unit) Links() []ring.Stats {
	u.mu.Lock()
	lanes, retired := u.lanes, slices.Clone(u.retired)
	u.mu.Unlock()
	out := make([]ring.Stats, 0, len(lanes))
	for i, l := range lanes {
		out = append(out, add(retired[i], l.link.Stats()))
	}
	return out
}

func newSession() (uint64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("no random session id: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// operate runs one operation of the control channel with JSON both ways.
func operate[T any](
	ctx context.Context,
	peer *control.Peer,
	kind control.OpKind,
	handle uint64,
	payload any,
) (*T, error) {
	b, err := encodePayload(payload)
	if err != nil {
		return nil, err
	}
	reply, err := peer.Call(ctx, kind, handle, b)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if len(reply) > 0 {
		if err := json.Unmarshal(reply, out); err != nil {
			return nil, fmt.Errorf("the Rust side's answer is not what this version expects: %w", err)
		}
	}
	return out, nil
}
