// Package receivers makes one receiver in Rust of what the Collector creates for each signal of one
// configuration, and counts what it receives as the Collector's receiver helper does.
//
// It guarantees that the receiver starts once and ends once, fails for all signals where it fails
// for one, and that all that started it hear how it is. It leaves to its callers what the receiver
// is: a Rust component, or nodes of the engine.
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

// Add gives the receiver of a configuration one more signal; the first one has it made.
func (s *Set[Config]) Add(
	config Config, create func() *unit.Receiver, next unit.Next,
) (*Receiver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.instances[config]
	if r == nil {
		r = &Receiver{Receiver: create()}
		r.forget = func() { s.forget(config, r) }
	}
	if err := r.Add(next); err != nil {
		return nil, err
	}
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

	hosts hosts
	start sync.Once
	err   error // of the start
}

// Start starts the receiver, where no other signal has; it fails for all signals.
func (r *Receiver) Start(ctx context.Context, host component.Host) error {
	r.hosts.join(host)
	r.start.Do(func() { r.err = r.Receiver.Start(ctx, &r.hosts) })
	return r.err
}

// Shutdown ends the receiver, for all signals.
func (r *Receiver) Shutdown(ctx context.Context) error {
	r.forget()
	return r.Receiver.Shutdown(ctx)
}

// hosts are one host: each that the Collector made for a signal hears of every status.
type hosts struct {
	mu   sync.Mutex
	all  []component.Host
	last *componentstatus.Event
}

// join adds a host, which hears of the last status that the others did.
func (h *hosts) join(host component.Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, host)
	if h.last != nil {
		componentstatus.ReportStatus(host, h.last)
	}
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
	h.last = e
	for _, host := range h.all {
		componentstatus.ReportStatus(host, e)
	}
}
