package call

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/internal/ctxerr"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit/edge"
)

// freight is what crosses in one exchange.
type freight interface {
	// pack makes the parcel of the call, whose header it gets.
	pack(ctx context.Context, h *record.Header) (edge.Parcel, error)
	// take is called on the caller's goroutine for each batch that comes out. It releases the lease.
	take(ctx context.Context, o *output) error
}

// exchanger is what exchanges; a Lane, but in tests.
type exchanger interface {
	exchange(ctx context.Context, number uint16, f freight) (sent bool, err error)
}

// exchange sends one parcel into an edge, hands its outputs to the freight, and returns the
// engine's verdict; sent says that the parcel has left. When the caller's context ends it returns
// at once with the cause; the work is withdrawn and late answers are dropped.
func (l *Lane) exchange(ctx context.Context, number uint16, f freight) (sent bool, err error) {
	if ctx.Err() != nil {
		return false, ctxerr.Of(ctx)
	}
	c, err := l.begin()
	if err != nil {
		return false, err
	}
	defer l.forget(c)
	h := &record.Header{CallID: c.id}
	l.o.Stats.ContextLeftOut.Add(uint64(describe(ctx, h)))
	p, err := f.pack(ctx, h)
	if err != nil {
		return false, err
	}
	if err := l.send(ctx, number, c, p); err != nil {
		return false, err
	}
	return true, l.await(ctx, c, f)
}

// send claims, fills and publishes. Room is waited for until the caller's deadline or max_wait.
func (l *Lane) send(ctx context.Context, number uint16, c *call, p edge.Parcel) error {
	defer p.Release()
	producer := l.link.Producer()
	claim, err := producer.Claim(ctx, p.Size())
	if err != nil {
		return sendError(ctx, err)
	}
	if err := p.Write(claim.Bytes()); err != nil {
		return errors.Join(err, producer.Abort(claim))
	}
	return sendError(ctx, producer.Publish(claim, number, c.id, p.Size()))
}

// sendError gives the caller its own context's cause where that ended the wait. A full ring and a
// link that has ended stay retryable.
func sendError(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctxerr.Of(ctx)
	}
	if _, ended := errors.AsType[*ring.Error](err); ended {
		return linkEnded(err)
	}
	return err
}

func (l *Lane) await(ctx context.Context, c *call, f freight) error {
	var seen outcomes
	for {
		o, ended, failure := c.take()
		switch {
		case o != nil:
			if o.verdict { // no node acts on what becomes of it: its consumer's answer is the caller's
				return f.take(ctx, o)
			}
			seen.add(l.handOver(ctx, o, f))
		case ended:
			return seen.verdict(failure)
		default:
			select {
			case <-c.signal:
			case <-ctx.Done():
				l.o.Peer.BatchCancel(c.id)
				return ctxerr.Of(ctx)
			}
		}
	}
}

// handOver gives an output to its consumer and the answer to the engine; also when the consumer
// panics, which some receivers survive.
func (l *Lane) handOver(ctx context.Context, o *output, f freight) error {
	err := errPanicked
	defer func() { l.answer(ctx, o.token, err) }()
	err = f.take(ctx, o)
	return err
}

var errPanicked = errors.New("the next consumer panicked")

// outcomes remembers what the outputs' consumers said, for the detail of a failure.
type outcomes struct {
	permanent, retryable error
	answers              int
}

// oneOfSeveral marks a consumer's error where a batch was handed on more than once: the items that
// it says were not delivered are not all of the batch's.
type oneOfSeveral struct{ error }

func (e oneOfSeveral) Unwrap() error { return e.error }

func (s *outcomes) add(err error) {
	s.answers++
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

// verdict is the engine's, told with the consumers' own error where there was one: the first
// permanent one, else the first.
func (s *outcomes) verdict(f *control.Failure) error {
	if f == nil {
		return nil
	}
	err := first(s.permanent, s.retryable)
	if err == nil {
		return f.AsError()
	}
	if s.answers > 1 {
		err = oneOfSeveral{err}
	}
	if consumererror.IsPermanent(f.AsError()) && !consumererror.IsPermanent(err) {
		return consumererror.NewPermanent(err)
	}
	return err
}
