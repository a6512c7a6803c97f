package unit

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// parcel is one batch that can be written into a slot.
type parcel interface {
	// Bytes is what the slot has to hold, header included; exact.
	Bytes() int
	// Write fills the slot and returns the bytes used.
	Write(slot []byte, h *record.Header) (int, error)
}

// take is called on the caller's goroutine for each batch that comes out. It releases the lease.
type take func(ctx context.Context, l *lane, o output) error

// exchange sends one parcel, hands its outputs to take, and returns the engine's verdict. When the
// caller's context ends it returns at once with the cause; the work is withdrawn and late answers are dropped.
func (u *Unit) exchange(ctx context.Context, l *lane, p parcel, handle take) error {
	c, err := l.begin()
	if err != nil {
		return err
	}
	defer l.forget(c)
	if err := u.send(ctx, l, c, p); err != nil {
		return err
	}
	var seen outcomes
	for {
		o, have, ended, failure := c.take()
		switch {
		case have:
			err := handle(ctx, l, o)
			seen.add(err)
			l.answer(o.token, err)
		case ended:
			return seen.verdict(failure)
		default:
			select {
			case <-c.signal:
			case <-ctx.Done():
				l.peer.BatchCancel(c.id)
				return context.Cause(ctx)
			}
		}
	}
}

// send claims, fills and publishes. Room is waited for until the caller's deadline or max_wait.
func (u *Unit) send(ctx context.Context, l *lane, c *call, p parcel) error {
	ring := l.link.Producer()
	claim, err := ring.Claim(ctx, p.Bytes())
	if err != nil {
		return sendError(ctx, err)
	}
	h := headerFor(ctx)
	h.CallID = c.id
	n, err := p.Write(claim.Bytes(), &h)
	if err != nil {
		return errors.Join(err, ring.Abort(claim))
	}
	if err := ring.Publish(claim, 0, c.id, n); err != nil {
		return sendError(ctx, err)
	}
	return nil
}

// sendError gives a full ring the caller's own cause where that ended the wait, and else stays retryable.
func sendError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, ring.ErrTooLarge) {
		return consumererror.NewPermanent(err)
	}
	return err
}

// outcomes remembers what the outputs' consumers said, for the detail of a failure.
type outcomes struct{ permanent, retryable error }

func (s *outcomes) add(err error) {
	switch {
	case err == nil:
	case consumererror.IsPermanent(err):
		s.permanent = first(s.permanent, err)
	default:
		s.retryable = first(s.retryable, err)
	}
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// verdict is the engine's, told with the consumers' own error where there was one: the first permanent
// one, else the first.
func (s *outcomes) verdict(f *control.Failure) error {
	if f == nil {
		return nil
	}
	err := first(s.permanent, s.retryable)
	if err == nil {
		return f.AsError()
	}
	if f.Class == control.Permanent && !consumererror.IsPermanent(err) {
		return consumererror.NewPermanent(err)
	}
	return err
}
