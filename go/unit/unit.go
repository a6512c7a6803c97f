package unit

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
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

// Unit is the host's side of one engine pipeline: its lanes, and its lifecycle. Made by New, which has
// no side effect; everything is opened by Start.
type Unit struct {
	spec      Spec
	transport Transport
	telemetry component.TelemetrySettings
	stats     Stats

	mu       sync.Mutex // of state and lanes; never held while anything waits
	state    state
	lanes    []*lane
	stopping sync.Mutex // held by Start and Shutdown: each waits for the other's end

	peer    *control.Peer
	handle  uint64
	cancel  context.CancelFunc
	release []func() // of the sinks of log lines and of status reports

	unobserve func() // ends the metrics; nil: there are none
	report    func(*componentstatus.Event)

	next    atomic.Uint64 // round robin over the lanes
	foreign *workers
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

// Start makes the unit in Rust and its links, and returns when every lane is ready. On an error nothing
// stays open. consume takes what the engine merged or made itself, on a worker's goroutine. From then on the
// host hears of lanes that fail: as recoverable while Rust starts them again, else as permanent.
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
	u.report = func(e *componentstatus.Event) { componentstatus.ReportStatus(host, e) }
	lanes, err := u.open(ctx, consume)
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
	defer u.mu.Unlock()
	u.lanes, u.state = lanes, stateRunning
	return nil
}

func (u *Unit) stateNow() state {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state
}

// open returns the lanes that it made also when it fails: close takes them.
func (u *Unit) open(ctx context.Context, consume consumeForeign) (lanes []*lane, err error) {
	u.release = []func(){sinks.Logs(u.handle, u.telemetry.Logger), sinks.Status(u.handle, u.report).Release}
	if _, err := operate[struct{}](ctx, u.peer, control.Create, u.handle, u.spec); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	session, err := newSession()
	if err != nil {
		return nil, err
	}
	background, cancel := context.WithCancel(context.Background())
	u.cancel = cancel
	u.foreign = newWorkers(background, foreignWorkers, consume)
	for range max(u.spec.Lanes, 1) {
		l, err := u.newLane(session)
		if err != nil {
			return lanes, err
		}
		lanes = append(lanes, l)
	}
	request := startRequest{Policy: u.transport.Wake, MaxWaitNS: u.transport.MaxWait.Nanoseconds()}
	for _, l := range lanes {
		request.Links = append(request.Links, l.link.Offer())
	}
	reply, err := operate[startReply](ctx, u.peer, control.Start, u.handle, request)
	if err != nil {
		return lanes, fmt.Errorf("start: %w", err)
	}
	if len(reply.Links) != len(lanes) {
		return lanes, fmt.Errorf("start: %d links were answered, expected %d", len(reply.Links), len(lanes))
	}
	for i, l := range lanes {
		if err := l.link.Accept(reply.Links[i]); err != nil {
			return lanes, fmt.Errorf("start: link %d: %w", l.number, err)
		}
		l.reader = make(chan struct{})
		go l.read(background)
	}
	return lanes, nil
}

func (u *Unit) newLane(session uint64) (*lane, error) {
	number, err := control.AllocateLink()
	if err != nil {
		return nil, err
	}
	const epoch = 1
	link, err := ring.NewHost(ring.Options{
		Number: number, Session: session, Epoch: epoch, Geometry: u.transport.Geometry,
		Policy: u.transport.Wake.policy(), MaxWait: u.transport.MaxWait,
		Trust: ring.VouchForPeer(), // the other side is this process
	})
	if err != nil {
		control.ReleaseLink(number)
		return nil, fmt.Errorf("link: %w", err)
	}
	l := &lane{
		link: link, peer: u.peer, number: number, epoch: epoch, schemas: record.NewSchemas(),
		stats: &u.stats, report: u.report, calls: map[uint64]*call{},
	}
	l.logs = otap.NewLogsEncoder(record.NewRegistry(preambles{link.Producer()}),
		encoderOptions(u.spec.Fidelity, link.Producer().MaxBytes()))
	l.decoders.New = func() any { return otap.NewLogsDecoder(l.schemas) }
	l.foreign = func(o output) { u.takeForeign(l, o) }
	if err := control.HandleLink(number, l); err != nil {
		control.ReleaseLink(number)
		return nil, errors.Join(err, link.Close())
	}
	return l, nil
}

// enter gives a caller a lane, and keeps the unit open until it leaves. A lane whose link has ended gets no
// further batches while another one works.
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
	u.inUse.Add(1)
	n := uint64(len(u.lanes))
	first := u.next.Add(1)
	for i := range n {
		if l := u.lanes[(first+i)%n]; l.link.Err() == nil {
			return l, nil
		}
	}
	return u.lanes[first%n], nil // its begin says why
}

func (u *Unit) leave() { u.inUse.Done() }

// Stats are the unit's own counters.
func (u *Unit) Stats() Snapshot { return u.stats.Snapshot() }

// Links are the ring counters of each lane, ours and the peer's; after Shutdown the last ones.
func (u *Unit) Links() []ring.Stats {
	u.mu.Lock()
	lanes := u.lanes
	u.mu.Unlock()
	out := make([]ring.Stats, 0, len(lanes))
	for _, l := range lanes {
		out = append(out, l.link.Stats())
	}
	return out
}

func (u *Unit) takeForeign(l *lane, o output) {
	u.stats.foreignOutputs.Add(1)
	if !u.foreign.offer(foreignBatch{lane: l, output: o}) {
		u.stats.foreignRefused.Add(1)
		l.release(o.lease)
		l.batchFailed(o.token, &control.Failure{
			Class: control.Retryable, Message: fmt.Sprintf("all %d workers for merged batches are busy", foreignWorkers),
		})
	}
}

type startRequest struct {
	Links     []ring.Offer `json:"links"`
	Policy    Wake         `json:"policy"`
	MaxWaitNS int64        `json:"max_wait_ns"`
}

type startReply struct {
	Links []ring.Answer `json:"links"`
}

func newSession() (uint64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("no random session id: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// operate runs one operation of the control channel with JSON both ways.
func operate[T any](ctx context.Context, peer *control.Peer, kind control.OpKind, handle uint64, payload any) (*T, error) {
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
