// Package process shows what the Rust side of the whole process counts, which belongs to no single
// component, in the Collector's own metrics: wherever a Rust component runs, and once.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/metric"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/process/internal/metadata"
	"github.com/strait-data/strait/go/sinks"
)

// Counters is what the Rust side counts, since the process started.
type Counters struct {
	// LeakedThreads do not answer, or did not end in time.
	LeakedThreads int64 `json:"leaked_threads"`
	// AllocatedBytes is what is allocated now.
	AllocatedBytes int64 `json:"allocated_bytes"`
	// DroppedLogLines were over the limit of their thread.
	DroppedLogLines int64 `json:"dropped_log_lines"`
}

// readLimit bounds a reading: it is a few loads on the caller's thread.
const readLimit = time.Second

// Read asks the Rust side. It starts nothing.
func Read(ctx context.Context, peer *control.Peer) (c Counters, err error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
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

// reading is Read, of the one peer that a process has.
type reading func(context.Context) (Counters, error)

// measured are the components that run. The first one's meter carries the metrics, and when it ends
// another's.
var measured struct {
	sync.Mutex
	by []*measurer
}

type measurer struct {
	telemetry component.TelemetrySettings
	read      reading
	stop      func() // of the one that carries them
}

// Measure shows the metrics through the telemetry of a component that runs, until release, unless
// another's does.
func Measure(telemetry component.TelemetrySettings, peer *control.Peer) (release func()) {
	return measure(telemetry, func(ctx context.Context) (Counters, error) { return Read(ctx, peer) })
}

func measure(telemetry component.TelemetrySettings, read reading) (release func()) {
	m := &measurer{telemetry: ofTheProcess(telemetry), read: read, stop: func() {}}
	measured.Lock()
	defer measured.Unlock()
	measured.by = append(measured.by, m)
	if len(measured.by) == 1 {
		m.carry()
	}
	return func() {
		measured.Lock()
		defer measured.Unlock()
		at := slices.Index(measured.by, m)
		if at < 0 {
			return
		}
		measured.by = slices.Delete(measured.by, at, at+1)
		m.stop()
		if at == 0 && len(measured.by) > 0 {
			measured.by[0].carry()
		}
	}
}

// ofTheProcess takes the names of the component that carries the metrics off them, where the
// Collector puts them there: they are no single component's.
func ofTheProcess(telemetry component.TelemetrySettings) component.TelemetrySettings {
	if provider, is := telemetry.MeterProvider.(sinks.Injected); is {
		telemetry.MeterProvider = provider.DropInjectedAttributes(
			"otelcol.component.id", "otelcol.component.kind", "otelcol.pipeline.id", "otelcol.signal")
	}
	return telemetry
}

// carry registers the instruments. A meter that refuses them leaves the process without these
// metrics, not without the component.
func (m *measurer) carry() {
	b, err := metadata.NewTelemetryBuilder(m.telemetry)
	if err != nil {
		return
	}
	of := func(figure func(Counters) int64) metric.Int64Callback {
		return func(ctx context.Context, o metric.Int64Observer) error {
			c, err := m.read(ctx)
			if err == nil {
				o.Observe(figure(c))
			}
			return err
		}
	}
	err = errors.Join(
		b.RegisterStraitAllocatedMemoryCallback(of(func(c Counters) int64 { return c.AllocatedBytes })),
		b.RegisterStraitDroppedLogLinesCallback(of(func(c Counters) int64 { return c.DroppedLogLines })),
		b.RegisterStraitLeakedThreadsCallback(of(func(c Counters) int64 {
			return c.LeakedThreads + int64(control.ReadStats().Abandoned)
		})),
	)
	if err != nil {
		b.Shutdown()
		return
	}
	m.stop = b.Shutdown
}
