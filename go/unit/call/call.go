package call

import (
	"sync"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// output is one batch that came out of the engine: a leased slot and the token that answers it.
type output struct {
	token uint64
	batch record.Batch // header and content; the lease's bytes
	lease ring.Lease
	exit  AnyExit // of the edge that it came over
	// verdict says that it ends its call, and that nobody waits for an answer (S-16).
	verdict bool
}

// call is one batch of the host's on its way through the engine. The lane's reader and the control
// channel add events; only the caller's goroutine takes them, in order, and it alone touches its
// pdata. It ends exactly once.
type call struct {
	id uint64

	mu      sync.Mutex
	outputs []*output
	ended   bool
	failure *control.Failure // nil: acknowledged
	signal  chan struct{}    // capacity 1: "look again"
}

func newCall(id uint64) *call {
	return &call{id: id, signal: make(chan struct{}, 1)}
}

// addOutput hands an output over; false when the call has ended, and then the caller keeps the
// lease.
func (c *call) addOutput(o *output) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	c.outputs = append(c.outputs, o)
	c.ended = o.verdict
	c.wake()
	return true
}

// end is the engine's verdict; nil means acknowledged. Only the first one counts.
func (c *call) end(f *control.Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended, c.failure = true, f
	c.wake()
}

func (c *call) wake() {
	select {
	case c.signal <- struct{}{}:
	default:
	}
}

// take returns the next output, or nil and the verdict when there is none left.
func (c *call) take() (o *output, ended bool, f *control.Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.outputs) > 0 {
		o, c.outputs = c.outputs[0], c.outputs[1:]
		return o, false, nil
	}
	return nil, c.ended, c.failure
}

// abandon ends the call from the caller's side and gives back what it did not take.
func (c *call) abandon() []*output {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	left := c.outputs
	c.outputs = nil
	return left
}
