package unit

import (
	"cmp"
	"sync"
	"time"

	"github.com/strait-data/strait/go/ring"
)

// Runtime is how a unit runs and exchanges batches. Zero values stand for what the process has
// (SetRuntime), and where that has none either for DefaultRuntime's.
type Runtime struct {
	// Lanes is the number of threads; MaxInFlight bounds the batches inside each.
	Lanes, MaxInFlight int
	// Geometry, Wake and MaxWait are as in Transport.
	Geometry ring.Geometry
	Wake     Wake
	MaxWait  time.Duration
}

// Over is r where it says something, else what is below.
func (r Runtime) Over(below Runtime) Runtime {
	return Runtime{
		Lanes:       cmp.Or(r.Lanes, below.Lanes),
		MaxInFlight: cmp.Or(r.MaxInFlight, below.MaxInFlight),
		Geometry: ring.Geometry{
			Descriptors: cmp.Or(r.Geometry.Descriptors, below.Geometry.Descriptors),
			Blocks:      cmp.Or(r.Geometry.Blocks, below.Geometry.Blocks),
		},
		Wake:    cmp.Or(r.Wake, below.Wake),
		MaxWait: cmp.Or(r.MaxWait, below.MaxWait),
	}
}

// DefaultRuntime is what holds where nobody says anything: one lane, 64 batches in flight, and
// DefaultTransport.
func DefaultRuntime() Runtime {
	t := DefaultTransport()
	return Runtime{
		Lanes: 1, MaxInFlight: 64, Geometry: t.Geometry, Wake: t.Wake, MaxWait: t.MaxWait,
	}
}

// ofProcess are the runtimes that were set and not taken back; the last one holds.
var ofProcess struct {
	mu  sync.Mutex
	set []*Runtime
}

// SetRuntime says what units inherit that start from now on, until it is taken back. A process
// should set one; of several the last holds.
func SetRuntime(r Runtime) (takeBack func()) {
	ofProcess.mu.Lock()
	defer ofProcess.mu.Unlock()
	mine := &r
	ofProcess.set = append(ofProcess.set, mine)
	return func() {
		ofProcess.mu.Lock()
		defer ofProcess.mu.Unlock()
		for i, r := range ofProcess.set {
			if r == mine {
				ofProcess.set = append(ofProcess.set[:i:i], ofProcess.set[i+1:]...)
				return
			}
		}
	}
}

func processRuntime() Runtime {
	ofProcess.mu.Lock()
	defer ofProcess.mu.Unlock()
	if n := len(ofProcess.set); n > 0 {
		return *ofProcess.set[n-1]
	}
	return Runtime{}
}

// inherit fills in what the unit's own configuration leaves open.
func (u *Unit) inherit() {
	process := processRuntime()
	if u.spec.kind() == KindReceiver || u.spec.sends() {
		process.Lanes = 1 // one instance makes the batches; one queue holds them
	}
	own := Runtime{
		Lanes: u.spec.Lanes, MaxInFlight: u.spec.MaxInFlight,
		Geometry: u.transport.Geometry, Wake: u.transport.Wake, MaxWait: u.transport.MaxWait,
	}
	r := own.Over(process).Over(DefaultRuntime())
	u.spec.Lanes, u.spec.MaxInFlight = r.Lanes, r.MaxInFlight
	u.transport.Geometry, u.transport.Wake, u.transport.MaxWait = r.Geometry, r.Wake, r.MaxWait
}

// Transport is how a unit with this runtime exchanges batches.
func (r Runtime) Transport() Transport {
	return Transport{Geometry: r.Geometry, Wake: r.Wake, MaxWait: r.MaxWait}
}
