//go:build linux && (amd64 || arm64)

package ring

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// answerAll receives, releases and acks until the link ends.
func answerAll(l *Link) {
	for {
		m, err := l.Consumer().Receive(context.Background())
		if err != nil {
			return
		}
		if m.Kind == KindBatch {
			_ = m.Lease.Release()
		}
		if m.Kind != KindAck {
			_ = l.Producer().SendAck(m.CallID)
		}
	}
}

// benchmarkPair runs body on the host while the peer answers, and ends both.
func benchmarkPair(b *testing.B, o Options, body func(host *Link)) {
	host, peer := pair(b, o)
	var answering sync.WaitGroup
	answering.Go(func() { answerAll(peer) })
	b.ReportAllocs()
	b.ResetTimer()
	body(host)
	b.StopTimer()
	closeLink(b, host)
	answering.Wait()
}

// BenchmarkRoundTrip is one inline message there and its ack back, both sides in one process.
func BenchmarkRoundTrip(b *testing.B) {
	for name, policy := range map[string]Policy{"efficient": Efficient, "latency": Latency} {
		b.Run(name, func(b *testing.B) {
			benchmarkPair(b, Options{Policy: policy, Trust: VouchForPeer()}, func(host *Link) {
				ctx := context.Background()
				payload := make([]byte, 32)
				for range b.N {
					if err := host.Producer().SendInline(ctx, 0, 1, payload); err != nil {
						b.Fatal(err)
					}
					if _, err := host.Consumer().Receive(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkThroughput publishes batches as fast as the other side answers them.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{64, 4096, 65536, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			benchmarkPair(b, Options{Trust: VouchForPeer()}, func(host *Link) {
				var acks sync.WaitGroup
				acks.Go(func() {
					for range b.N {
						if _, err := host.Consumer().Receive(context.Background()); err != nil {
							b.Error(err)
							return
						}
					}
				})
				payload := make([]byte, size)
				for range b.N {
					c, err := host.Producer().Claim(context.Background(), size)
					if err != nil {
						b.Fatal(err)
					}
					copy(c.Bytes(), payload)
					if err := host.Producer().Publish(c, 0, 1, size); err != nil {
						b.Fatal(err)
					}
				}
				acks.Wait()
			})
		})
	}
}

// BenchmarkOneSide is the cost of each step with nobody asleep and nothing to wait for: claim,
// publish, receive, release, ack, read the ack.
func BenchmarkOneSide(b *testing.B) {
	host, peer := pair(b, Options{Trust: VouchForPeer()})
	b.ReportAllocs()
	for b.Loop() {
		c, err := host.Producer().TryClaim(4096)
		if err != nil {
			b.Fatal(err)
		}
		if err := host.Producer().Publish(c, 0, 1, 4096); err != nil {
			b.Fatal(err)
		}
		m, _, _ := peer.Consumer().TryReceive()
		_ = m.Lease.Release()
		_ = peer.Producer().SendAck(1)
		_, _, _ = host.Consumer().TryReceive()
	}
}
