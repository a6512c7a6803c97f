//go:build linux && (amd64 || arm64)

package ring

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// sockets is a connected pair of unix stream sockets.
func sockets(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn := func(fd int) *net.UnixConn {
		file := os.NewFile(uintptr(fd), "socket")
		defer file.Close()
		c, err := net.FileConn(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c.(*net.UnixConn)
	}
	return conn(pair[0]), conn(pair[1])
}

// TestLinkOverASocket: two sides that share nothing but a socket join, with the host's edges, and
// exchange a message; nothing is left of the descriptors that crossed.
func TestLinkOverASocket(t *testing.T) {
	before, mappings := resources(t)
	a, b := sockets(t)
	type side struct {
		link *Link
		err  error
	}
	joined := make(chan side)
	go func() {
		link, err := PeerOverSocket(b, Options{})
		joined <- side{link, err}
	}()
	host, err := HostOverSocket(a, Options{Geometry: small, EdgesOut: 3})
	if err != nil {
		t.Fatal(err)
	}
	peer := <-joined
	if peer.err != nil {
		t.Fatal(peer.err)
	}
	if err := host.Producer().TrySendInline(2, 7, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	m, err := peer.link.Consumer().Receive(long(t))
	if err != nil || m.Edge != 2 || m.CallID != 7 {
		t.Fatal(m, err)
	}
	closeLink(t, host)
	closeLink(t, peer.link)
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	if f, m := resources(t); f != before || m != mappings {
		t.Fatalf("before: %d descriptors, %d mappings; after: %d, %d", before, mappings, f, m)
	}
}

// TestOffersOverASocketThatAreRefused: what is no offer, or comes without its descriptors, or with
// more, is refused by name; the host hears the reason; what came is closed.
func TestOffersOverASocketThatAreRefused(t *testing.T) {
	host, err := NewHost(Options{Geometry: small})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, host)
	now, err := ClockNanos()
	if err != nil {
		t.Fatal(err)
	}
	offer := host.Offer()
	all := offer.FDs.List()
	for name, test := range map[string]struct {
		change func(b []byte)
		fds    []int
		field  string
	}{
		"not a handshake": {func(b []byte) { copy(b, "GET / HT") }, all[:], "magic"},
		"another version": {func(b []byte) { b[8] = 2 }, all[:], "major"},
		"too few":         {func([]byte) {}, all[:6], "descriptors"},
		"none":            {func([]byte) {}, nil, "descriptors"},
		"another session": {func(b []byte) { b[16] ^= 1 }, all[:], "session"},
		"another clock":   {func(b []byte) { b[46] ^= 1 }, all[:], "clock"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := sockets(t)
			before, mappings := resources(t)
			message := offerMessage{
				epoch: offer.Epoch, session: offer.Session, geometry: offer.Geometry,
				edgesH2P: 1, edgesP2H: 1, clockNanos: now,
			}
			bytes := message.bytes()
			test.change(bytes)
			if err := sendMessage(a, bytes, test.fds); err != nil {
				t.Fatal(err)
			}
			link, err := PeerOverSocket(b, Options{})
			var broken *Error
			if link != nil || !errors.As(err, &broken) || broken.Field != test.field {
				t.Fatalf("peer %v, error %v", link, err)
			}
			answer, _, err := receiveMessage(a, answerBytes)
			if err != nil {
				t.Fatal(err)
			}
			refused, v := parseAnswer(answer)
			if v != nil {
				t.Fatal(v)
			}
			heard := refusal(a, refused)
			if !errors.Is(heard, ErrHeader) || !strings.Contains(heard.Error(), test.field) {
				t.Fatal(heard)
			}
			if f, m := resources(t); f != before || m != mappings {
				t.Fatalf("before: %d descriptors, %d mappings; after: %d, %d", before, mappings, f, m)
			}
		})
	}
}

// TestAnswersOverASocketThatAreRefused: a peer that hangs up, or answers something else, leaves
// nothing open.
func TestAnswersOverASocketThatAreRefused(t *testing.T) {
	accepted := (&answerMessage{}).bytes()
	refused := append((&answerMessage{code: CodeHeader, reasonBytes: 4}).bytes(), "nope"...)
	for name, test := range map[string]struct {
		answer []byte
		want   string
	}{
		"nothing":                {nil, "has ended during the handshake"},
		"half an answer":         {accepted[:20], "has ended during the handshake"},
		"not a handshake":        {make([]byte, answerBytes), "magic"},
		"another time namespace": {accepted, "clock"},
		"a refusal":              {refused, "nope"},
		"half a refusal":         {refused[:answerBytes+1], "has ended during the handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := sockets(t)
			before, mappings := resources(t)
			done := make(chan error)
			go func() {
				_, fds, err := receiveMessage(b, offerBytes)
				closeAll(fds)
				if err == nil && len(test.answer) > 0 {
					err = sendMessage(b, test.answer, nil)
				}
				done <- errors.Join(err, b.CloseWrite())
			}()
			link, err := HostOverSocket(a, Options{Geometry: small})
			if link != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatal(link, err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if f, m := resources(t); f != before || m != mappings {
				t.Fatalf("before: %d descriptors, %d mappings; after: %d, %d", before, mappings, f, m)
			}
		})
	}
}
