//go:build linux

package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/strait-data/strait/go/ring"
)

const (
	batchesOfChild = 3000
	batchBytesMax  = 20000
)

// long bounds what is expected to end much earlier.
func long(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// join joins this process with a child, this process having the other role.
func join(t *testing.T, c *child, isHost bool, o ring.Options) *ring.Link {
	t.Helper()
	join := ring.PeerOverSocket
	if isHost {
		join = ring.HostOverSocket
	}
	link, err := join(c.socket, o)
	if err != nil {
		t.Fatalf("%v; the child says %q", err, c.err.String())
	}
	return link
}

// other is the role of the child.
func other(isHost bool) string {
	if isHost {
		return "peer"
	}
	return "host"
}

// TestEveryBatchCrossesAndComesBack: Go in this process, Go or Rust in another, in each role, with
// each policy, trusted and not, in a roomy ring and in the smallest one: every batch arrives
// unharmed, comes back, and is answered once; both sides see an orderly end and count the same.
func TestEveryBatchCrossesAndComesBack(t *testing.T) {
	roomy := ring.Geometry{Descriptors: 64, Blocks: 256}
	smallest := ring.Geometry{Descriptors: 8, Blocks: 16}
	for name, test := range map[string]struct {
		language string
		isHost   bool
		options  ring.Options
		child    []string
	}{
		"go host, rust peer":          {"rust", true, vouched(roomy), nil},
		"go host, rust peer, latency": {"rust", true, latency(roomy), []string{"--latency"}},
		"go host, rust peer, untrusted": {
			"rust", true, ring.Options{Geometry: roomy}, []string{"--untrusted"},
		},
		"go host, rust peer, smallest": {"rust", true, vouched(smallest), nil},
		"rust host, go peer": {
			"rust", false, vouched(roomy), []string{"--descriptors", "64", "--blocks", "256"},
		},
		"rust host, go peer, latency":   {"rust", false, latency(roomy), []string{"--latency"}},
		"rust host, go peer, untrusted": {"rust", false, vouched(roomy), []string{"--untrusted"}},
		"rust host, go peer, smallest": {
			"rust", false, vouched(smallest), []string{"--descriptors", "8", "--blocks", "16"},
		},
		"go host, go peer in another process": {"go", true, ring.Options{Geometry: roomy}, nil},
		"go host in another process, go peer": {"go", false, ring.Options{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			child := test.child
			if !test.isHost && test.language == "rust" {
				child = append(child, "--batches", strconv.Itoa(batchesOfChild))
				child = append(child, "--batch-bytes-max", strconv.Itoa(batchBytesMax))
			}
			c := start(t, test.language, other(test.isHost), child...)
			link := join(t, c, test.isHost, test.options)
			s := &side{link: link, isHost: test.isHost, batches: batchesOfChild, max: batchBytesMax}
			s.after = func(uint64) {}
			var watching sync.WaitGroup
			watching.Go(func() { watchHangUp(c.socket, link) })
			ours, err := s.run(long(t))
			if err != nil {
				t.Fatalf("%v; the child says %q", err, c.err.String())
			}
			theirs := c.report(t)
			watching.Wait()
			everyBatchCounts(t, link, ours, theirs)
		})
	}
}

// everyBatchCounts: both sides say the same, to the last message, and nothing is left over.
func everyBatchCounts(t *testing.T, link *ring.Link, reports ...report) {
	const every = batchesOfChild
	for _, r := range reports {
		whole := r.Sent == every && r.Received == every && r.AcksSent == every && r.AcksReceived == every
		if r.Ended != "closed" || !whole {
			t.Errorf("%+v", r)
		}
	}
	stats := link.Stats()
	if stats.InFlight != 0 || stats.ClaimsOpen != 0 || stats.LeasesOpen != 0 {
		t.Errorf("left over: %+v", stats)
	}
	// A side may count a message just after it went out, and ours ended with the last one.
	for _, i := range []int{
		ring.CounterBatchesPublished, ring.CounterBatchesReceived, ring.CounterAcksPublished,
		ring.CounterAcksReceived,
	} {
		if own, peer := stats.Own[i], stats.Peer[i]; own != every || peer+1 < own || peer > own {
			t.Errorf("%s: we count %d, the other side %d", ring.CounterName(i), own, peer)
		}
	}
}

// TestKilledInTheMiddle: the other process is killed (SIGKILL) while both rings are busy. Seen
// through the socket's hang-up, or through its pidfd: the link ends as peer_lost, every call in
// flight ends once, answered or lost, and nobody stays waiting.
func TestKilledInTheMiddle(t *testing.T) {
	for _, language := range []string{"rust", "go"} {
		for _, isHost := range []bool{true, false} {
			for _, through := range []string{"hang-up", "pidfd"} {
				name := fmt.Sprintf("%s %s, seen through %s", language, other(isHost), through)
				t.Run(name, func(t *testing.T) {
					killInTheMiddle(t, language, isHost, through)
				})
			}
		}
	}
}

func killInTheMiddle(t *testing.T, language string, isHost bool, through string) {
	const killAt = 1000
	c := start(t, language, other(isHost))
	o := vouched(ring.Geometry{Descriptors: 64, Blocks: 256})
	if language == "go" {
		o.Trust = ring.Trust{}
	}
	link := join(t, c, isHost, o)
	var watching sync.WaitGroup
	watching.Go(func() {
		if through == "hang-up" {
			watchHangUp(c.socket, link)
		} else {
			<-c.ended
			link.PeerLost(fmt.Errorf("process %d: %w", c.command.Process.Pid, c.result))
		}
	})
	// More batches than ever get through: only the kill ends it.
	s := &side{link: link, isHost: isHost, batches: 1 << 40, max: batchBytesMax}
	s.after = func(received uint64) {
		if received == killAt {
			if err := c.command.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	r, err := s.run(long(t))
	watching.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if r.Ended != "peer_lost" || !errors.Is(link.Err(), ring.ErrPeerLost) {
		t.Fatalf("%+v, %v", r, link.Err())
	}
	if r.Sent != r.AcksReceived+r.endedInFlight || r.Received+r.AcksReceived < killAt {
		t.Fatalf("calls do not add up: %+v, %d ended in flight", r, r.endedInFlight)
	}
	if stats := link.Stats(); stats.ClaimsOpen != 0 || stats.LeasesOpen != 0 {
		t.Fatalf("left over: %+v", stats)
	}
	if _, err := link.Producer().TryClaim(1); !errors.Is(err, ring.ErrPeerLost) {
		t.Fatal(err)
	}
}

// TestRustRefusesByName: an offer with another session than its objects have is refused by the Rust
// peer, as `header`, and the host gets the reason.
func TestRustRefusesByName(t *testing.T) {
	c := start(t, "rust", "peer")
	link, err := ring.NewHost(vouched(ring.Geometry{Descriptors: 8, Blocks: 16}))
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	now, err := ring.ClockNanos()
	if err != nil {
		t.Fatal(err)
	}
	offer := link.Offer()
	fds := offer.FDs.List()
	// The message of protocol section 8.1, written by hand.
	var message bytes.Buffer
	message.WriteString("STRAITHS")
	for _, field := range []any{
		uint16(1), uint16(0), offer.Epoch, offer.Session + 1, offer.Geometry.Descriptors,
		offer.Geometry.Blocks, uint16(1), uint16(1), uint32(0), now,
	} {
		if err := binary.Write(&message, binary.LittleEndian, field); err != nil {
			t.Fatal(err)
		}
	}
	rights := syscall.UnixRights(fds[:]...)
	if _, _, err := c.socket.WriteMsgUnix(message.Bytes(), rights, nil); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c.socket)
	if err != nil {
		t.Fatal(err)
	}
	code, reason := binary.LittleEndian.Uint32(answer[12:]), string(answer[32:])
	if code != ring.CodeHeader || !strings.Contains(reason, "`session`") {
		t.Fatalf("code %d, %s", code, reason)
	}
	<-c.ended
}

// vouched are the options of a side that vouches for the other, which is this test's own program.
func vouched(g ring.Geometry) ring.Options {
	return ring.Options{Geometry: g, Trust: ring.VouchForPeer()}
}

func latency(g ring.Geometry) ring.Options {
	o := vouched(g)
	o.Policy = ring.Latency
	return o
}
