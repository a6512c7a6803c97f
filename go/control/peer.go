package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strait-data/strait/go/internal/ctxerr"
)

const (
	// DefaultTimeout is the deadline of an operation whose context has none.
	DefaultTimeout = time.Minute
	// grace is how long a peer may take to let go of an operation after its cancel.
	grace = 5 * time.Second
)

// ErrAbandoned means that the peer did not let go of an operation after it was cancelled: its
// thread is blocked. What the operation did or will still do is not known.
var ErrAbandoned = errors.New("the peer did not end the operation after it was cancelled")

// transport is the peer's functions.
type transport interface {
	opStart(id, handle uint64, kind OpKind, timeout time.Duration, payload []byte)
	opCancel(id uint64)
	batchCancel(callID uint64)
	batchFailed(callID uint64, failure *Failure)
	opDone(id uint64, code uint32, payload []byte)
	logLevel(level Level)
	spanStarted(token uint64, id SpanID)
}

// Peer is the bound Rust side. Its methods may be called at the same time from any goroutine.
type Peer struct {
	calls transport
	name  string
}

// Name says which library it is, as it was registered.
func (p *Peer) Name() string { return p.name }

// opEnd is what op_done brought.
type opEnd struct {
	code    uint32
	payload []byte
	failed  error // the host itself could not take the end
}

// pending is the operations in flight, in shards so that many at a time do not meet on one lock.
// Whoever takes the channel out of it owns the operation's only end.
var pending [16]struct {
	sync.Mutex
	ops map[uint64]chan opEnd
	_   [48]byte // one cache line each
}

var lastOp atomic.Uint64

func putPending(id uint64, ch chan opEnd) {
	shard := &pending[id%uint64(len(pending))]
	shard.Lock()
	defer shard.Unlock()
	if shard.ops == nil {
		shard.ops = map[uint64]chan opEnd{}
	}
	shard.ops[id] = ch
}

func takePending(id uint64) chan opEnd {
	shard := &pending[id%uint64(len(pending))]
	shard.Lock()
	defer shard.Unlock()
	ch := shard.ops[id]
	delete(shard.ops, id)
	return ch
}

// deliverOpDone ends an operation; the payload must be the host's own memory.
func deliverOpDone(id uint64, end opEnd) {
	ch := takePending(id)
	if ch == nil {
		counters.unknownOperations.Add(1) // an abandoned one: its thread is free again
		return
	}
	ch <- end // room for one, and one taker
}

// Call runs an operation and returns its reply, the host's own memory. The payload is only read
// until the operation has ended.
//
// When ctx ends first, the peer is told, and Call waits for it to let go: so when it returns, the
// operation has ended. A peer that does not let go within 5 seconds is given up with ErrAbandoned.
// A ctx without a deadline gets DefaultTimeout. Errors are *OperationError, or wrap ErrAbandoned;
// where ctx ended the operation they wrap its error and its cause.
func (p *Peer) Call(
	ctx context.Context,
	kind OpKind,
	handle uint64,
	payload []byte,
) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, contextEnded(ctx, fmt.Sprintf("%s of handle %d was not started", kind, handle))
	}
	if _, ok := ctx.Deadline(); !ok {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, DefaultTimeout)
		defer stop()
	}
	until, _ := ctx.Deadline()
	id, ch := lastOp.Add(1), make(chan opEnd, 1)
	putPending(id, ch)
	start := func() { p.calls.opStart(id, handle, kind, max(1, time.Until(until)), payload) }
	if kind == Create {
		go start() // a component's code runs until this returns, which may be never
	} else {
		start()
	}
	select {
	case end := <-ch:
		return end.result(ctx, kind)
	case <-ctx.Done():
	}
	p.calls.opCancel(id)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case end := <-ch:
		return end.result(ctx, kind)
	case <-timer.C:
	}
	if takePending(id) == nil {
		end := <-ch // its end has come, and is about to be sent
		return end.result(ctx, kind)
	}
	counters.abandoned.Add(1)
	return nil, fmt.Errorf("%s of handle %d: %w within %s: %w",
		kind, handle, ErrAbandoned, grace, ctxerr.Of(ctx))
}

func (end opEnd) result(ctx context.Context, kind OpKind) ([]byte, error) {
	if end.failed != nil {
		return nil, &OperationError{Class: Internal, Message: fmt.Sprintf("%s: %v", kind, end.failed)}
	}
	if end.code == classOK {
		return end.payload, nil
	}
	e := operationError(kind, end.code, end.payload)
	if (e.Class == Cancelled || e.Class == Deadline) && ctx.Err() != nil {
		return nil, contextEnded(ctx, e.Message)
	}
	return nil, e
}

// contextEnded is the error of an operation that ended with its caller's context.
func contextEnded(ctx context.Context, message string) *OperationError {
	e := &OperationError{Class: Cancelled, Message: message, cause: ctxerr.Of(ctx)}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Class = Deadline
	}
	return e
}

// BatchCancel tells the peer that a call of the host's is no longer wanted. It may overtake the
// batch on the ring.
func (p *Peer) BatchCancel(callID uint64) { p.calls.batchCancel(callID) }

// BatchFailed ends an egress batch of the peer's as failed: it must not be acked on the ring too.
func (p *Peer) BatchFailed(callID uint64, failure *Failure) {
	if failure == nil {
		failure = &Failure{
			Class:   Internal,
			Message: "the host failed a batch without a reason; this is a bug",
		}
	}
	p.calls.batchFailed(callID, failure)
}

// own copies what aliases the peer's memory.
func own(b []byte) []byte { return bytes.Clone(b) }
