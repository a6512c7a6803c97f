package rustextension

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/strait-data/strait/go/control"
)

// The metrics are the process's, not an instance's: one instance's meter carries them, and when it ends another's.
var measured struct {
	sync.Mutex
	by []*measurer // the first carries them
}

type measurer struct {
	provider metric.MeterProvider
	peer     *control.Peer
	stop     func() // of the one that carries them
}

// counters is what Rust answers to control.Counters.
type counters struct {
	LeakedThreads   int64 `json:"leaked_threads"`
	AllocatedBytes  int64 `json:"allocated_bytes"`
	DroppedLogLines int64 `json:"dropped_log_lines"`
}

// measure shows the metrics of this process's Rust side through provider, until release, unless another one does.
func measure(provider metric.MeterProvider, peer *control.Peer) (release func()) {
	m := &measurer{provider: provider, peer: peer, stop: func() {}}
	measured.Lock()
	defer measured.Unlock()
	measured.by = append(measured.by, m)
	if len(measured.by) == 1 {
		m.carry()
	}
	return func() {
		measured.Lock()
		defer measured.Unlock()
		carried := measured.by[0] == m
		measured.by = slices.DeleteFunc(measured.by, func(other *measurer) bool { return other == m })
		m.stop()
		if carried && len(measured.by) > 0 {
			measured.by[0].carry()
		}
	}
}

// carry registers the instruments. A meter that refuses them leaves the process without these metrics, not without the
// extension.
func (m *measurer) carry() {
	meter := m.provider.Meter("github.com/strait-data/strait/go/rustextension")
	threads, err1 := meter.Int64ObservableGauge("otelcol_strait_leaked_threads", metric.WithUnit("{threads}"),
		metric.WithDescription("Threads of Rust extensions that do not answer, or did not end in time"))
	memory, err2 := meter.Int64ObservableGauge("otelcol_strait_allocated_memory", metric.WithUnit("By"),
		metric.WithDescription("What the Rust components of this process have allocated"))
	lines, err3 := meter.Int64ObservableCounter("otelcol_strait_dropped_log_lines", metric.WithUnit("{lines}"),
		metric.WithDescription("Log lines of Rust components that were over the limit of their thread"))
	if err1 != nil || err2 != nil || err3 != nil {
		return
	}
	registration, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		c, err := readCounters(ctx, m.peer)
		if err != nil {
			return err
		}
		o.ObserveInt64(threads, c.LeakedThreads+int64(control.ReadStats().Abandoned))
		o.ObserveInt64(memory, c.AllocatedBytes)
		o.ObserveInt64(lines, c.DroppedLogLines)
		return nil
	}, threads, memory, lines)
	if err == nil {
		m.stop = func() { _ = registration.Unregister() } // it has no error of its own
	}
}

func readCounters(ctx context.Context, peer *control.Peer) (c counters, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	b, err := peer.Call(ctx, control.Counters, 0, []byte("{}"))
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("what Rust counts is not what this version expects: %w", err)
	}
	return c, nil
}
