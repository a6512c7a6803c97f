//go:build linux && (amd64 || arm64)

package ring

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

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
	host.producer.memory = &region{fd: -1, name: real.name} // has no memory to give
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
	var stat unix.Stat_t
	if err := unix.Fstat(real.fd, &stat); err != nil {
		t.Fatal(err)
	}
	pages := int64(host.producer.slabOffset) + 3*BlockBytes
	if stat.Blocks*512 < pages {
		t.Fatalf("the object has %d bytes, a slot up to byte %d was handed out", stat.Blocks*512, pages)
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
