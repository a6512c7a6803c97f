package control

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Level says how important a log line is. The numbers are in dataplane/control/vectors/codes.json.
type Level uint32

const (
	// LevelTrace is finer than debug.
	LevelTrace Level = 1 + iota
	// LevelDebug is for whoever looks for a fault.
	LevelDebug
	// LevelInfo is worth a line in normal running.
	LevelInfo
	// LevelWarn works, but needs attention.
	LevelWarn
	// LevelError does not work.
	LevelError
	// LevelNone is above every line: nobody listens.
	LevelNone
)

// StatusCode is a component's status; the numbers are those of componentstatus.Status.
type StatusCode uint32

const (
	// StatusStarting: on its way up.
	StatusStarting StatusCode = 1 + iota
	// StatusOK: works.
	StatusOK
	// StatusRecoverableError: does not work now, and tries again by itself.
	StatusRecoverableError
	// StatusPermanentError: does not work and will not without a change; the rest goes on.
	StatusPermanentError
	// StatusFatalError: the Collector should stop.
	StatusFatalError
	// StatusStopping: on its way down.
	StatusStopping
	// StatusStopped: down.
	StatusStopped
)

// LogRecord is one log line of the peer.
type LogRecord struct {
	Level Level
	// Target is where in the Rust code it comes from; File and Line say it exactly: "" and 0 = not
	// known.
	Target string
	File   string
	Line   int
	// Message is the line.
	Message string
	// FieldsJSON is a JSON object of its fields; "" = none.
	FieldsJSON string
	// Handle says whose it is; 0 = the peer itself.
	Handle uint64
}

// Status is one report of a component's status.
type Status struct {
	Handle  uint64
	Code    StatusCode
	Message string
}

// NextHandle returns a handle that was not given out before in this process. 0 is never one.
func NextHandle() uint64 { return lastHandle.Add(1) }

var lastHandle atomic.Uint64

// HandleLogs sends the log lines of a handle to sink, and those whose handle has no sink to the
// sink of handle 0, or else to any. Of several for one handle the latest that was not released gets
// them. The sink runs on the peer's threads: hand over and return. Release may be called more than
// once.
func HandleLogs(handle uint64, sink func(LogRecord)) (release func()) {
	return HandleLogsFrom(LevelInfo, handle, sink)
}

// HandleLogsFrom is HandleLogs for a sink that drops lines below a level. Lines that every sink
// drops are not made in Rust.
func HandleLogsFrom(finest Level, handle uint64, sink func(LogRecord)) (release func()) {
	released := logSinks.add(handle, sink)
	levels.change(finest, 1)
	listen()
	return func() {
		if released() {
			levels.change(finest, -1)
			listen()
		}
	}
}

// levels counts the log sinks by the finest level that each takes.
var levels levelCounts

type levelCounts struct {
	sync.Mutex
	sinks [LevelNone + 1]int
	told  Level // what the peer was told; 0: nothing yet
}

func (c *levelCounts) change(level Level, by int) {
	c.Lock()
	defer c.Unlock()
	c.sinks[min(level, LevelNone)] += by
}

// listen tells the peer the finest level that anybody takes, when that has changed.
func listen() {
	calls := bound.Load()
	if calls == nil {
		return // Bind does it
	}
	levels.Lock()
	defer levels.Unlock()
	finest := LevelTrace
	for finest < LevelNone && levels.sinks[finest] == 0 {
		finest++
	}
	if levels.told != finest {
		levels.told = finest
		(*calls).logLevel(finest)
	}
}

// HandleStatus sends the status reports of a handle to sink, as HandleLogs does with log lines; but
// a report whose handle has no sink is dropped and counted.
func HandleStatus(handle uint64, sink func(Status)) (release func()) {
	released := statusSinks.add(handle, sink)
	return func() { released() }
}

// registry holds sinks by handle.
type registry[Sink any] struct {
	mu    sync.RWMutex
	sinks map[uint64][]*Sink
}

var (
	logSinks    registry[func(LogRecord)]
	statusSinks registry[func(Status)]
)

// add's release tells whether it did anything: not the second time.
func (r *registry[Sink]) add(handle uint64, sink Sink) (release func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sinks == nil {
		r.sinks = map[uint64][]*Sink{}
	}
	entry := &sink
	r.sinks[handle] = append(r.sinks[handle], entry)
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		before := r.sinks[handle]
		left := slices.DeleteFunc(slices.Clone(before), func(e *Sink) bool { return e == entry })
		if len(left) == 0 {
			delete(r.sinks, handle)
		} else {
			r.sinks[handle] = left
		}
		return len(left) < len(before)
	}
}

// get is a handle's newest sink; the zero value: it has none.
func (r *registry[Sink]) get(handle uint64) (sink Sink) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if list := r.sinks[handle]; len(list) > 0 {
		sink = *list[len(list)-1]
	}
	return sink
}

// newest is the sink that was added last, of any handle.
func (r *registry[Sink]) newest() (sink Sink) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	latest := uint64(0)
	for handle := range r.sinks {
		latest = max(latest, handle)
	}
	if list := r.sinks[latest]; len(list) > 0 {
		sink = *list[len(list)-1]
	}
	return sink
}

// deliverLog gives a line to its handle's sink; one that has none goes to handle 0's, else to any,
// so that what the peer says of itself is heard.
func deliverLog(record LogRecord) {
	sink := logSinks.get(record.Handle)
	if sink == nil {
		sink = logSinks.get(0)
	}
	if sink == nil {
		sink = logSinks.newest()
	}
	if sink == nil {
		counters.unheard.Add(1)
		return
	}
	_ = contain(func() { sink(record) })
}

func deliverStatus(report Status) {
	sink := statusSinks.get(report.Handle)
	if sink == nil {
		counters.unheard.Add(1)
		return
	}
	_ = contain(func() { sink(report) })
}

// Stats counts what went wrong between the two sides, since the process started.
type Stats struct {
	// Panics is how many panics of sinks were contained.
	Panics uint64
	// UnknownOperations is how many operations ended that nobody waited for: abandoned ones.
	UnknownOperations uint64
	// Abandoned is how many operations were given up and have not ended since: each may hold a thread.
	Abandoned uint64
	// UnknownCalls is how many batch messages named a link without a sink.
	UnknownCalls uint64
	// Unheard is how many log lines and status reports had no sink.
	Unheard uint64
}

var counters struct{ panics, unknownOperations, abandoned, unknownCalls, unheard atomic.Uint64 }

// ReadStats returns the counters; each is exact, they are not read at one instant.
func ReadStats() Stats {
	return Stats{
		Panics:            counters.panics.Load(),
		UnknownOperations: counters.unknownOperations.Load(),
		Abandoned: counters.abandoned.Load() - min(
			counters.abandoned.Load(),
			counters.unknownOperations.Load(),
		),
		UnknownCalls: counters.unknownCalls.Load(),
		Unheard:      counters.unheard.Load(),
	}
}

// contain runs f. A panic of it must not reach the Rust frames below, where it would end the
// process: it is counted and comes back as an error.
func contain(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			counters.panics.Add(1)
			err = fmt.Errorf("panic in the host: %v", r)
		}
	}()
	f()
	return nil
}
