package unit

import (
	"testing"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: a call leaves the lane's table whichever comes first, its verdict or its caller's last step;
// nothing of it stays for the life of the lane.
func TestCallsLeaveTheTable(t *testing.T) {
	failure := &control.Failure{Class: control.Deadline, Message: "the deadline passed in the engine"}
	for name, steps := range map[string]func(l *lane, c *call){
		"acked, then forgotten": func(l *lane, c *call) { l.end(c.id, nil); l.forget(c) },
		"forgotten, then acked": func(l *lane, c *call) { l.forget(c); l.end(c.id, nil) },
		"detached, then acked":  func(l *lane, c *call) { l.detach(c); l.forget(c); l.end(c.id, nil) },
		// The control channel may end a call whose output lies in the ring, not yet taken.
		"failed, then detached": func(l *lane, c *call) { l.end(c.id, failure); l.detach(c); l.forget(c) },
		"failed between":        func(l *lane, c *call) { l.detach(c); l.end(c.id, failure); l.forget(c) },
	} {
		t.Run(name, func(t *testing.T) {
			l := &lane{number: 1, epoch: 1, calls: map[uint64]*call{}, stats: new(Stats)}
			c, err := l.begin()
			if err != nil {
				t.Fatal(err)
			}
			steps(l, c)
			if len(l.calls) != 0 {
				t.Errorf("%d calls are left in the lane's table", len(l.calls))
			}
		})
	}
}
