package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// OperationSink does what a Rust component asks of the host: it gets the payload, its own memory,
// and gives the reply. It runs on a goroutine of its own; ctx ends when Rust does not want the
// answer any more.
type OperationSink func(ctx context.Context, kind OpKind, payload []byte) ([]byte, error)

// maxAsked is how many operations of the peer's may be under way at once.
const maxAsked = 4096

// asked is what the peer wants of the host: the sinks by handle, and what is under way by the
// peer's own ids.
var asked struct {
	sync.Mutex
	sinks   map[uint64]OperationSink
	running map[uint64]context.CancelFunc
}

// HandleOperations sends what the component with this handle asks of the host to sink: one for each
// handle. After release no further one starts; those under way may still end.
func HandleOperations(handle uint64, sink OperationSink) (release func()) {
	asked.Lock()
	defer asked.Unlock()
	if asked.sinks == nil {
		asked.sinks, asked.running = map[uint64]OperationSink{}, map[uint64]context.CancelFunc{}
	}
	asked.sinks[handle] = sink
	return func() {
		asked.Lock()
		defer asked.Unlock()
		delete(asked.sinks, handle)
	}
}

// bound is the transport that the peer's operations are answered through; set before it can ask.
var bound atomic.Pointer[transport]

// deliverOpStart starts an operation of the peer's and returns at once; the payload must be the
// host's own memory. Whatever happens, the peer is answered once.
func deliverOpStart(id, handle uint64, kind OpKind, timeout time.Duration, payload []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	asked.Lock()
	sink, full := asked.sinks[handle], len(asked.running) >= maxAsked
	if sink != nil && !full {
		asked.running[id] = cancel
	}
	asked.Unlock()
	switch {
	case sink == nil:
		cancel()
		answer(
			id,
			nil,
			&OperationError{
				Class:   Unavailable,
				Message: fmt.Sprintf("the component with handle %d does not run in the host", handle),
			},
		)
	case full:
		cancel()
		answer(
			id,
			nil,
			&OperationError{
				Class:   Refused,
				Message: fmt.Sprintf("the host is busy with %d operations", maxAsked),
			},
		)
	default:
		go func() {
			var reply []byte
			var failed error
			if panicked := contain(func() { reply, failed = sink(ctx, kind, payload) }); panicked != nil {
				failed = &OperationError{Class: Internal, Message: panicked.Error()}
			}
			asked.Lock()
			delete(asked.running, id)
			asked.Unlock()
			cancel()
			answer(id, reply, failed)
		}()
	}
}

// deliverOpCancel tells an operation of the peer's that nobody waits for it any more.
func deliverOpCancel(id uint64) {
	asked.Lock()
	cancel := asked.running[id]
	asked.Unlock()
	if cancel != nil {
		cancel()
	}
}

func answer(id uint64, reply []byte, failed error) {
	calls := bound.Load()
	if calls == nil {
		return // nobody who could have asked
	}
	if failed == nil {
		(*calls).opDone(id, classOK, reply)
		return
	}
	e, ok := errors.AsType[*OperationError](failed)
	if !ok {
		e = &OperationError{Class: classOfAnswer(failed), Message: failed.Error()}
	}
	payload, err := json.Marshal(
		errorPayload{Message: e.Message, Component: e.Component, Errors: e.Errors},
	)
	if err != nil {
		payload = nil // strings only: it cannot fail
	}
	(*calls).opDone(id, uint32(e.Class), payload)
}

func classOfAnswer(err error) Class {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Deadline
	case errors.Is(err, context.Canceled):
		return Cancelled
	default:
		return Permanent
	}
}
