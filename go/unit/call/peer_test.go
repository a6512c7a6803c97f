package call

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/otel/trace"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit/edge"
)

// taker is an exit that hands what comes out to a function.
type taker func(context.Context, *Lane, *output) error

func (taker) open(edge.Link) any { return nil }
func (taker) number() uint16     { return 0 }
func (taker) Gave() uint64       { return 0 }
func (x taker) take(ctx context.Context, l *Lane, o *output) error {
	return x(ctx, l, o)
}

// merging is a lane whose peer is this test, and which has this credit for batches of no call.
func merging(t *testing.T, credit int, take func(context.Context, *Lane, *output) error) (
	l *Lane, peer *ring.Link, ended chan error,
) {
	t.Helper()
	geometry := ring.Geometry{Descriptors: 64, Blocks: 64}
	host, err := ring.NewHost(ring.Options{Number: 1, Geometry: geometry})
	require.NoError(t, err)
	peer, err = ring.NewPeer(host.Offer(), ring.Options{})
	require.NoError(t, err)
	require.NoError(t, host.Accept(peer.Answer()))
	ended = make(chan error, 1)
	var running sync.WaitGroup
	unit, end := context.WithCancel(context.Background())
	l = NewLane(Options{
		Link: host, Number: 1, Epoch: 1, Edges: Edges{Exits: []AnyExit{taker(take)}},
		Stats: new(Stats), Context: unit, Running: &running,
		OnEnd: func(err error) { ended <- err },
	})
	l.Read(context.Background(), credit)
	t.Cleanup(func() {
		require.NoError(t, peer.Close())
		<-l.Done()
		end()
		running.Wait()
		require.NoError(t, host.Close())
	})
	return l, peer, ended
}

func publishForeign(t *testing.T, peer *ring.Link, token uint64) {
	t.Helper()
	publish(t, peer, token, record.Header{})
}

// publish publishes a batch of no call's of one log.
func publish(t *testing.T, peer *ring.Link, token uint64, h record.Header) {
	t.Helper()
	h.Signal, h.Encoding, h.Items = record.SignalLogs, record.EncodingOTLP, 1
	size, err := record.PayloadSize(&h, 0)
	require.NoError(t, err)
	claim, err := peer.Producer().Claim(t.Context(), size)
	require.NoError(t, err)
	_, _, err = record.WritePayload(claim.Bytes(), &h, 0)
	require.NoError(t, err)
	require.NoError(t, peer.Producer().Publish(claim, 0, token, size))
}

const patience = 10 * time.Second

// Guarantees: as many batches of no call as the credit are with the consumer at once, however slow
// it is; each answer makes place for one more; none is refused.
func TestCreditIsAllUsed(t *testing.T) {
	const credit, all = 4, 40
	reached, hold := make(chan struct{}, all), make(chan struct{})
	l, peer, ended := merging(t, credit, func(_ context.Context, l *Lane, o *output) error {
		l.release(o.lease)
		reached <- struct{}{}
		<-hold
		return nil
	})
	for token := range credit {
		publishForeign(t, peer, uint64(token+1))
	}
	for range credit {
		<-reached
	}
	require.EqualValues(t, credit, l.peers.unanswered.Load())
	close(hold)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for answered, sent := 0, credit; answered < all; answered++ {
		m, err := peer.Consumer().Receive(ctx)
		require.NoError(t, err)
		require.EqualValues(t, ring.KindAck, m.Kind)
		if sent < all {
			sent++
			publishForeign(t, peer, uint64(sent))
		}
	}
	require.Zero(t, l.peers.unanswered.Load())
	require.EqualValues(t, all, l.o.Stats.ForeignOutputs.Load())
	require.Empty(t, ended)
}

