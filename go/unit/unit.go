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
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/hostcalls"
	"github.com/strait-data/strait/go/process"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/sinks"
	"github.com/strait-data/strait/go/unit/call"
)

// Unit is the host's side of one engine pipeline: its lanes, and its lifecycle. Made by New, which
// has no side effect; everything is opened by Start.
type Unit struct {
	spec      Spec
	transport Transport
	telemetry component.TelemetrySettings
	stats     call.Stats

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
	release    []func() // of what Rust tells and asks by the unit's handles

	asides         []*Aside   // by member
	healths        []*health  // by member
	health         *health    // of the first, which the others hear of
	statusOf       []uint64   // by index: the handle by which Rust says how a lane is
	saidBy         [][]uint64 // by index: those by which its members say how they are
	counts         counts
	renewing       sync.WaitGroup
	stopRenewing   context.Context
	cancelRenewing context.CancelFunc

	closed    func() // takes back what Spec.Opened was told; nil: nothing was
	unobserve func() // ends the metrics; nil: there are none
	// recordInside is the metric of how long calls are in the unit; nil: there is none.
	recordInside atomic.Pointer[func(context.Context, time.Duration)]

	edges     call.Edges
	next      atomic.Uint64  // where the search for a lane begins
	peerCalls sync.WaitGroup // calls of the peer
	inUse     sync.WaitGroup // calls between enter and leave
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
// nothing stays open. From then on the host hears of lanes that fail: as recoverable while they are
// made anew, else as permanent.
func (u *Unit) Start(ctx context.Context, host component.Host, edges call.Edges) error {
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
		if err := u.spec.Expect.Check(); err != nil {
			return err
		}
	}
	if s := u.spec.Members[0].Sending; s != nil && s.Queue != nil && s.Queue.Storage != "" {
		if err := CheckStorage(s.Queue.Storage, host); err != nil {
			return err
		}
	}
	u.inherit()
	u.peer, u.handle = peer, control.NextHandle()
	if u.spec.kind() == KindProcessor { // others may be in several
		u.spec.Pipeline = PipelineOf(host)
	}
	u.edges = edges
	u.findAsides()
	u.watchMembers(host)
	lanes, err := u.open(ctx, host)
	if err == nil {
		u.unobserve, err = u.observe()
	}
	if err == nil {
		u.release = append(u.release, process.Measure(u.telemetry, u.peer))
		err = u.health.begin()
	}
	if err != nil {
		return errors.Join(err, u.close(ctx, lanes))
	}
	u.showPassed()
	if u.spec.Opened != nil {
		u.closed = u.spec.Opened(u.spec.Pipeline, u.handle)
	}
	u.mu.Lock()
	u.lanes, u.retired, u.state = lanes, make([]ring.Stats, len(lanes)), stateRunning
	u.mu.Unlock()
	for _, l := range lanes {
		if err := l.Ended(); err != nil { // while the unit was not running yet
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
func (u *Unit) open(ctx context.Context, host component.Host) (lanes []*lane, err error) {
	u.background, u.cancel = context.WithCancel(context.Background())
	u.stopRenewing, u.cancelRenewing = context.WithCancel(u.background)
	u.release = []func(){sinks.Logs(u.handle, u.telemetry.Logger)}
	if err := u.findOthers(); err != nil {
		return nil, err
	}
	if err := u.nameMembers(host); err != nil {
		return nil, err
	}
	if _, err := operate[struct{}](ctx, u.peer, control.Create, u.handle, u.spec); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	if u.session, err = newSession(); err != nil {
		return nil, err
	}
	for i := range u.spec.Lanes {
		status := control.NextHandle()
		heard := func(s control.Status) { u.health.heard(i, s) }
		u.release = append(u.release, control.HandleStatus(status, heard))
		u.statusOf, u.saidBy = append(u.statusOf, status), append(u.saidBy, u.hearMembers(i))
		l, err := u.newLane(i, 1)
		if err != nil {
			return lanes, err
		}
		lanes = append(lanes, l)
	}
	return lanes, u.join(ctx, nil, lanes...)
}

// answers lets a member ask the Collector, as the component that it is.
func answers(m *Member, host component.Host) (stop func(), err error) {
	kind, is := m.Kind.ofCollector()
	if !is {
		return func() {}, nil // engine nodes alone do not ask
	}
	c := hostcalls.Component{Kind: kind}
	if err := c.ID.UnmarshalText([]byte(m.ID)); err != nil {
		return nil, fmt.Errorf("%q is no id of a component: %w", m.ID, err)
	}
	return hostcalls.Answer(m.Handle, c, host), nil
}

// Stats are the unit's own counters.
func (u *Unit) Stats() call.Snapshot { return u.stats.Snapshot() }

// Links are the ring counters of each lane, ours and the peer's, those of links before the last one
// included; after Shutdown the last ones.
func (u *Unit) Links() []ring.Stats {
	u.mu.Lock()
	lanes, retired := u.lanes, slices.Clone(u.retired)
	u.mu.Unlock()
	out := make([]ring.Stats, 0, len(lanes))
	for i, l := range lanes {
		out = append(out, add(retired[i], l.Link().Stats()))
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
