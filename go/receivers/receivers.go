// Package receivers makes one receiver in Rust of what the Collector creates for each signal of one
// configuration, and counts what it receives as the Collector's receiver helper does.
//
// It guarantees that the receiver starts once and ends once, and that all that started it hear how
// it is. It starts with the last of its signals: by then the Collector has started what is behind
// each of them. It leaves to its callers what the receiver is: a Rust component, or nodes of the
// engine.
package receivers

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/strait-data/strait/go/unit"
)

// Set are the receivers of one type that the Collector has created and not shut down, by their
// configurations. The zero value is ready.
type Set[Config comparable] struct {
	mu        sync.Mutex
	instances map[Config]*Receiver
}

// Add gives the receiver of a configuration one more signal, with the members that are behind it
// there; the first one has it made.
func (s *Set[Config]) Add(
	config Config, create func() *unit.Receiver, next unit.Next, behind ...unit.Member,
) (*Receiver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.instances[config]
	if r == nil {
		r = &Receiver{Receiver: create()}
		r.forget = func() { s.forget(config, r) }
	}
	if err := r.Add(next, behind...); err != nil {
		return nil, err
	}
	r.signals++
	if s.instances == nil {
		s.instances = map[Config]*Receiver{}
	}
	s.instances[config] = r
	return r, nil
}

func (s *Set[Config]) forget(config Config, r *Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instances[config] == r {
		delete(s.instances, config)
	}
}

// Receiver is one receiver of several signals. It starts once and ends once, and all that started
// it hear how it is.
type Receiver struct {
	*unit.Receiver
	forget func()

	signals int // before the first start
	hosts   hosts
}

// Start starts the receiver, once it is called for the last signal.
func (r *Receiver) Start(ctx context.Context, host component.Host) error {
	if r.hosts.join(host) < r.signals {
		return nil
	}
	return r.Receiver.Start(ctx, &r.hosts)
}

// Shutdown ends the receiver, for all signals.
func (r *Receiver) Shutdown(ctx context.Context) error {
	r.forget()
	return r.Receiver.Shutdown(ctx)
}

// hosts are one host: each that the Collector made for a signal hears of every status.
type hosts struct {
	mu  sync.Mutex
	all []component.Host
}

// join adds a host, and says how many there are.
func (h *hosts) join(host component.Host) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, host)
	return len(h.all)
}

// GetExtensions are the same for all.
func (h *hosts) GetExtensions() map[component.ID]component.Component {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[0].GetExtensions()
}

// Report implements componentstatus.Reporter. A fatal status is one host's alone, for the Collector
// takes one; and nothing is held meanwhile, for that is when it comes to it.
func (h *hosts) Report(e *componentstatus.Event) {
	h.mu.Lock()
	if e.Status() == componentstatus.StatusFatalError {
		first := h.all[0]
		h.mu.Unlock()
		componentstatus.ReportStatus(first, e)
		return
	}
	defer h.mu.Unlock()
	for _, host := range h.all {
		componentstatus.ReportStatus(host, e)
	}
}
