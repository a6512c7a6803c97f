package rustcomponent

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/receiver"

	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/unit"
)

// shared are the receivers of one type that the Collector has created and not shut down. It creates
// one for each signal; those of one configuration are one.
type shared struct {
	metadata Metadata

	mu        sync.Mutex
	instances map[*rustconfig.Config]*sharedReceiver
}

// receiver gives the receiver of a configuration one more signal.
func (s *shared) receiver(
	set receiver.Settings, cfg component.Config, next unit.Next,
) (*sharedReceiver, error) {
	config := cfg.(*rustconfig.Config)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.instances[config]
	if r == nil {
		spec := s.metadata.spec(unit.KindReceiver, set.ID, config, nil)
		r = &sharedReceiver{
			Receiver: unit.NewReceiver(spec, transport(cfg), set.TelemetrySettings),
		}
		r.forget = func() { s.forget(config, r) }
	}
	if err := r.Add(next); err != nil {
		return nil, err
	}
	s.instances[config] = r
	return r, nil
}

func (s *shared) forget(config *rustconfig.Config, r *sharedReceiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instances[config] == r {
		delete(s.instances, config)
	}
}

// sharedReceiver is one receiver of several signals. It starts once and ends once, and all that
// started it hear how it is.
type sharedReceiver struct {
	*unit.Receiver
	forget func()

	hosts hosts
	start sync.Once
	err   error // of the start
}

// Start starts the receiver, where no other signal has; it fails for all signals.
func (r *sharedReceiver) Start(ctx context.Context, host component.Host) error {
	r.hosts.join(host)
	r.start.Do(func() { r.err = r.Receiver.Start(ctx, &r.hosts) })
	return r.err
}

// Shutdown ends the receiver, for all signals.
func (r *sharedReceiver) Shutdown(ctx context.Context) error {
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
