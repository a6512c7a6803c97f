package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/bench/measure"
	"github.com/strait-data/strait/bench/native"
	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// A unit with one node, which takes every batch and lets nothing on: nothing comes back but the
// ack.
const sinkUnit = `{"id": "bench_sink", "pipeline": "logs", "lanes": 1, "fidelity": "best_effort",
	"max_in_flight": 64,
	"edges": [{"number": 0, "direction": "in", "signal": "logs"},
		{"number": 1, "direction": "out", "signal": "logs"}],
	"members": [{"id": "bench_sink", "kind": "processor", "type": "bench_sink", "config": {}}]}`

// inFlight is how many callers send at the same time in the cases that are not one at a time.
const inFlight = 8

// oneWay compares the ways of a batch of pdata to a node in Rust, CPU of both sides: Strait's ring
// with and without the engine behind it, OTLP bytes in the same ring, OTLP bytes over a rust2go
// call (converted by the engine), and an OTLP/gRPC hop over a unix socket without compression
// (whose other end is Go's: pdata again).
func oneWay(r *measure.Recorder) (err error) {
	bare, err := newSender(
		func(l *ring.Link) (*native.Peer, error) { return native.StartPeer(l, false, -1) },
		true,
	)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.close()) }()
	engine, err := newSender(
		func(l *ring.Link) (*native.Peer, error) { return native.StartLane(l, sinkUnit) },
		false,
	)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.close()) }()
	hop, err := newHop()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hop.close()) }()
	for _, n := range sizes {
		ld, err := received(n)
		if err != nil {
			return err
		}
		for _, callers := range []int{1, inFlight} {
			rival := func(name string, ns int, send func(plog.Logs) error) measure.Rival {
				return measure.Rival{
					Name: name, Iterations: max(callers, iterations(n, ns)),
					Run: func(n int) error {
						return measure.Together(callers, n, func(int) error { return send(ld) })
					},
				}
			}
			c := measure.Case{
				Group: "oneway",
				Name:  fmt.Sprintf("%d in flight", callers),
				Items: n,
				Rivals: []measure.Rival{
					rival("strait, engine", 400, engine.records),
					rival("strait, ring and decode", 300, bare.records),
					rival("OTLP in the ring, engine", 1000, engine.otlp),
					rival("OTLP by rust2go, converted", 1000, rust2go),
					rival("OTLP/gRPC hop", 2500, hop.send),
				},
			}
			if err := r.Measure(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func rust2go(ld plog.Logs) error {
	b, err := data.Marshal(ld)
	if err != nil {
		return err
	}
	return native.Rust2goOTLP(b)
}

// sender is the host of a link: it sends batches, and each caller waits for its ack.
type sender struct {
	link      *ring.Link
	peer      *native.Peer
	linkFirst bool
	encoder   *otap.LogsEncoder
	sequence  atomic.Uint64
	mu        sync.Mutex
	waiting   map[uint64]chan struct{}
	read      chan error
}

// newSender joins a new link with what start makes. linkFirst says in which order the two end.
func newSender(start func(*ring.Link) (*native.Peer, error), linkFirst bool) (*sender, error) {
	link, err := ring.NewHost(ring.Options{Number: 1, Trust: ring.VouchForPeer()})
	if err != nil {
		return nil, err
	}
	peer, err := start(link)
	if err != nil {
		return nil, errors.Join(err, link.Close())
	}
	s := &sender{
		link:      link,
		peer:      peer,
		linkFirst: linkFirst,
		waiting:   map[uint64]chan struct{}{},
		read:      make(chan error, 1),
	}
	s.encoder = otap.NewLogsEncoder(record.NewRegistry(s), otap.Options{})
	go func() { s.read <- s.receive() }()
	return s, nil
}

// PublishPreamble implements record.Publisher.
func (s *sender) PublishPreamble(ctx context.Context, content []byte) error {
	c, err := s.link.Producer().ClaimPreamble(ctx, len(content))
	if err != nil {
		return err
	}
	copy(c.Bytes(), content)
	return s.link.Producer().Publish(c, 0, 0, len(content))
}

// receive hands acks to their callers until the link is closed.
func (s *sender) receive() error {
	for {
		m, err := s.link.Consumer().Receive(context.Background())
		if errors.Is(err, ring.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Kind != ring.KindAck {
			return fmt.Errorf("an unexpected %s came back", m.Kind)
		}
		s.mu.Lock()
		done := s.waiting[m.CallID]
		delete(s.waiting, m.CallID)
		s.mu.Unlock()
		close(done)
	}
}

// call claims a slot, has it filled, publishes it and waits for its ack.
func (s *sender) call(id uint64, size int, fill func(slot []byte) error) error {
	p := s.link.Producer()
	c, err := p.Claim(context.Background(), size)
	if err != nil {
		return err
	}
	if err := fill(c.Bytes()); err != nil {
		return errors.Join(err, p.Abort(c))
	}
	done := make(chan struct{})
	s.mu.Lock()
	s.waiting[id] = done
	s.mu.Unlock()
	if err := p.Publish(c, 0, id, size); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-s.link.Done():
		return s.link.Err()
	}
}

func (s *sender) callID() (uint64, error) {
	id, err := control.NewCallID(control.FromHost, 1, 1, s.sequence.Add(1))
	return uint64(id), err
}

// records sends the logs as Arrow records.
func (s *sender) records(ld plog.Logs) error {
	id, err := s.callID()
	if err != nil {
		return err
	}
	b, err := s.encoder.Measure(context.Background(), &record.Header{CallID: id}, ld, otap.Cursor{})
	if err != nil {
		return err
	}
	defer b.Release()
	return s.call(id, b.Size(), b.Write)
}

// otlp sends the logs as OTLP bytes.
func (s *sender) otlp(ld plog.Logs) error {
	id, err := s.callID()
	if err != nil {
		return err
	}
	payload, err := data.Marshal(ld)
	if err != nil {
		return err
	}
	h := record.Header{
		CallID:   id,
		Signal:   record.SignalLogs,
		Encoding: record.EncodingOTLP,
		Items:    uint32(ld.LogRecordCount()),
	}
	size, err := record.PayloadSize(&h, len(payload))
	if err != nil {
		return err
	}
	return s.call(id, size, func(slot []byte) error {
		room, _, err := record.WritePayload(slot, &h, len(payload))
		copy(room, payload)
		return err
	})
}

func (s *sender) close() error {
	if s.linkFirst {
		return errors.Join(s.link.Close(), <-s.read, s.peer.Stop())
	}
	return errors.Join(s.peer.Stop(), s.link.Close(), <-s.read)
}
