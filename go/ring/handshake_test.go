//go:build linux && (amd64 || arm64)

package ring

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOfferJSON: the handshake's names are those of the contract, and a session survives JSON.
func TestOfferJSON(t *testing.T) {
	offer := Offer{
		Number:   1,
		Epoch:    2,
		Session:  1<<64 - 1,
		FDs:      HostFDs{1, 2, 3, 4, 5, 6, 7},
		Geometry: Geometry{1024, 8192},
	}
	text, err := json.Marshal(offer)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"number":1,"epoch":2,"session":18446744073709551615,` +
		`"fds":{"h2p_producer":1,"p2h_consumer":2,"host_counters":3,` +
		`"h2p_data":4,"h2p_space":5,"p2h_data":6,"p2h_space":7},` +
		`"geometry":{"descriptors":1024,"blocks":8192}}`
	if string(text) != want {
		t.Fatalf("offer\n%s\nwant\n%s", text, want)
	}
	var back Offer
	if err := json.Unmarshal(text, &back); err != nil || back != offer {
		t.Fatal(err, back)
	}
	text, err = json.Marshal(Answer{FDs: PeerFDs{1, 2, 3}})
	if err != nil || string(text) != `{"fds":{"h2p_consumer":1,"p2h_producer":2,"peer_counters":3}}` {
		t.Fatal(err, string(text))
	}
}

// TestObjectsAreNamedAndSealed, and the seals hold.
func TestObjectsAreNamedAndSealed(t *testing.T) {
	host, err := NewHost(Options{Geometry: small, Session: 0xABC, Epoch: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, host)
	for fd, name := range map[int]string{
		host.Offer().FDs.H2PProducer:  "h2p-producer",
		host.Offer().FDs.P2HConsumer:  "p2h-consumer",
		host.Offer().FDs.HostCounters: "host-counters",
	} {
		link, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if err != nil || !strings.HasPrefix(link, "/memfd:strait:0000000000000abc:7:"+name) {
			t.Errorf("%s: %q, %v", name, link, err)
		}
		if err := unix.Ftruncate(fd, 0); err == nil {
			t.Errorf("%s can shrink", name)
		}
		const access = unix.PROT_READ | unix.PROT_WRITE
		if mem, err := unix.Mmap(fd, 0, 4096, access, unix.MAP_SHARED); err == nil {
			_ = unix.Munmap(mem)
			t.Errorf("%s can be mapped for writing", name)
		}
	}
}

// object makes a memfd of the identity, with the header and the seals that the test wants.
func object(t *testing.T, id identity, seals int, change func(mem []byte)) int {
	t.Helper()
	r, err := openRegion(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.discard() })
	encodeHeader(r.mem, id, [16]byte{})
	word32(r.mem, OffInit).Store(InitWord)
	change(r.mem)
	if _, err := unix.FcntlInt(uintptr(r.fd), unix.F_ADD_SEALS, seals); err != nil {
		t.Fatal(err)
	}
	return r.fd
}

// TestOffersThatAreRefused: seals, size, header and doorbells are checked before anything is used,
// and the error names what was wrong.
func TestOffersThatAreRefused(t *testing.T) {
	host, err := NewHost(Options{Geometry: small, Number: 12})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, host)
	id := host.identity(ObjectProducer, DirectionHostToPeer)
	keep := func([]byte) {}
	ordinary, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer ordinary.Close()
	bigger := id
	bigger.geometry.Blocks++
	producer := func(id identity, seals int, init func(mem []byte)) func(o *Offer) {
		return func(o *Offer) { o.FDs.H2PProducer = object(t, id, seals, init) }
	}
	for name, test := range map[string]struct {
		change func(o *Offer)
		field  string
	}{
		"not shrink sealed": {producer(id, objectSeals&^unix.F_SEAL_SHRINK, keep), "seals"},
		"writable":          {producer(id, objectSeals&^unix.F_SEAL_FUTURE_WRITE, keep), "seals"},
		"another size":      {producer(bigger, objectSeals, keep), "size"},
		"no header":         {producer(id, objectSeals, func(mem []byte) { clear(mem) }), "init"},
		"another object":    {func(o *Offer) { o.FDs.H2PProducer = host.own.consumer.fd }, "size"},
		"swapped objects": {func(o *Offer) {
			other := host.identity(ObjectCounters, DirectionPeerToHost)
			o.FDs.HostCounters = object(t, other, objectSeals, keep)
		}, "direction"},
		"session":       {func(o *Offer) { o.Session++ }, "session"},
		"epoch":         {func(o *Offer) { o.Epoch++ }, "epoch"},
		"no epoch":      {func(o *Offer) { o.Epoch = 0 }, "epoch"},
		"geometry":      {func(o *Offer) { o.Geometry.Blocks++ }, "size"},
		"bad geometry":  {func(o *Offer) { o.Geometry.Descriptors = 9 }, "descriptors"},
		"no memfd":      {func(o *Offer) { o.FDs.H2PProducer = int(ordinary.Fd()) }, ""},
		"no descriptor": {func(o *Offer) { o.FDs.P2HConsumer = -1 }, "fd"},
		"no doorbell":   {func(o *Offer) { o.FDs.P2HSpace = int(ordinary.Fd()) }, "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			offer := host.Offer()
			test.change(&offer)
			fds, mappings := resources(t)
			l, err := NewPeer(offer, Options{})
			var e *Error
			if l != nil || !errors.As(err, &e) || !errors.Is(err, ErrHeader) || e.Field != test.field {
				t.Fatalf("peer %v, error %v", l, err)
			}
			if f, m := resources(t); f != fds || m != mappings {
				t.Fatalf("before: %d descriptors, %d mappings; after: %d, %d", fds, mappings, f, m)
			}
		})
	}
}

// TestDoorbellsThatAreRefused: R-22. What is neither kind of doorbell is refused by name, and so is
// an eventfd where the other side is not trusted, because that could make it block.
func TestDoorbellsThatAreRefused(t *testing.T) {
	host, err := NewHost(Options{Geometry: small, Trust: VouchForPeer()})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, host)
	made := func(fd int, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = closeFD(fd) })
		return fd
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	datagrams, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	const flags = unix.EFD_CLOEXEC
	for name, test := range map[string]struct {
		fd    int
		trust Trust
		found string
	}{
		"reading end of a pipe": {made(pipe[0], nil), VouchForPeer(), "a pipe"},
		"writing end of a pipe": {made(pipe[1], nil), VouchForPeer(), "a pipe"},
		"blocking eventfd":      {made(unix.Eventfd(0, flags)), VouchForPeer(), "blocks"},
		"semaphore": {
			made(unix.Eventfd(0, flags|unix.EFD_NONBLOCK|unix.EFD_SEMAPHORE)), VouchForPeer(), "semaphore",
		},
		"epoll": {made(unix.EpollCreate1(unix.EPOLL_CLOEXEC)), VouchForPeer(), "blocks"},
		"timer": {
			made(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)),
			VouchForPeer(), "takes no ring",
		},
		"datagram socket": {made(datagrams[0], nil), VouchForPeer(), "a socket of domain 1 and type 2"},
		"its other end":   {made(datagrams[1], nil), Trust{}, "a socket of domain 1 and type 2"},
		"socket without a peer": {
			made(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)),
			Trust{}, "without a peer",
		},
		"eventfd of an untrusted host": {
			made(unix.Eventfd(0, flags|unix.EFD_NONBLOCK)), Trust{}, "an eventfd",
		},
	} {
		t.Run(name, func(t *testing.T) {
			offer := host.Offer()
			offer.FDs.H2PData = test.fd
			fds, mappings := resources(t)
			l, err := NewPeer(offer, Options{Trust: test.trust})
			var e *Error
			if l != nil || !errors.As(err, &e) || e.Code != CodeHeader ||
				e.Where != "h2p data doorbell" || !strings.Contains(e.Found, test.found) {
				t.Fatalf("peer %v, error %v", l, err)
			}
			if f, m := resources(t); f != fds || m != mappings {
				t.Fatalf("before: %d descriptors, %d mappings; after: %d, %d", fds, mappings, f, m)
			}
		})
	}
}

// TestAnswerThatIsRefused: the host ends the link, and the peer hears why.
func TestAnswerThatIsRefused(t *testing.T) {
	host, err := NewHost(Options{Geometry: small, Number: 12})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, host)
	if _, err := host.Producer().TryClaim(1); !errors.Is(err, ErrNotReady) {
		t.Fatal(err)
	}
	if _, err := host.Consumer().Receive(long(t)); !errors.Is(err, ErrNotReady) {
		t.Fatal(err)
	}
	peer, err := NewPeer(host.Offer(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, peer)
	answer := peer.Answer()
	answer.FDs.H2PConsumer = host.own.consumer.fd
	err = host.Accept(answer)
	var e *Error
	if !errors.As(err, &e) || e.Field != "direction" || e.Link != 12 ||
		!strings.Contains(err.Error(), "link 12: header: h2p-consumer: direction: expected 0, found 1") {
		t.Fatal(err)
	}
	if _, err := peer.Consumer().Receive(long(t)); !errors.Is(err, ErrHeader) {
		t.Fatal(err)
	}
	if err := host.Accept(peer.Answer()); err == nil {
		t.Fatal("a link that has failed was joined")
	}
}

// TestOptionsThatAreRefused: a geometry outside R-4 is the caller's error.
func TestOptionsThatAreRefused(t *testing.T) {
	for _, g := range []Geometry{{4, 16}, {12, 16}, {131072, 16}, {8, 15}, {8, MaxBlocks + 1}} {
		if _, err := NewHost(Options{Geometry: g}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

// TestClocks: the same clock is accepted, another time namespace is not.
func TestClocks(t *testing.T) {
	now, err := ClockNanos()
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckClock(now); err != nil {
		t.Error(err)
	}
	for _, other := range []int64{now - int64(clockSkewMax)*3600, now + int64(clockSkewMax)*3600} {
		if err := CheckClock(other); !errors.Is(err, ErrHeader) {
			t.Error(err)
		}
	}
}
