package call

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit/edge"
)

// taker is edges that hand what comes out to a function.
type taker func(context.Context, *Lane, output) error

func (taker) open(edge.Link) any { return nil }
func (taker) outNumber() uint16  { return 0 }
func (x taker) take(ctx context.Context, l *Lane, o output) error {
	return x(ctx, l, o)
}

// merging is a lane whose peer is this test, and which has this credit for batches of no call.
func merging(t *testing.T, credit int, take func(context.Context, *Lane, output) error) (
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
	l = NewLane(Options{
		Link: host, Number: 1, Epoch: 1, Edges: taker(take), Stats: new(Stats),
		Context: t.Context(), Running: &running, OnEnd: func(err error) { ended <- err },
	})
	l.Read(context.Background(), credit)
	t.Cleanup(func() {
		require.NoError(t, peer.Close())
		<-l.Done()
		running.Wait()
		require.NoError(t, host.Close())
	})
	return l, peer, ended
}

func publishForeign(t *testing.T, peer *ring.Link, token uint64) {
	t.Helper()
	h := record.Header{Signal: record.SignalLogs, Encoding: record.EncodingOTLP, Items: 1}
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
	l, peer, ended := merging(t, credit, func(_ context.Context, l *Lane, o output) error {
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
	l, peer, ended := merging(t, credit, func(_ context.Context, l *Lane, o output) error {
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
