package ring

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Doorbells (protocol section 4). A side rings two and waits on two. When to ring is decided by
// producer and consumer; a doorbell only says "look again". What one is made of is in
// doorbell_linux.go.

// doorbellKind is what a doorbell is made of.
type doorbellKind uint8

const (
	eventDoorbell  doorbellKind = iota // an eventfd, which both sides have
	socketDoorbell                     // this side's end of a pair of stream sockets
)

// doorbell is one descriptor of a doorbell.
type doorbell struct {
	fd   int
	kind doorbellKind
	name string
}

// closeDoorbells closes descriptors that nobody rings or waits on yet.
func closeDoorbells(doorbells []doorbell) {
	for _, d := range doorbells {
		_ = closeFD(d.fd) // nothing is written back
	}
}

// hungUp is why the other side counts as lost when a doorbell says so.
func (d *doorbell) hungUp(cause error) error {
	return fmt.Errorf("the %s was hung up: %w", d.name, cause)
}

// ringer is a doorbell that this side rings. It is not in the netpoller: each ring would wake our
// own poller too.
type ringer struct {
	mu       sync.RWMutex // keeps the descriptor from being closed, and reused, under a ring
	closed   bool
	doorbell             // set before the link is used, then only read
	lost     func(error) // told that the other side has hung up
}

// ring rings once. After close it does nothing.
func (r *ringer) ring() {
	r.mu.RLock()
	var err error
	if !r.closed {
		err = ringDoorbell(&r.doorbell)
	}
	r.mu.RUnlock()
	if err != nil {
		r.lost(r.hungUp(err))
	}
}

func (r *ringer) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return closeFD(r.fd)
}

// listener is a doorbell that one goroutine of this side waits on, parked in the netpoller. This
// side's own wake-ups go through the netpoller's deadline, which the other side cannot reach.
type listener struct {
	doorbell
	file   *os.File
	raw    syscall.RawConn
	look   func(fd uintptr) bool // made once, so that a wait does not allocate
	rung   bool
	lost   error
	buffer [drainBytes]byte
}

// drainBytes is how much a drain takes at most; what is left rings again.
const drainBytes = 4096

// newListener takes the doorbell over, also when it fails.
func newListener(d doorbell) (*listener, error) {
	l := &listener{doorbell: d, file: os.NewFile(uintptr(d.fd), d.name)}
	err := l.file.SetReadDeadline(time.Time{})
	if err == nil {
		l.raw, err = l.file.SyscallConn()
	}
	if err != nil {
		err = fmt.Errorf("strait ring: wait on the %s through the netpoller: %w", d.name, err)
		return nil, errors.Join(err, l.file.Close())
	}
	l.look = func(fd uintptr) bool {
		l.rung, l.lost = drainDoorbell(int(fd), l.kind, l.buffer[:])
		return l.rung || l.lost != nil
	}
	return l, nil
}

// waking is how a wait ended.
type waking uint8

const (
	wakingRung        waking = iota // or spuriously: look again
	wakingInterrupted               // by interrupt, until resume
	wakingLost                      // hung up, or closed by this side, whose link has ended then
)

// wait drains the doorbell, and parks until it rings if there was nothing in it. Several rings
// before it count as one. With wakingLost comes why.
func (l *listener) wait() (waking, error) {
	switch err := l.raw.Read(l.look); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return wakingInterrupted, nil
	case err != nil:
		return wakingLost, l.hungUp(err)
	case l.lost != nil:
		return wakingLost, l.hungUp(l.lost)
	default:
		return wakingRung, nil
	}
}

// interrupt makes this wait, and each later one, return until resume. It cannot fail in a way that
// matters: only a closed doorbell has no deadline, and that wakes its waiter as well.
func (l *listener) interrupt() { _ = l.file.SetReadDeadline(time.Unix(1, 0)) }

// resume ends the effect of interrupt. The caller then checks what interrupts are for, before it
// waits again.
func (l *listener) resume() { _ = l.file.SetReadDeadline(time.Time{}) }

func (l *listener) close() error {
	err := l.file.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
