//go:build linux && (amd64 || arm64)

package ring

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

// TestReleaseTwice: a second release, also of a copy of the value and after the slot was used
// again, changes nothing; the same for claims.
func TestReleaseTwice(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, host.Producer(), 1, []byte("one"))
	first := receive(t, peer.Consumer()).Lease
	if err := errors.Join(first.Release(), peer.Producer().SendAck(1)); err != nil {
		t.Fatal(err)
	}
	if err := first.Release(); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	claim, err := host.Producer().TryClaim(3)
	if err != nil {
		t.Fatal(err)
	}
	copy(claim.Bytes(), "two")
	if err := host.Producer().Publish(claim, 0, 2, 3); err != nil {
		t.Fatal(err)
	}
	if err := host.Producer().Publish(claim, 0, 2, 3); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	if err := host.Producer().Abort(claim); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	second := receive(t, peer.Consumer()).Lease
	if second.block != first.block {
		t.Fatalf("the slot was not used again: blocks %d and %d", first.block, second.block)
	}
	if err := first.Release(); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	if s := peer.Stats(); s.LeasesOpen != 1 || s.LeasedBytes != BlockBytes ||
		string(second.Bytes()) != "two" {
		t.Fatalf("the second lease was harmed: %+v, %q", s, second.Bytes())
	}
	if err := second.Release(); err != nil {
		t.Fatal(err)
	}
	if host.Err() != nil || peer.Err() != nil {
		t.Fatal(host.Err(), peer.Err())
	}
}

// TestStaleClaim: a claim that was given back does nothing to the next one of the same slot, nor
// does a value that never was one.
func TestStaleClaim(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	if err := (Lease{}).Release(); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	none := Claim{bytes: make([]byte, 1)}
	if err := host.Producer().Publish(none, 0, 1, 1); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	stale, err := host.Producer().TryClaim(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Producer().Abort(stale); err != nil {
		t.Fatal(err)
	}
	fresh, err := host.Producer().TryClaim(1)
	if err != nil {
		t.Fatal(err)
	}
	if stale.block != fresh.block {
		t.Fatalf("the slot was not used again: blocks %d and %d", stale.block, fresh.block)
	}
	if err := host.Producer().Publish(stale, 0, 3, 1); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	if err := host.Producer().Publish(fresh, 0, 3, 1); err != nil {
		t.Fatal(err)
	}
	if host.Err() != nil || peer.Err() != nil {
		t.Fatal(host.Err(), peer.Err())
	}
}

// TestMemoryOutlivesTheLink: leases and claims that are held when both sides close stay readable
// and writable; the last one to end unmaps everything.
func TestMemoryOutlivesTheLink(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	content := bytes.Repeat([]byte("kept"), 3000)
	send(t, host.Producer(), 1, content)
	lease := receive(t, peer.Consumer()).Lease
	claim, err := host.Producer().TryClaim(BlockBytes)
	if err != nil {
		t.Fatal(err)
	}
	before := host.Stats().Own
	closeLink(t, host)
	closeLink(t, peer)
	if !bytes.Equal(lease.Bytes(), content) {
		t.Fatal("the lease's bytes changed")
	}
	clear(claim.Bytes())
	if err := host.Producer().Publish(claim, 0, 2, BlockBytes); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*Link{"host": host, "peer": peer} {
		if l.own.producer.mem != nil || l.peer.producer.mem != nil || l.references.Load() != 0 {
			t.Errorf("%s: memory is still mapped", name)
		}
	}
	if got := host.Stats().Own; got[CounterBatchesPublished] != 1 ||
		got[CounterBatchBytesPublished] != before[CounterBatchBytesPublished] {
		t.Errorf("counters after the end: %v", got)
	}
	// Everything still answers.
	if _, err := host.Producer().TryClaim(1); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := host.Producer().SendAck(1); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, _, err := peer.Consumer().TryReceive(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	host.Producer().Settle()
	host.Fail(CodeContent, nil)
	host.PeerLost(nil)
}

// TestCopiesWithinTheirBudget: copies are made where they are asked for, their slots are free at
// once, and past the budget slots are leased, so that heap stays bounded and the slab's room holds
// the other side back.
func TestCopiesWithinTheirBudget(t *testing.T) {
	const size = 4 * BlockBytes
	host, peer := pair(t, Options{
		Geometry: small, Trust: VouchForPeer(), LeasedBytesMax: -1, CopiedBytesMax: 10 * size,
	})
	var held []Message
	for id := range uint64(14) {
		send(t, host.Producer(), id+1, bytes.Repeat([]byte{byte(id)}, size))
		held = append(held, receive(t, peer.Consumer()))
		if err := peer.Producer().SendAck(id + 1); err != nil {
			t.Fatal(err)
		}
		receive(t, host.Consumer())
	}
	if _, err := host.Producer().TryClaim(1); !errors.Is(err, errNoBlocks) {
		t.Fatalf("the slab is not full: %v", err)
	}
	if s := peer.Stats(); s.CopiedBytes != 10*size || s.LeasedBytes != 4*size {
		t.Fatalf("%d bytes copied, %d leased", s.CopiedBytes, s.LeasedBytes)
	}
	for id, m := range held {
		if m.Lease.IsCopy() != (id < 10) {
			t.Fatalf("batch %d: copy %v", id, m.Lease.IsCopy())
		}
		if !bytes.Equal(m.Bytes(), bytes.Repeat([]byte{byte(id)}, size)) {
			t.Fatalf("batch %d has changed", id)
		}
		if err := m.Lease.Release(); err != nil {
			t.Fatal(err)
		}
		if err := m.Lease.Release(); !errors.Is(err, ErrStale) {
			t.Fatal(err)
		}
	}
	if s := peer.Stats(); s.CopiedBytes != 0 || s.LeasesOpen != 0 {
		t.Fatalf("%d bytes of copies, %d leases are left", s.CopiedBytes, s.LeasesOpen)
	}
	if n := peer.Stats().Own[CounterBatchesCopied]; n != 10 {
		t.Fatalf("%d batches counted as copied", n)
	}
}

// TestNoCopiesUnlessAskedFor: however much is leased.
func TestNoCopiesUnlessAskedFor(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small, Trust: VouchForPeer(), LeasedBytesMax: -1})
	send(t, host.Producer(), 1, make([]byte, 16*BlockBytes))
	m := receive(t, peer.Consumer())
	if m.Lease.IsCopy() || &m.Bytes()[0] != &peer.consumer.slots[0] {
		t.Fatal("the batch was copied")
	}
	if err := m.Lease.Release(); err != nil {
		t.Fatal(err)
	}
}

