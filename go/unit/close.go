package unit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit/call"
)

// How a unit ends. Rust drains as long as there is time; then every call that is left ends as
// retryable, and what waits for a consumer of the Collector's is waited for a little. A consumer
// that does not return holds its own goroutine and nothing else; the log names it.

const (
	// shutdownLimit is the time of a shutdown whose context has no deadline, as the Collector's has
	// none: less than a process is usually given.
	shutdownLimit = 20 * time.Second
	// hurry is what a unit has to end in whose context has ended already.
	hurry = time.Second
	// lastRead bounds the wait for what Rust has published before it closed its links: it only has
	// to be read.
	lastRead = 2 * time.Second
)

// Shutdown drains the unit until the context's deadline, or for 20 s where it has none, and closes
// everything. It is safe without Start, and twice. Calls that are still in flight end as retryable;
// new ones are refused at once.
func (u *Unit) Shutdown(ctx context.Context) error {
	u.stopping.Lock()
	defer u.stopping.Unlock()
	u.mu.Lock()
	running := u.state == stateRunning
	u.state = stateStopped
	u.mu.Unlock()
	if !running {
		return nil
	}
	if u.closed != nil {
		u.closed()
	}
	u.health.end()
	u.endRenewals(ctx)
	u.mu.Lock()
	lanes := u.lanes
	u.mu.Unlock()
	return u.close(ctx, lanes)
}

// close ends what open began, whatever it got to.
func (u *Unit) close(ctx context.Context, lanes []*lane) error {
	ctx, cancel := closing(ctx)
	defer cancel()
	err := u.drain(ctx)
	if err == nil {
		awaitReaders(ctx, lanes)
	}
	for _, l := range lanes {
		l.Fail(ring.ErrClosed)
		err = errors.Join(err, l.Link().Close())
	}
	if u.cancel != nil {
		u.cancel()
	}
	for _, l := range lanes {
		<-l.Done()
		control.ReleaseLink(l.Number())
	}
	if !endsWithin(ctx, u.awaitConsumers) {
		err = errors.Join(err, u.consumersBusy())
	}
	for _, release := range u.release {
		release()
	}
	if u.unobserve != nil {
		u.unobserve()
	}
	return err
}

// drain has Rust deliver what it can. It leaves time to end the rest: consumers that return when
// their context ends are not to be found busy.
func (u *Unit) drain(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	ctx, cancel := context.WithTimeout(ctx, left-min(hurry, left/4))
	defer cancel()
	reply, err := operate[counted](ctx, u.peer, control.Shutdown, u.handle, struct{}{})
	if err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	u.counts.end(reply, len(u.spec.Members))
	return nil
}

// closing bounds a shutdown: by ctx, by a limit of its own where that has no deadline, and where it
// has ended by a short time: Rust must hear of the end of a unit in any case, or its lanes and
// their descriptors stay open as long as the process.
func closing(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return context.WithTimeout(context.WithoutCancel(ctx), hurry)
	}
	return context.WithTimeout(ctx, shutdownLimit)
}

// awaitReaders lets each lane's reader come to the peer's orderly close, so that no call fails
// whose ack is in the ring already.
func awaitReaders(ctx context.Context, lanes []*lane) {
	ctx, cancel := context.WithTimeout(ctx, lastRead)
	defer cancel()
	for _, l := range lanes {
		select {
		case <-l.Done():
		case <-ctx.Done():
			return
		}
	}
}

// awaitConsumers returns when no goroutine of this unit, and no caller of it, is in the next
// consumer any more.
func (u *Unit) awaitConsumers() {
	u.peerCalls.Wait()
	u.inUse.Wait()
}

// endsWithin waits until f has returned, but no longer than ctx lasts; then f goes on by itself.
func endsWithin(ctx context.Context, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// consumersBusy says for whom a shutdown has waited in vain: not for Rust, which has ended. The log
// gets the goroutines that are in it.
func (u *Unit) consumersBusy() error {
	n := u.stats.Consuming.Load()
	u.telemetry.Logger.Error("the next consumer does not return; its goroutines stay until it does",
		zap.Int64("batches", n), zap.Strings("goroutines", goroutinesIn(call.ConsumerFrame)))
	return fmt.Errorf("%s: shutdown: the next consumer had not returned when the time was over; "+
		"batches that are still with it: %d", u.spec.ID, n)
}

const (
	// maxStacks bounds how many stacks are logged, and maxStackBytes how much of the process is
	// looked at.
	maxStacks     = 8
	maxStackBytes = 4 << 20
)

// goroutinesIn is the stacks, innermost function first, of some goroutines of this process that
// have the frame.
func goroutinesIn(frame string) []string {
	all := make([]byte, 64<<10)
	for {
		n := runtime.Stack(all, true)
		if n < len(all) || len(all) >= maxStackBytes {
			all = all[:n]
			break
		}
		all = make([]byte, 4*len(all))
	}
	var found []string
	for stack := range bytes.SplitSeq(all, []byte("\n\n")) {
		if text := string(stack); strings.Contains(text, frame) && len(found) < maxStacks {
			found = append(found, text)
		}
	}
	return found
}
