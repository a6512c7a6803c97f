package control

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: a failure that goes to the peer and comes back is equal, field by field.
func TestFailuresCrossBothWays(t *testing.T) {
	var got *control.Failure
	id := link(t, linkFuncs{failed: func(_ uint64, f *control.Failure) { got = f }})
	rapid.Check(t, func(t *rapid.T) {
		want := &control.Failure{
			Class:         control.Class(rapid.IntRange(1, 7).Draw(t, "class")),
			GRPCCode:      rapid.Uint32().Draw(t, "grpc"),
			HTTPCode:      rapid.Uint32().Draw(t, "http"),
			RetryDelay:    time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "delay")),
			RejectedItems: rapid.Uint64().Draw(t, "rejected"),
			Message:       rapid.String().Draw(t, "message"),
			Component:     rapid.String().Draw(t, "component"),
		}
		got = nil
		peer.BatchFailed(id, want) // answered before it returns: this peer sends it straight back
		if got == nil || *got != *want {
			t.Fatalf("%+v became %+v", want, got)
		}
		if again := control.FailureFrom(got.AsError()); *again != *want {
			t.Fatalf("%+v became %+v in the Collector", want, again)
		}
	})
}

// Guarantees: a cancellation reaches the peer, and its answer the link of that call, even where the
// answer grows the stack of the goroutine that called and the collector runs.
func TestAnswerInsideTheCall(t *testing.T) {
	var answers []uint64
	id := link(t, linkFuncs{failed: func(id uint64, f *control.Failure) {
		deep(5000)
		runtime.GC()
		assert.Equal(t, &control.Failure{Class: control.Cancelled, Message: "as asked"}, f)
		answers = append(answers, id)
	}})
	for range 20 {
		var group sync.WaitGroup
		group.Go(func() { peer.BatchCancel(id) }) // a new goroutine has a small stack
		group.Wait()
	}
	require.Len(t, answers, 20)
	require.Equal(t, id, answers[19])
}

//go:noinline
func deep(n int) int {
	var frame [32]int
	frame[n%32] = n
	if n > 0 {
		frame[0] += deep(n - 1)
	}
	return frame[n%32] + frame[0]
}

// Guarantees: a panic of the peer in a call without an answer is logged, and ends nothing else.
func TestPanicOfThePeerInABatchCallIsLogged(t *testing.T) {
	var lines []control.LogRecord
	defer control.HandleLogs(0, func(r control.LogRecord) { lines = append(lines, r) })()
	id := link(t, linkFuncs{})
	peer.BatchFailed(id, &control.Failure{Class: control.Retryable, Message: "panic"})
	require.Len(t, lines, 1)
	require.Equal(t, control.LevelError, lines[0].Level)
	require.Contains(t, lines[0].Message, fmt.Sprintf("panic in batch_failed of %#x", id))
	require.Contains(t, lines[0].Message, "asked to")
}

// Guarantees: panics of Go sinks on Rust's threads end nothing, and are all counted; the one in
// BatchFailed becomes the call's error.
func TestPanicsOfSinksAreContained(t *testing.T) {
	handle := control.NextHandle()
	defer control.HandleLogs(handle, func(r control.LogRecord) { _ = r.Message[len(r.Message)] })()
	defer control.HandleStatus(handle, func(control.Status) { panic("bug") })()
	var mu sync.Mutex
	var calls, internal int
	id := link(t, linkFuncs{
		cancel: func(uint64) { panic("bug") },
		failed: func(_ uint64, f *control.Failure) {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls%2 == 1 {
				panic("bug")
			}
			if f.Class == control.Internal && strings.Contains(f.Message, "panic in the host: bug") {
				internal++
			}
		},
	})
	before := control.ReadStats().Panics
	for _, what := range []string{"log", "status", "cancel", "failed"} {
		callHost(t, handle, id, what, 1, 10)
	}
	require.Equal(t, before+40, control.ReadStats().Panics)
	require.Equal(t, 10, internal)
}