// TestUntrustedBytesStay: what an untrusted side writes into a slot after it was received changes
// nothing that is read, and the slot is the other side's again only when the copy is let go of.
func TestUntrustedBytesStay(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	send(t, host.Producer(), 1, []byte("checked"))
	m := receive(t, peer.Consumer())
	copy(host.producer.slots, "changed")
	if string(m.Bytes()) != "checked" || m.Lease.Trust().Vouched() {
		t.Fatalf("read %q, vouched %v", m.Bytes(), m.Lease.Trust().Vouched())
	}
	if _, err := host.Producer().TryClaim(16 * BlockBytes); !errors.Is(err, errNoBlocks) {
		t.Fatal("the slot was given back while its copy is held")
	}
	if s := peer.Stats(); s.LeasesOpen != 1 || s.Own[CounterBatchesCopied] != 1 {
		t.Fatalf("%+v", s)
	}
	if err := m.Lease.Release(); err != nil {
		t.Fatal(err)
	}
	if err := m.Lease.Release(); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	c, err := host.Producer().TryClaim(16 * BlockBytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Producer().Abort(c); err != nil {
		t.Fatal(err)
	}
}

// TestPreambleIsReleasedAtOnce: R-17.
func TestPreambleIsReleasedAtOnce(t *testing.T) {
	host, peer := pair(t, Options{Geometry: small})
	claim, err := host.Producer().ClaimPreamble(long(t), 16*BlockBytes)
	if err != nil {
		t.Fatal(err)
	}
	copy(claim.Bytes(), "schema")
	if err := host.Producer().Publish(claim, 0, 0, 6); err != nil {
		t.Fatal(err)
	}
	m := receive(t, peer.Consumer())
	if m.Kind != KindPreamble || string(m.Bytes()) != "schema" {
		t.Fatalf("received %s %q", m.Kind, m.Bytes())
	}
	if _, err := host.Producer().TryClaim(16 * BlockBytes); err != nil {
		t.Fatal(err)
	}
}

// resources counts this process's descriptors and its mappings of shared objects.
func resources(t *testing.T) (fds, mappings int) {
	t.Helper()
	// The Go runtime has descriptors of its own from the first pipe on, in whichever test that is.
	if r, w, err := os.Pipe(); err == nil {
		_, _ = r.Close(), w.Close()
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries), strings.Count(string(maps), "strait:")
}

// TestLinksLeaveNothingBehind: a thousand links, closed in order, by an error, half joined, or
// refused, leave no descriptor and no mapping.
func TestLinksLeaveNothingBehind(t *testing.T) {
	fds, mappings := resources(t)
	for i := range 1000 {
		host, err := NewHost(Options{Geometry: small, PrefaultBytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		offer := host.Offer()
		if i%4 == 1 {
			offer.Session++ // refused
		}
		peer, err := NewPeer(offer, Options{PrefaultBytes: -1})
		if (err != nil) != (i%4 == 1) {
			t.Fatal(err)
		}
		if peer != nil && i%4 != 2 {
			if err := host.Accept(peer.Answer()); err != nil {
				t.Fatal(err)
			}
			send(t, host.Producer(), 1, []byte("x"))
			m := receive(t, peer.Consumer())
			if err := m.Lease.Release(); err != nil {
				t.Fatal(err)
			}
			if i%4 == 3 {
				peer.Fail(CodeContent, errors.New("refused"))
			}
		}
		if peer != nil {
			closeLink(t, peer)
		}
		closeLink(t, host)
	}
	if f, m := resources(t); f != fds || m != mappings {
		t.Fatalf("before: %d descriptors, %d mappings; after: %d, %d", fds, mappings, f, m)
	}
}
