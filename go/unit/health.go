package unit

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/strait-data/strait/go/control"
)

// condition is how a lane, or a part of it, is; a later one is worse.
type condition int

const (
	working    condition = iota
	restarting           // it is being made anew
	failed               // past its budget: it does not come back
	fatal                // the Collector must stop; only a component says so
)

// part is what a lane is made of: each side looks after one.
type part int

const (
	partPipeline part = iota // Rust says how it is
	partLink                 // the host sees it, and renews it
	parts
)

// finding is a condition and why it is so.
type finding struct {
	condition condition
	reason    string
}

// health is how a unit's lanes are, and what the host was told of it. A component has one status:
// the worst of its lanes', so that a lane that works never hides one that does not. What components
// say of themselves counts for that status alone: a lane whose component says that it is unwell
// takes batches all the same, as a Go component would.
type health struct {
	report func(*componentstatus.Event)
	others []*health // of components whose lanes these are too

	conditions []atomic.Int32 // by lane, the worst of its parts: what each batch looks at

	mu    sync.Mutex
	lanes [][parts]finding
	said  []finding // by lane, what its components say of themselves
	began bool      // Start has returned, or is about to
	ended bool
	told  finding // what the host heard last

	// reporting is held while the host is told, and nothing else is, so that it hears one thing
	// after the other.
	reporting sync.Mutex
}

func newHealth(lanes int, report func(*componentstatus.Event)) *health {
	return &health{
		report:     report,
		conditions: make([]atomic.Int32, lanes),
		lanes:      make([][parts]finding, lanes),
		said:       make([]finding, lanes),
	}
}

// begin lets a fatal status be told from now on; before, it is why the start fails. The Collector
// takes a fatal status when it runs, and until it has, whoever reports one blocks everybody else
// who reports: so a start that fails must not have told it.
func (h *health) begin() error {
	for _, other := range h.others {
		if err := other.begin(); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if all := h.component(); all.condition == fatal {
		return fmt.Errorf("a fatal status: %s", all.reason)
	}
	h.began = true
	return nil
}

// of gives a lane's condition.
func (h *health) of(lane int) condition { return condition(h.conditions[lane].Load()) }

// set notes how a part of a lane is and tells the host what that makes of the component. What has
// failed stays so.
func (h *health) set(lane int, which part, c condition, reason string) {
	h.change(lane, func(l *[parts]finding) {
		if is := &l[which]; is.condition != failed {
			*is = finding{c, reason}
		}
	})
}

// renewed notes that a lane has been made anew, both parts of it.
func (h *health) renewed(lane int) {
	h.change(lane, func(l *[parts]finding) { *l = [parts]finding{} })
}

func (h *health) change(lane int, by func(*[parts]finding)) {
	h.mu.Lock()
	by(&h.lanes[lane])
	h.conditions[lane].Store(int32(worst(h.lanes[lane]).condition))
	h.mu.Unlock()
	h.tell()
	for _, other := range h.others {
		other.change(lane, by)
	}
}

// end stops telling the host anything: the component shuts down, and its status is the Collector's.
func (h *health) end() {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	for _, other := range h.others {
		other.end()
	}
	h.reporting.Lock() // whoever tells it now has told it
	defer h.reporting.Unlock()
}

func (h *health) tell() {
	h.reporting.Lock()
	defer h.reporting.Unlock()
	h.mu.Lock()
	now := h.component()
	news := !h.ended && now != h.told && (h.began || now.condition != fatal)
	if news {
		h.told = now
	}
	h.mu.Unlock()
	switch {
	case !news:
	case now.condition == fatal:
		go h.report(now.event()) // the Collector takes it when it comes to it
	default:
		h.report(now.event())
	}
}

// component is the component's state: the worst of its lanes', and of equals the first.
func (h *health) component() finding {
	var all finding
	at := 0
	for i, l := range h.lanes {
		for _, is := range []finding{worst(l), h.said[i]} {
			if is.condition > all.condition {
				all, at = is, i
			}
		}
	}
	if all.condition != working && len(h.lanes) > 1 {
		all.reason = fmt.Sprintf("lane %d of %d: %s", at+1, len(h.lanes), all.reason)
	}
	return all
}

func worst(l [parts]finding) finding {
	if l[partLink].condition > l[partPipeline].condition {
		return l[partLink]
	}
	return l[partPipeline]
}

func (f finding) event() *componentstatus.Event {
	switch f.condition {
	case restarting:
		return componentstatus.NewRecoverableErrorEvent(errors.New(f.reason))
	case failed:
		return componentstatus.NewPermanentErrorEvent(errors.New(f.reason))
	case fatal:
		return componentstatus.NewFatalErrorEvent(errors.New(f.reason))
	default:
		return componentstatus.NewEvent(componentstatus.StatusOK)
	}
}

// refusal is what a caller is told when every lane has failed.
func (h *health) refusal(component string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := &control.Failure{Class: control.Unavailable, Component: component}
	f.Message = "takes no batches any more: " + h.component().reason
	return f.AsError()
}

// heard notes what Rust says of a lane's pipeline. A pipeline has no fatal status.
func (h *health) heard(lane int, s control.Status) {
	if is, of := findingOf(s); of && is.condition != fatal {
		h.set(lane, partPipeline, is.condition, is.reason)
	}
}

// hears notes what the components of a lane say of themselves. What they have said for good stays.
func (h *health) hears(lane int, s control.Status) {
	is, of := findingOf(s)
	if !of {
		return
	}
	h.mu.Lock()
	if before := h.said[lane].condition; before < failed || is.condition > before {
		h.said[lane] = is
	}
	h.mu.Unlock()
	h.tell()
}

// findingOf is what a status says; false: that something starts or stops, which the Collector says
// by itself.
func findingOf(s control.Status) (is finding, of bool) {
	switch s.Code {
	case control.StatusOK:
		return finding{}, true
	case control.StatusRecoverableError:
		return finding{restarting, s.Message}, true
	case control.StatusPermanentError:
		return finding{failed, s.Message}, true
	case control.StatusFatalError:
		return finding{fatal, s.Message}, true
	default:
		return finding{}, false
	}
}
