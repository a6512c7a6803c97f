//go:build linux

package interop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/strait-data/strait/go/ring"
)

// A Go side of what `pair` does: the host publishes batches; the peer checks each one, publishes it
// back, and acks it when the host has acked the copy. A batch starts with the CRC-32 of the rest, 4
// zeros and its call id; the copy's descriptor carries the call id with bit 63 set.

const (
	peerBit     = 1 << 63
	prefixBytes = 16
	goroutines  = 4 // that publish at the same time
)

// report is what a side has done; the same names as `pair` prints.
type report struct {
	Role          string `json:"role"`
	Ended         string `json:"ended"`
	Sent          uint64 `json:"sent"`
	Received      uint64 `json:"received"`
	AcksSent      uint64 `json:"acks_sent"`
	AcksReceived  uint64 `json:"acks_received"`
	endedInFlight uint64 // calls that the link's end ended
}

// echo is a batch that the peer has to send back.
type echo struct {
	callID uint64
	lease  ring.Lease
}

// side runs one role on a link.
type side struct {
	link    *ring.Link
	isHost  bool
	batches uint64
	max     int
	after   func(received uint64) // told after each received message

	next                                   atomic.Uint64
	sent, received, acksSent, acksReceived atomic.Uint64

	mu       sync.Mutex
	open     map[uint64]uint64   // in flight by call id: what to ack when it is acked, or 0
	expected map[uint64]struct{} // host: batches whose copy has not come back
}

// run works until everything is done, or the link ends; then it says how.
func (s *side) run(ctx context.Context) (report, error) {
	s.open, s.expected = map[uint64]uint64{}, map[uint64]struct{}{}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	echoes := make(chan echo, s.link.Offer().Geometry.Descriptors) // never full: R-11
	var busy sync.WaitGroup
	for range goroutines {
		busy.Go(func() {
			if err := s.publish(ctx, echoes); err != nil {
				cancel(err)
			}
		})
	}
	err := s.read(ctx, echoes)
	cancel(err)
	close(echoes)
	busy.Wait()
	role := "peer"
	if s.isHost {
		role = "host"
	}
	r := report{
		Role: role, Sent: s.sent.Load(), Received: s.received.Load(), AcksSent: s.acksSent.Load(),
		AcksReceived: s.acksReceived.Load(), endedInFlight: uint64(len(s.open)),
	}
	var end *ring.Error
	switch cause := context.Cause(ctx); {
	case err == nil: // done
		r.Ended = ring.Code(ring.CodeClosed).String()
		return r, s.link.Close()
	case errors.As(err, &end) && (end.Code == ring.CodeClosed || end.Code == ring.CodePeerLost):
		r.Ended = end.Code.String()
		return r, s.link.Close()
	default:
		return r, errors.Join(err, cause, s.link.Close())
	}
}

// read is the reader; it returns nil when the host is done.
func (s *side) read(ctx context.Context, echoes chan<- echo) error {
	for !s.isDone() {
		m, err := s.link.Consumer().Receive(ctx)
		if err != nil {
			return err
		}
		switch m.Kind {
		case ring.KindBatch:
			s.received.Add(1)
			if err := s.batch(&m, echoes); err != nil {
				return err
			}
		case ring.KindAck:
			s.acksReceived.Add(1)
			s.mu.Lock()
			answered, known := s.open[m.CallID]
			delete(s.open, m.CallID)
			s.mu.Unlock()
			if !known {
				return fmt.Errorf("an ack to nothing, call %#x", m.CallID)
			}
			if answered != 0 {
				if err := s.ack(answered); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("unexpected %s", m.Kind)
		}
		s.after(s.received.Load() + s.acksReceived.Load())
	}
	return nil
}

func (s *side) batch(m *ring.Message, echoes chan<- echo) error {
	callID := m.CallID &^ peerBit
	if err := checkBatch(m.Bytes(), callID); err != nil {
		return err
	}
	if !s.isHost {
		echoes <- echo{callID, m.Lease}
		return nil
	}
	s.mu.Lock()
	_, known := s.expected[callID]
	delete(s.expected, callID)
	s.mu.Unlock()
	if !known || m.CallID == callID {
		return fmt.Errorf("a copy that was not expected, call %#x", m.CallID)
	}
	if err := m.Lease.Release(); err != nil {
		return err
	}
	return s.ack(m.CallID)
}

func (s *side) ack(callID uint64) error {
	s.acksSent.Add(1)
	return s.link.Producer().SendAck(callID)
}

func (s *side) isDone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isHost && s.sent.Load() == s.batches && len(s.open) == 0 && len(s.expected) == 0
}

// publish sends the host's batches, or the peer's copies, until there are no more or the link ends.
func (s *side) publish(ctx context.Context, echoes <-chan echo) error {
	if s.isHost {
		for id := s.next.Add(1); id <= s.batches; id = s.next.Add(1) {
			if err := s.publishNew(ctx, id); err != nil {
				return s.unlessEnded(err)
			}
		}
		return nil
	}
	var err error
	for e := range echoes {
		if err == nil {
			err = s.unlessEnded(s.publishEcho(ctx, e))
		}
		err = errors.Join(err, e.lease.Release())
	}
	return err
}

// unlessEnded drops an error that the link's end explains; the reader reports that one.
func (s *side) unlessEnded(err error) error {
	if s.link.Err() != nil {
		return nil
	}
	return err
}

func (s *side) publishNew(ctx context.Context, callID uint64) error {
	length := prefixBytes + rand.IntN(s.max-prefixBytes+1)
	c, err := s.link.Producer().Claim(ctx, length)
	if err != nil {
		return err
	}
	writeBatch(c.Bytes(), callID)
	s.mu.Lock()
	s.open[callID] = 0
	s.expected[callID] = struct{}{}
	s.sent.Add(1) // in the same step: isDone must not see the last one before it is open
	s.mu.Unlock()
	return s.published(s.link.Producer().Publish(c, 0, callID, length), callID)
}

func (s *side) publishEcho(ctx context.Context, e echo) error {
	c, err := s.link.Producer().Claim(ctx, len(e.lease.Bytes()))
	if err != nil {
		return err
	}
	copy(c.Bytes(), e.lease.Bytes())
	s.mu.Lock()
	s.open[e.callID|peerBit] = e.callID
	s.sent.Add(1)
	s.mu.Unlock()
	return s.published(
		s.link.Producer().Publish(c, 0, e.callID|peerBit, len(c.Bytes())),
		e.callID|peerBit,
	)
}

// published takes back the books on a message that did not go out.
func (s *side) published(err error, callID uint64) error {
	if err != nil {
		s.mu.Lock()
		delete(s.open, callID)
		delete(s.expected, callID)
		s.sent.Add(^uint64(0))
		s.mu.Unlock()
	}
	return err
}

func writeBatch(b []byte, callID uint64) {
	random := rand.New(rand.NewPCG(callID, 1))
	clear(b[:prefixBytes])
	binary.LittleEndian.PutUint64(b[8:], callID)
	for i := prefixBytes; i < len(b); i++ {
		b[i] = byte(random.Uint32())
	}
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func checkBatch(b []byte, callID uint64) error {
	switch {
	case len(b) < prefixBytes:
		return fmt.Errorf("a batch of %d bytes, call %#x", len(b), callID)
	case binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]):
		return fmt.Errorf("a wrong checksum, call %#x", callID)
	case binary.LittleEndian.Uint64(b[8:]) != callID:
		return fmt.Errorf("another batch's bytes, call %#x", callID)
	}
	return nil
}
