package call

import (
	"testing"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: a call leaves the lane's table whichever comes first, its verdict or its caller's
// last step; nothing of it stays for the life of the lane.
func TestCallsLeaveTheTable(t *testing.T) {
	failure := &control.Failure{Class: control.Deadline, Message: "the deadline passed in the engine"}
	for name, steps := range map[string]func(l *Lane, c *call){
		"acked, then forgotten": func(l *Lane, c *call) { l.end(c.id, nil); l.forget(c) },
		"forgotten, then acked": func(l *Lane, c *call) { l.forget(c); l.end(c.id, nil) },
		// A difference, whose call ends with it.
		"answered, then forgotten": func(l *Lane, c *call) { l.take(c.id); l.forget(c) },
		// The control channel may end a call whose output lies in the ring, not yet taken.
		"failed, then forgotten": func(l *Lane, c *call) { l.end(c.id, failure); l.forget(c) },
	} {
		t.Run(name, func(t *testing.T) {
			l := &Lane{
				o: Options{Number: 1, Epoch: 1, Stats: new(Stats)}, calls: map[uint64]*call{},
			}
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
