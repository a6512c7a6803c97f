package ring

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Doorbells (protocol section 4): non-blocking eventfds. A side rings two and waits on two. When to
// ring is decided by producer and consumer; a doorbell only says "look again".

// ringer is a doorbell that this side rings. It is not in the netpoller: each ring would wake our
// own poller too.
type ringer struct {
	mu sync.RWMutex // keeps fd from being closed, and reused, under a ring
	fd int          // -1: closed
}

// ring rings once. After close it does nothing.
func (r *ringer) ring() {
	r.mu.RLock()
	if r.fd >= 0 {
		ringEvent(r.fd)
	}
	r.mu.RUnlock()
}

func (r *ringer) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fd < 0 {
		return nil
	}
	fd := r.fd
	r.fd = -1
	return closeFD(fd)
}

// listener is a doorbell that one goroutine of this side waits on, parked in the netpoller.
type listener struct {
	file   *os.File
	buffer [8]byte // kept here, so that a wait does not allocate
}

// newListener takes fd over, also when it fails.
func newListener(fd int, name string) (*listener, error) {
	l := &listener{file: os.NewFile(uintptr(fd), name)}
	if err := l.file.SetReadDeadline(time.Time{}); err != nil {
		return nil, errors.Join(fmt.Errorf("strait ring: wait on the %s through the netpoller: %w", name, err), l.file.Close())
	}
	return l, nil
}

// waking is how a wait ended.
type waking uint8

const (
	wakingRung        waking = iota // or spuriously: look again
	wakingInterrupted               // by interrupt, until resume
	wakingClosed                    // the doorbell is closed or unusable
)

// wait parks until the doorbell rings. Several rings before it count as one.
func (l *listener) wait() waking {
	_, err := l.file.Read(l.buffer[:])
	switch {
	case err == nil:
		return wakingRung
	case errors.Is(err, os.ErrDeadlineExceeded):
		return wakingInterrupted
	default:
		return wakingClosed
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
