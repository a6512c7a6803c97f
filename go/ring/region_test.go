//go:build linux && (amd64 || arm64)

package ring

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestLimitsOfTheProcess: what a process may not do is an error that says what to allow, and never
// the signal that the system would send. It runs in a process of its own, whose limits it lowers.
func TestLimitsOfTheProcess(t *testing.T) {
	const variable = "STRAIT_RING_TEST_LIMIT"
	limits := map[string]struct {
		resource int
		limit    uint64
		want     string
	}{
		"size":        {unix.RLIMIT_FSIZE, 4096, "ulimit -f"},
		"descriptors": {unix.RLIMIT_NOFILE, 0, "ulimit -n"},
	}
	if name := os.Getenv(variable); name != "" {
		l := limits[name]
		limit := unix.Rlimit{Cur: l.limit, Max: l.limit}
		if l.resource == unix.RLIMIT_NOFILE {
			fd, err := unix.Dup(0)
			if err != nil {
				t.Fatal(err)
			}
			limit = unix.Rlimit{Cur: uint64(fd) + 2, Max: uint64(fd) + 2}
			_ = unix.Close(fd)
		}
		if err := unix.Setrlimit(l.resource, &limit); err != nil {
			t.Fatal(err)
		}
		_, err := NewHost(Options{Geometry: small})
		fmt.Printf("found: %v\n", err)
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range limits {
		t.Run(name, func(t *testing.T) {
			c := exec.Command(program, "-test.run=^TestLimitsOfTheProcess$")
			c.Env = append(os.Environ(), variable+"="+name)
			out, err := c.CombinedOutput()
			if err != nil || !strings.Contains(string(out), test.want) {
				t.Fatalf("%v; expected %q in\n%s", err, test.want, out)
			}
		})
	}
}

// TestRefusedMemory: a sandbox that refuses memfd_create gets told what to allow.
func TestRefusedMemory(t *testing.T) {
	for _, errno := range []error{unix.EPERM, unix.EACCES, unix.ENOSYS} {
		if err := refused(errno); !errors.Is(err, errno) ||
			!strings.Contains(err.Error(), "seccomp") {
			t.Error(err)
		}
	}
}

// TestNoMemoryForASlot: a system without memory for a slot is an error to whoever claims it, and
// the claim's room is given back.
func TestNoMemoryForASlot(t *testing.T) {
	host, _ := pair(t, Options{Geometry: small})
	real := host.producer.memory
	host.producer.memory = &region{fd: -1, byFile: true, name: real.name} // has no memory to give
	if _, err := host.Producer().TryClaim(3 * BlockBytes); !errors.Is(err, ErrNoMemory) {
		t.Fatal(err)
	}
	if s := host.Stats(); s.ClaimsOpen != 0 || s.InFlight != 0 || s.Own[CounterBlocksInUse] != 0 {
		t.Fatalf("left over: %+v", s)
	}
	host.producer.memory = real
	c, err := host.Producer().TryClaim(3 * BlockBytes)
	if err != nil {
		t.Fatal(err)
	}
	there := make([]byte, 3) // a byte for each page
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(unsafe.SliceData(c.bytes))),
		3*BlockBytes, uintptr(unsafe.Pointer(unsafe.SliceData(there))))
	if errno != 0 || !slices.Equal(there, []byte{1, 1, 1}) {
		t.Fatalf("of the pages of a slot that was handed out there are %v (%v)", there, errno)
	}
	if err := host.Producer().Abort(c); err != nil {
		t.Fatal(err)
	}
}

// TestSizesDoNotWrap: options at the ends of their types are refused or taken for what they are.
func TestSizesDoNotWrap(t *testing.T) {
	for _, g := range []Geometry{{8, 1<<32 - 1}, {1<<32 - 1, 16}, {1 << 31, 16}, {8, 1<<32 - 62}} {
		if _, err := NewHost(Options{Geometry: g}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", g, err)
		}
	}
	host, err := NewHost(Options{
		Geometry: small, PrefaultBytes: 1<<63 - 1, LeasedBytesMax: 1<<63 - 1, CopiedBytesMax: 1<<63 - 1,
		EdgesIn: 1<<32 - 1, EdgesOut: 1<<32 - 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	closeLink(t, host)
}

// TestWhatStaysOpen: once the other side has mapped them, a host keeps of its memfds the one of its
// counters, by whose name tools find them, and gets pages for its slab all the same.
func TestWhatStaysOpen(t *testing.T) {
	const session = 0x5eed_0000_0000_0001
	host, _ := pair(t, Options{Geometry: small, Session: session})
	if host.own.producer.byFile {
		t.Log("this kernel gives pages through the memfd: it stays open")
		return
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, entry := range entries {
		name, err := os.Readlink("/proc/self/fd/" + entry.Name())
		_, object, ours := strings.Cut(name, fmt.Sprintf("memfd:strait:%016x:1:", uint64(session)))
		if err == nil && ours {
			open = append(open, strings.TrimSuffix(object, " (deleted)"))
		}
	}
	slices.Sort(open)
	// A peer does not know when it was mapped; whoever carries the answer does.
	want := []string{"h2p-consumer", "host-counters", "p2h-producer", "peer-counters"}
	if !slices.Equal(open, want) {
		t.Fatalf("open are %q, expected %q", open, want)
	}
	claim, err := host.Producer().TryClaim(host.Producer().MaxBytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Producer().Abort(claim); err != nil {
		t.Fatal(err)
	}
}
