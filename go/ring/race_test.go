//go:build linux && (amd64 || arm64)

package ring

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
)

// soakEnv makes TestOperationsAgainstEnds run each pair so many times more often.
const soakEnv = "STRAIT_SOAK"

// scene is a link at work: the host has an open claim, a lease, and a message in flight.
type scene struct {
	host, peer *Link
	claim      Claim
	lease      Lease
}

// setScene takes a pair of links to where every operation has something to work on.
func setScene(t *testing.T, o Options) *scene {
	host, err := NewHost(o)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := NewPeer(host.Offer(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Accept(peer.Answer()); err != nil {
		t.Fatal(err)
	}
	s := &scene{host: host, peer: peer}
	send(t, peer.Producer(), 1, []byte("leased"))
	s.lease = receive(t, host.Consumer()).Lease
	if s.claim, err = host.Producer().TryClaim(BlockBytes); err != nil {
		t.Fatal(err)
	}
	if err := host.Producer().TrySendInline(0, 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := peer.Producer().SendAck(1); err != nil {
		t.Fatal(err)
	}
	return s
}

// take gives back what a Receive or a claim brought.
func (s *scene) take(c Claim, err error) error {
	if err == nil {
		err = s.host.Producer().Abort(c)
	}
	return err
}

// operations are all that may be done with a link. Each does its own part, and returns what it was
// told; the scene's claim and lease are each one operation's to end.
var operations = map[string]func(ctx context.Context, s *scene) error{
	"receive": func(ctx context.Context, s *scene) error {
		for {
			m, err := s.host.Consumer().Receive(ctx)
			if err != nil {
				return err
			}
			if m.Kind == KindBatch {
				_ = m.Lease.Release()
			}
		}
	},
	"try receive": func(_ context.Context, s *scene) error {
		m, _, err := s.host.Consumer().TryReceive()
		if m.Kind == KindBatch {
			_ = m.Lease.Release()
		}
		return err
	},
	"try claim": func(_ context.Context, s *scene) error {
		return s.take(s.host.Producer().TryClaim(1))
	},
	"claim": func(ctx context.Context, s *scene) error {
		return s.take(s.host.Producer().Claim(ctx, 16*BlockBytes)) // waits: the scene's claim is open
	},
	"claim final": func(ctx context.Context, s *scene) error {
		return s.take(s.host.Producer().ClaimFinal(ctx, 1))
	},
	"preamble": func(ctx context.Context, s *scene) error {
		c, err := s.host.Producer().ClaimPreamble(ctx, 1)
		if err != nil {
			return err
		}
		return s.host.Producer().Publish(c, 0, 0, 1)
	},
	"publish": func(_ context.Context, s *scene) error {
		clear(s.claim.Bytes())
		return s.host.Producer().Publish(s.claim, 0, 2, 1)
	},
	"abort": func(_ context.Context, s *scene) error { return s.host.Producer().Abort(s.claim) },
	"ack":   func(_ context.Context, s *scene) error { return s.host.Producer().SendAck(1) },
	"inline": func(ctx context.Context, s *scene) error {
		return s.host.Producer().SendInline(ctx, 0, 3, nil)
	},
	"goaway": func(_ context.Context, s *scene) error { return s.host.Producer().Goaway() },
	"settle": func(_ context.Context, s *scene) error {
		s.host.Producer().Settle()
		s.host.Consumer().Answered()
		return nil
	},
	"release": func(_ context.Context, s *scene) error {
		if string(s.lease.Bytes()) != "leased" {
			return errors.New("the lease's bytes have changed")
		}
		return s.lease.Release()
	},
	"stats": func(_ context.Context, s *scene) error {
		_, _ = s.host.Stats(), s.host.Offer()
		return nil
	},
	"accept again": func(_ context.Context, s *scene) error { return s.host.Accept(Answer{}) },
	"close":        func(_ context.Context, s *scene) error { return s.host.Close() },
	"fail": func(_ context.Context, s *scene) error {
		s.host.Fail(CodeContent, nil)
		return nil
	},
	"peer lost": func(_ context.Context, s *scene) error {
		s.host.PeerLost(nil)
		return nil
	},
}

// ends are all the ways in which a link ends.
var ends = map[string]func(s *scene){
	"own close":            func(s *scene) { _ = s.host.Close() },
	"own failure":          func(s *scene) { s.host.Fail(CodeContent, nil) },
	"own abandonment":      func(s *scene) { s.host.Fail(0, nil) },
	"peer lost":            func(s *scene) { s.host.PeerLost(nil) },
	"other side's close":   func(s *scene) { _ = s.peer.Close() },
	"other side's failure": func(s *scene) { s.peer.Fail(CodeContent, nil) },
	"nonsense as code": func(s *scene) {
		s.peer.consumer.ownClose.Store(77)
		s.peer.producer.ownClose.Store(77)
		s.peer.producer.data.ring()
		s.peer.consumer.space.ring()
	},
	"broken sequence": func(s *scene) {
		at := s.peer.producer.descriptors[3*DescriptorBytes:]
		for i := range 5 { // wherever the reader is
			word64(at, i*DescriptorBytes).Store(99)
		}
		s.peer.producer.data.ring()
	},
	"broken head": func(s *scene) {
		s.peer.consumer.headWord.Store(1 << 40)
		s.peer.consumer.space.ring()
	},
	"hang-up": func(s *scene) {
		_ = s.peer.consumer.data.close()
		_ = s.peer.producer.space.close()
		_ = s.peer.consumer.space.close()
		_ = s.peer.producer.data.close()
	},
}

// documented says whether err is among what the operations promise.
func documented(err error) bool {
	var e *Error
	for _, known := range []error{
		nil, ErrFull, ErrGoaway, ErrStale, ErrInvalid, ErrDeadline, context.Canceled,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return errors.As(err, &e)
}

// TestOperationsAgainstEnds races every pair of operations against every way to end a link, as the
// table of R-24 has them: no operation faults, hangs, or says what is not documented, and
// afterwards no goroutine, descriptor or mapping is left.
func TestOperationsAgainstEnds(t *testing.T) {
	rounds := 1
	if os.Getenv(soakEnv) != "" {
		rounds = 200
	}
	fds, mappings := resources(t)
	for range rounds {
		// A test of its own, so that nothing holds the links of the rounds before.
		t.Run("round", raceAll)
	}
	if f, m := resources(t); f != fds || m != mappings {
		t.Fatalf("before: %d descriptors, %d mappings; after: %d, %d", fds, mappings, f, m)
	}
}

func raceAll(t *testing.T) {
	for _, trust := range trusts {
		for endName, end := range ends {
			for firstName, first := range operations {
				for secondName, second := range operations {
					o := Options{Geometry: small, Trust: trust, PrefaultBytes: -1}
					raceOnce(t, setScene(t, o), end, first, second)
					if t.Failed() {
						t.Fatalf("%s and %s against %s", firstName, secondName, endName)
					}
				}
			}
		}
	}
}

func raceOnce(
	t *testing.T, s *scene, end func(*scene), operations ...func(context.Context, *scene) error,
) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var begun, running sync.WaitGroup
	begun.Add(1)
	for _, operation := range operations {
		running.Go(func() {
			begun.Wait()
			if err := operation(ctx, s); !documented(err) {
				t.Errorf("not documented: %v", err)
			}
		})
	}
	running.Go(func() {
		begun.Wait()
		end(s)
		for range 20 { // what nobody has noticed by then, nobody waits for
			runtime.Gosched()
		}
		cancel()
	})
	begun.Done()
	running.Wait()
	_ = s.host.Producer().Abort(s.claim) // stale, if it was an operation's
	_ = s.lease.Release()
	closeLink(t, s.host)
	closeLink(t, s.peer)
	for _, l := range []*Link{s.host, s.peer} {
		if n := l.references.Load(); n != 0 {
			t.Errorf("%d references are left", n)
		}
	}
	if st := s.host.Stats(); st.ClaimsOpen != 0 || st.LeasesOpen != 0 {
		t.Errorf("left over: %d claims, %d leases", st.ClaimsOpen, st.LeasesOpen)
	}
	if s.host.Err() == nil {
		t.Error("the link has not ended")
	}
}