// Guarantees: a peer that sends more than the credit breaks what was agreed: the link ends and says
// so, and no goroutine more is made.
func TestMoreThanTheCreditEndsTheLink(t *testing.T) {
	const credit = 2
	hold := make(chan struct{})
	l, peer, ended := merging(t, credit, func(_ context.Context, l *Lane, o *output) error {
		l.release(o.lease)
		<-hold
		return nil
	})
	for token := range credit + 1 {
		publishForeign(t, peer, uint64(token+1))
	}
	err := <-ended
	close(hold)
	require.ErrorContains(t, err, "3 batches of no call are unanswered, the credit is 2")
	require.True(t, errors.Is(l.link.Err(), ring.ErrContent))
	require.EqualValues(t, credit, l.o.Stats.ForeignOutputs.Load())
}

// Guarantees: a batch of no call runs under what its header says: deadline, span, client; nothing
// of another's, and without one under nothing.
func TestABatchOfNoCallHasItsOwnContext(t *testing.T) {
	seen := make(chan context.Context, 2)
	_, peer, _ := merging(t, 2, func(ctx context.Context, l *Lane, o *output) error {
		l.release(o.lease)
		seen <- ctx
		return nil
	})
	now, err := ring.ClockNanos()
	require.NoError(t, err)
	publish(t, peer, 1, record.Header{
		DeadlineNS: uint64(now + time.Hour.Nanoseconds()), Flags: record.FlagRemote,
		TraceID: [16]byte{1}, SpanID: [8]byte{2}, TraceFlags: 1, TraceState: "a=b",
		Metadata: []record.MetadataEntry{{Key: "Tenant", Values: []string{"x"}}},
	})
	ctx := <-seen
	deadline, has := ctx.Deadline()
	require.True(t, has)
	require.WithinDuration(t, time.Now().Add(time.Hour), deadline, patience)
	sc := trace.SpanContextFromContext(ctx)
	require.Equal(t, trace.TraceID{1}, sc.TraceID())
	require.Equal(t, trace.SpanID{2}, sc.SpanID())
	require.True(t, sc.IsRemote() && sc.IsSampled())
	require.Equal(t, "a=b", sc.TraceState().String())
	require.Equal(t, []string{"x"}, client.FromContext(ctx).Metadata.Get("tenant"))
	publish(t, peer, 2, record.Header{})
	ctx = <-seen
	_, has = ctx.Deadline()
	require.False(t, has)
	require.False(t, trace.SpanContextFromContext(ctx).IsValid())
	require.Equal(t, client.Info{}, client.FromContext(ctx))
}

// Guarantees: when the peer withdraws a batch of no call, or its deadline passes, its consumer's
// context ends, the answer says so, and the credit comes back.
func TestABatchOfNoCallIsWithdrawn(t *testing.T) {
	for name, x := range map[string]struct {
		header      record.Header
		before, end func(*Lane)
		want        control.Class
	}{
		"withdrawn": {
			record.Header{}, func(*Lane) {}, func(l *Lane) { l.BatchCancel(7) }, control.Cancelled,
		},
		"withdrawn before it is read": {
			record.Header{}, func(l *Lane) {
				l.BatchCancel(7)
				l.BatchCancel(8) // of another batch
			}, func(*Lane) {}, control.Cancelled,
		},
		"deadline passed": {
			record.Header{DeadlineNS: 1}, func(*Lane) {}, func(*Lane) {}, control.Deadline,
		},
	} {
		t.Run(name, func(t *testing.T) {
			reached, answered := make(chan struct{}), make(chan control.Class, 1)
			l, peer, _ := merging(t, 1, func(ctx context.Context, l *Lane, o *output) error {
				l.release(o.lease)
				close(reached)
				<-ctx.Done()
				answered <- outputFailure(ctx, ctx.Err()).Class
				return nil
			})
			x.before(l)
			publish(t, peer, 7, x.header)
			<-reached
			x.end(l)
			require.Equal(t, x.want, <-answered)
			within, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, err := peer.Consumer().Receive(within)
			require.NoError(t, err)
			require.Zero(t, l.peers.unanswered.Load())
			require.Eventually(t, func() bool {
				l.peers.mu.Lock()
				defer l.peers.mu.Unlock()
				return len(l.peers.cancel) == 0
			}, patience, time.Millisecond)
		})
	}
}
