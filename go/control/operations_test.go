package control

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bindScripted makes p the peer that operations are answered to and levels are told to.
func bindScripted(t *testing.T, p *scriptedPeer) {
	t.Helper()
	before := bound.Load()
	var calls transport = p
	bound.Store(&calls)
	t.Cleanup(func() { bound.Store(before) })
}

// Guarantees: an operation of the peer's gets exactly one answer: the reply, the error with its
// class and component, a panic as internal, or that nobody is there.
func TestAnOperationOfThePeersIsAnsweredOnce(t *testing.T) {
	p := &scriptedPeer{done: make(chan opEnd, 8)}
	bindScripted(t, p)
	release := HandleOperations(71, func(_ context.Context, _ OpKind, payload []byte) ([]byte, error) {
		switch string(payload) {
		case "panic":
			panic("bug")
		case "fail":
			return nil, &OperationError{Class: Refused, Message: "not now", Component: "c"}
		case "error":
			return nil, errors.New("plain")
		}
		return append([]byte("re:"), payload...), nil
	})
	failed := func(class Class, message, component string) opEnd {
		text := fmt.Sprintf(`5 {"message":%q,"component":%q,"errors":null}`, message, component)
		return opEnd{code: uint32(class), payload: []byte(text)}
	}
	for payload, want := range map[string]opEnd{
		"x":     {code: classOK, payload: []byte("5 re:x")},
		"fail":  failed(Refused, "not now", "c"),
		"error": failed(Permanent, "plain", ""),
		"panic": failed(Internal, "panic in the host: bug", ""),
	} {
		deliverOpStart(5, 71, Capability, time.Minute, []byte(payload))
		require.Equal(t, want, <-p.done, payload)
	}
	release()
	deliverOpStart(6, 71, Capability, time.Minute, nil)
	require.Equal(t, uint32(Unavailable), (<-p.done).code)
	require.Empty(t, p.done)
}

// Guarantees: a cancelled operation of the peer's, and one past its time, see their context end.
func TestAnOperationOfThePeersIsCancelled(t *testing.T) {
	p := &scriptedPeer{done: make(chan opEnd, 8)}
	bindScripted(t, p)
	defer HandleOperations(72, func(ctx context.Context, _ OpKind, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})()
	deliverOpStart(7, 72, Capability, time.Minute, nil)
	deliverOpCancel(7)
	require.Equal(t, uint32(Cancelled), (<-p.done).code)
	deliverOpStart(8, 72, Capability, time.Millisecond, nil)
	require.Equal(t, uint32(Deadline), (<-p.done).code)
	deliverOpCancel(8) // has ended
}

// Guarantees: the peer is told the finest level that any sink takes, only when that changes, and
// none when there is no sink.
func TestThePeerFollowsTheFinestLevel(t *testing.T) {
	p := &scriptedPeer{}
	bindScripted(t, p)
	levels.told = 0
	sink := func(LogRecord) {}
	warn := HandleLogsFrom(LevelWarn, 81, sink)
	warnToo := HandleLogsFrom(LevelWarn, 82, sink)
	debug := HandleLogsFrom(LevelDebug, 83, sink)
	debug()
	debug()
	warn()
	warnToo()
	require.Equal(t, []Level{LevelWarn, LevelDebug, LevelWarn, LevelNone}, p.levels)
}
