package unit

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/sinks"
)

// What of a unit belongs to one of its members. The first is the component that the unit is of. The
// others have an Aside each, which says who hears of them; one whose Aside is not known is taken
// for the first.

// findAsides finds who stands for the members, once the unit knows its pipeline.
func (u *Unit) findAsides() {
	u.asides = make([]*Aside, len(u.spec.Members))
	if u.spec.Aside == nil || u.spec.Pipeline == "" {
		return
	}
	for i := 1; i < len(u.spec.Members); i++ {
		u.asides[i] = u.spec.Aside(u.spec.Pipeline, u.spec.Members[i].ID)
	}
}

// hostOf is the host that a member's component was started with.
func (u *Unit) hostOf(member int, own component.Host) component.Host {
	if a := u.asides[member]; a != nil {
		return a.host
	}
	return own
}

// telemetryOf is what a member's component was created with.
func (u *Unit) telemetryOf(member int) component.TelemetrySettings {
	if a := u.asides[member]; a != nil {
		return a.telemetry
	}
	return u.telemetry
}

// watchMembers makes the health of each member, which tells its own host.
func (u *Unit) watchMembers(host component.Host) {
	u.healths = make([]*health, len(u.spec.Members))
	for i := range u.healths {
		if i > 0 && u.asides[i] == nil {
			u.healths[i] = u.healths[0]
			continue
		}
		tells := u.hostOf(i, host)
		report := func(e *componentstatus.Event) { componentstatus.ReportStatus(tells, e) }
		u.healths[i] = newHealth(u.spec.Lanes, report)
	}
	u.health = u.healths[0]
	for _, h := range u.healths[1:] {
		if h != u.health {
			u.health.others = append(u.health.others, h)
		}
	}
}

// nameMembers gives each member a handle, by which it asks what its component may, and by which it
// measures and traces.
func (u *Unit) nameMembers(host component.Host) error {
	u.spec.Members = slices.Clone(u.spec.Members)
	for i := range u.spec.Members {
		m := &u.spec.Members[i]
		m.Handle = control.NextHandle()
		stop, err := answers(m, u.hostOf(i, host))
		if err != nil {
			return err
		}
		telemetry := sinks.Telemetry(u.peer, m.Handle, u.telemetryOf(i), u.identityOf(m))
		u.release = append(u.release, stop, telemetry)
	}
	return nil
}

// hearMembers gives a lane the handles by which its members say how they are.
func (u *Unit) hearMembers(lane int) (said []uint64) {
	for _, h := range u.healths {
		handle := control.NextHandle()
		hears := func(s control.Status) { h.hears(lane, s) }
		u.release = append(u.release, control.HandleStatus(handle, hears))
		said = append(said, handle)
	}
	return said
}

// showPassed lets those that stand aside show what passes their members.
func (u *Unit) showPassed() {
	for i, a := range u.asides {
		if a != nil {
			passed := passedFunc(func() (uint64, uint64) { return u.passed(i) })
			a.passed.Store(&passed)
		}
	}
}

// passed is what a member was given and what it gave. Between two members Rust counts.
func (u *Unit) passed(member int) (incoming, outgoing uint64) {
	last := len(u.spec.Members) - 1
	if last > 0 {
		taken := u.taken.read(u)
		incoming, outgoing = taken[member], taken[min(member+1, last)]
	}
	if member == 0 {
		incoming = u.stats.IncomingItems.Load()
	}
	if member == last {
		outgoing = u.stats.OutgoingItems.Load()
	}
	return incoming, outgoing
}

// taken is what the members of a unit have taken, as Rust counts it.
type taken struct {
	mu    sync.Mutex
	last  []uint64 // what was read last, in their order
	final bool     // the unit has ended
}

// takenReply is what Rust says of it.
type takenReply struct {
	Taken []uint64 `json:"taken"`
}

// takenLimit bounds a reading: it is a few loads on the caller's thread.
const takenLimit = time.Second

// read asks Rust; where that cannot say, what it said last stands.
func (t *taken) read(u *Unit) []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.final {
		ctx, cancel := context.WithTimeout(context.Background(), takenLimit)
		defer cancel()
		reply, err := operate[takenReply](ctx, u.peer, control.Counters, u.handle, struct{}{})
		if err == nil {
			t.note(reply, len(u.spec.Members))
		}
	}
	if t.last == nil {
		t.last = make([]uint64, len(u.spec.Members))
	}
	return t.last
}

// note keeps what Rust said. Counts only grow, so a reply that is late changes nothing.
func (t *taken) note(reply *takenReply, members int) {
	if len(reply.Taken) == members {
		t.last = reply.Taken
	}
}

// end keeps what Rust said last of a unit that has ended.
func (t *taken) end(reply *takenReply, members int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note(reply, members)
	t.final = true
}