// Guarantees: Rust threads call at the same time as the collector runs and operations cross, and
// nothing is lost, doubled or torn.
func TestCallsUnderGarbageCollection(t *testing.T) {
	const threads, times = 4, 5000
	handle := control.NextHandle()
	var logs, statuses, cancels, failures atomic.Int64
	defer control.HandleLogs(handle, func(r control.LogRecord) {
		if r == (control.LogRecord{
			Level: control.LevelInfo, Target: "testpeer", File: "src/testpeer.rs", Line: 7,
			Message: "a line of ordinary length", FieldsJSON: `{"n":1}`, Handle: handle,
		}) {
			logs.Add(1)
		}
	})()
	defer control.HandleStatus(handle, func(s control.Status) {
		want := control.Status{
			Handle: handle, Code: control.StatusRecoverableError, Message: "trying again",
		}
		if s == want {
			statuses.Add(1)
		}
	})()
	want := control.Failure{
		Class: control.Unavailable, GRPCCode: 14, HTTPCode: 503, RetryDelay: 1500 * time.Millisecond,
		RejectedItems: 3, Message: "a message of ordinary length", Component: "test",
	}
	id := link(t, linkFuncs{
		cancel: func(uint64) { cancels.Add(1) },
		failed: func(_ uint64, f *control.Failure) {
			if *f == want {
				failures.Add(1)
			}
		},
	})
	stop := make(chan struct{})
	var background, group sync.WaitGroup
	background.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	for _, what := range []string{"log", "status", "cancel", "failed"} {
		group.Go(func() { callHost(t, handle, id, what, threads, times) })
	}
	for i := range 4 {
		group.Go(func() {
			for n := range 200 {
				payload := work(t, "echo", map[string]any{"pad": strings.Repeat(string(rune('a'+i)), n*17)})
				reply, err := peer.Call(t.Context(), control.Start, handle, payload)
				if !assert.NoError(t, err) || !assert.Equal(t, string(payload), string(reply)) {
					return
				}
			}
		})
	}
	group.Wait()
	close(stop)
	background.Wait()
	for name, n := range map[string]int64{
		"log": logs.Load(), "status": statuses.Load(), "cancel": cancels.Load(),
		"failed": failures.Load(),
	} {
		assert.EqualValues(t, threads*times, n, name)
	}
}

// callHost makes the peer call us, from threads of its own.
func callHost(t testing.TB, handle, callID uint64, what string, threads, times int) {
	_, err := peer.Call(t.Context(), control.Start, handle, work(t, "calls", map[string]any{
		"threads": threads, "times": times, "call_id": callID, "what": what,
	}))
	assert.NoError(t, err)
}

// Guarantees: memory stays flat over many one-way calls of every kind. A leak of 32 bytes per call
// shows; what the heaps keep for themselves does not.
func TestCallsDoNotLeak(t *testing.T) {
	const allowed = 24 << 20
	handle := control.NextHandle()
	var got atomic.Int64
	defer control.HandleLogs(handle, func(control.LogRecord) { got.Add(1) })()
	defer control.HandleStatus(handle, func(control.Status) { got.Add(1) })()
	id := link(t, linkFuncs{
		cancel: func(uint64) { got.Add(1) },
		failed: func(uint64, *control.Failure) { got.Add(1) },
	})
	failure := &control.Failure{
		Class:     control.Retryable,
		Message:   "a message of ordinary length",
		Component: "test",
	}
	kinds := map[string]func(n int){
		"to peer: batch_cancel": func(n int) {
			for range n {
				peer.BatchCancel(id)
			}
		},
		"to peer: batch_failed": func(n int) {
			for range n {
				peer.BatchFailed(id, failure)
			}
		},
	}
	for _, what := range []string{"log", "status", "cancel", "failed"} {
		kinds["to host: "+what] = func(n int) { callHost(t, handle, id, what, 1, n) }
	}
	for name, run := range kinds {
		t.Run(name, func(t *testing.T) {
			run(manyCalls / 20) // what is allocated once
			got.Store(0)
			runtime.GC()
			before := residentBytes(t)
			run(manyCalls)
			runtime.GC()
			after := residentBytes(t)
			require.EqualValues(t, manyCalls, got.Load())
			require.Less(t, after-before, int64(allowed), "resident memory grew over %d calls", manyCalls)
		})
	}
}

// residentBytes is this process's resident memory.
func residentBytes(t testing.TB) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var size, resident int64
	_, err = fmt.Sscan(string(text), &size, &resident)
	require.NoError(t, err)
	return resident * int64(os.Getpagesize())
}
