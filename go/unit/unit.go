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

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// Unit is the host's side of one engine pipeline: its lanes, and its lifecycle. Made by New, which has
// no side effect; everything is opened by Start.
type Unit struct {
	spec      Spec
	transport Transport
	telemetry component.TelemetrySettings
	stats     Stats

	mu      sync.Mutex
	state   state
	peer    *control.Peer
	handle  uint64
	lanes   []*lane
	cancel  context.CancelFunc
	release func() // of the log lines'sink

	next    atomic.Uint64 // round robin over the lanes
	foreign *workers
	inUse   sync.WaitGroup // calls between enter and leave
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
// stays open. consume takes what the engine merged or made itself, on a worker's goroutine.
func (u *Unit) Start(ctx context.Context, consume consumeForeign) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != stateNew {
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
	if err := u.open(ctx, consume); err != nil {
		u.close(ctx)
		return err
	}
	u.state = stateRunning
	return nil
}

func (u *Unit) open(ctx context.Context, consume consumeForeign) error {
	u.release = control.HandleLogs(u.handle, logTo(u.telemetry.Logger))
	if _, err := operate[struct{}](ctx, u.peer, control.Create, u.handle, u.spec); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	session, err := newSession()
	if err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.Background())
	u.cancel = cancel
	u.foreign = newWorkers(background, foreignWorkers, consume)
	for range max(u.spec.Lanes, 1) {
		if err := u.addLane(session); err != nil {
			return err
		}
	}
	request := startRequest{Policy: u.transport.Wake, MaxWaitNS: u.transport.MaxWait.Nanoseconds()}
	for _, l := range u.lanes {
		request.Links = append(request.Links, l.link.Offer())
	}
	reply, err := operate[startReply](ctx, u.peer, control.Start, u.handle, request)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if len(reply.Links) != len(u.lanes) {
		return fmt.Errorf("start: %d links were answered, expected %d", len(reply.Links), len(u.lanes))
	}
	for i, l := range u.lanes {
		if err := l.link.Accept(reply.Links[i]); err != nil {
			return fmt.Errorf("start: link %d: %w", l.number, err)
		}
		l.reader.Add(1)
		go l.read(background)
	}
	return nil
}

func (u *Unit) addLane(session uint64) error {
	number, err := control.AllocateLink()
	if err != nil {
		return err
	}
	const epoch = 1
	link, err := ring.NewHost(ring.Options{
		Number: number, Session: session, Epoch: epoch, Geometry: u.transport.Geometry,
		Policy: u.transport.Wake.policy(), MaxWait: u.transport.MaxWait,
	})
	if err != nil {
		control.ReleaseLink(number)
		return fmt.Errorf("link: %w", err)
	}
	l := &lane{
		link: link, peer: u.peer, number: number, epoch: epoch, schemas: record.NewSchemas(),
		stats: &u.stats, calls: map[uint64]*call{},
	}
	l.logs = otap.NewLogsEncoder(record.NewRegistry(preambles{link.Producer()}), otap.Options{
		Fidelity: u.spec.Fidelity.ofRecords(), MaxBytes: link.Producer().MaxBytes() / 4,
	})
	l.decoders.New = func() any { return otap.NewLogsDecoder(l.schemas) }
	l.foreign = func(o output) { u.takeForeign(l, o) }
	u.lanes = append(u.lanes, l)
	return control.HandleLink(number, l)
}

// Shutdown drains the unit until the context's deadline and closes everything. It is safe without
// Start, and twice. Calls that are still in flight end as retryable.
func (u *Unit) Shutdown(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	running := u.state == stateRunning
	u.state = stateStopped
	if !running {
		return nil
	}
	return u.close(ctx)
}

// close ends what open began, whatever it got to.
func (u *Unit) close(ctx context.Context) error {
	_, err := operate[struct{}](ctx, u.peer, control.Shutdown, u.handle, struct{}{})
	if err != nil {
		err = fmt.Errorf("shutdown: %w", err)
	}
	for _, l := range u.lanes {
		l.fail(ring.ErrClosed)
		err = errors.Join(err, l.link.Close())
	}
	if u.cancel != nil {
		u.cancel()
	}
	for _, l := range u.lanes {
		l.reader.Wait()
		control.ReleaseLink(l.number)
	}
	if u.foreign != nil {
		u.foreign.wait()
	}
	u.inUse.Wait()
	if u.release != nil {
		u.release()
	}
	u.lanes = nil
	return err
}

// enter gives a caller a lane, and keeps the unit open until it leaves.
func (u *Unit) enter() (*lane, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != stateRunning {
		return nil, errNotRunning
	}
	u.inUse.Add(1)
	return u.lanes[u.next.Add(1)%uint64(len(u.lanes))], nil
}

func (u *Unit) leave() { u.inUse.Done() }

// Stats are the unit's own counters.
func (u *Unit) Stats() Snapshot { return u.stats.Snapshot() }

// Links are the ring counters of each lane, ours and the peer's.
func (u *Unit) Links() []ring.Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]ring.Stats, 0, len(u.lanes))
	for _, l := range u.lanes {
		out = append(out, l.link.Stats())
	}
	return out
}

func (u *Unit) takeForeign(l *lane, o output) {
	u.stats.foreignOutputs.Add(1)
	if !u.foreign.offer(foreignBatch{lane: l, output: o}) {
		u.stats.foreignRefused.Add(1)
		l.release(o.lease)
		u.peer.BatchFailed(o.token, &control.Failure{
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
