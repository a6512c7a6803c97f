package unit

import (
	"cmp"
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
	if u.spec.Aside == nil {
		return
	}
	for i := 1; i < len(u.spec.Members); i++ {
		if in := u.pipelineOf(&u.spec.Members[i]); in != "" {
			u.asides[i] = u.spec.Aside(in, &u.spec.Members[i])
		}
	}
}

// pipelineOf is the pipeline that a member is in; "" where that is not known, or it is in several.
func (u *Unit) pipelineOf(m *Member) string { return cmp.Or(m.Pipeline, u.spec.Pipeline) }

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
	for i := range u.spec.Members {
		m := &u.spec.Members[i]
		if m.Bridge != nil {
			continue // it asks and says nothing
		}
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

// showPassed lets those that stand aside show what their members do.
func (u *Unit) showPassed() {
	for i, a := range u.asides {
		if a == nil {
			continue
		}
		passed := passedFunc(func() (uint64, uint64) { return u.passed(i) })
		a.passed.Store(&passed)
		exported := exportedFunc(func() *exported { return u.counts.read(u).Exported[i] })
		a.exported.Store(&exported)
	}
}

// findOthers finds the units that batches go to.
func (u *Unit) findOthers() error {
	u.spec.Members = slices.Clone(u.spec.Members)
	for i := range u.spec.Members {
		if b := u.spec.Members[i].Bridge; b != nil {
			to, err := b.Find(u.spec.Pipeline)
			if err != nil {
				return err
			}
			u.spec.Members[i].Bridge = &Bridge{To: to, Host: b.Host}
		}
	}
	return nil
}

// passed is what a member was given and what it gave. Between two members Rust counts, and what
// other units have given the first one.
func (u *Unit) passed(member int) (incoming, outgoing uint64) {
	members := u.spec.Members
	last := member+1 == len(members) || members[member+1].Signal != members[member].Signal
	var taken []uint64
	if member > 0 || !last || u.spec.Door {
		taken = u.counts.read(u).Taken
		incoming = taken[member]
	}
	if member == 0 {
		incoming += u.stats.IncomingItems.Load()
	}
	if !last {
		return incoming, taken[member+1]
	}
	return incoming, u.gave(members[member].Signal)
}

// gave is what left the unit: of one signal, or "" of the only one.
func (u *Unit) gave(signal Signal) uint64 {
	for i, e := range u.spec.towards(Out) {
		if signal == "" || e.Signal == signal {
			return u.edges.Exits[i].Gave()
		}
	}
	return 0
}

// behind are the signals of which members stand behind a receiver: what it sends of these Rust
// counts, because what comes out is what those have left of it.
func (u *Unit) behind() (signals []Signal) {
	if u.spec.kind() != KindReceiver {
		return nil
	}
	for _, m := range u.spec.Members {
		if m.Signal != "" && !slices.Contains(signals, m.Signal) {
			signals = append(signals, m.Signal)
		}
	}
	return signals
}

// counts are what Rust counts of a unit's members.
type counts struct {
	mu    sync.Mutex
	last  *counted // what was read last
	final bool     // the unit has ended
}

// counted is what Rust says of them: log records, spans or data points.
type counted struct {
	// Taken are what the members have taken of those before them, in their order.
	Taken []uint64 `json:"taken"`
	// Sent is what became of what a receiver has sent.
	Sent map[Signal]sent `json:"sent"`
	// Exported is what exporters have done, by their places.
	Exported map[int]*exported `json:"exported"`
}

// sent is how many were taken by what is behind a receiver, and how many were not.
type sent struct {
	Accepted uint64 `json:"accepted"`
	Refused  uint64 `json:"refused"`
}

// countLimit bounds a reading: it is a few loads on the caller's thread.
const countLimit = time.Second

// read asks Rust; where that cannot say, what it said last stands.
func (c *counts) read(u *Unit) *counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.final {
		ctx, cancel := context.WithTimeout(context.Background(), countLimit)
		defer cancel()
		reply, err := operate[counted](ctx, u.peer, control.Counters, u.handle, struct{}{})
		if err == nil {
			c.note(reply, len(u.spec.Members))
		}
	}
	if c.last == nil {
		c.last = &counted{Taken: make([]uint64, len(u.spec.Members))}
	}
	return c.last
}

// note keeps what Rust said. Counts only grow, so a reply that is late changes nothing.
func (c *counts) note(reply *counted, members int) {
	if len(reply.Taken) == members {
		c.last = reply
	}
}

// end keeps what Rust said last of a unit that has ended.
func (c *counts) end(reply *counted, members int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(reply, members)
	c.final = true
}
