package unit

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/metric"

	"github.com/strait-data/strait/go/unit/internal/metadata"
)

// Aside is a processor or exporter that does no work of its own in its pipeline: it is a member of
// a unit of another's, which does it. It stands for the component there: what the member says of
// itself, what it asks and measures, and what passes it, is the component's.
type Aside struct {
	host      component.Host
	telemetry component.TelemetrySettings
	unobserve func()
	// What the member was given and what it gave, and what it exported; nil: its unit has not started.
	passed   atomic.Pointer[passedFunc]
	exported atomic.Pointer[exportedFunc]
}

// passedFunc is how many log records, spans or data points a member was given, and gave.
type passedFunc func() (incoming, outgoing uint64)

// StepAside begins it, for a component of a kind that the Collector starts.
func StepAside(
	kind Kind, id string, signal Signal, set component.TelemetrySettings, host component.Host,
) (*Aside, error) {
	b, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	a := &Aside{host: host, telemetry: set, unobserve: b.Shutdown}
	if kind == KindExporter {
		err = observeExported(b, id, signal, a.exports)
	} else {
		err = observePassed(b, id, signal, a.figures)
	}
	if err != nil {
		b.Shutdown()
		return nil, err
	}
	return a, nil
}

// End ends it; its unit has ended.
func (a *Aside) End() { a.unobserve() }

func (a *Aside) figures() (incoming, outgoing uint64) {
	if passed := a.passed.Load(); passed != nil {
		return (*passed)()
	}
	return 0, 0
}

func (a *Aside) exports() *exported {
	if read := a.exported.Load(); read != nil {
		return (*read)()
	}
	return nil
}

// observePassed shows what a processor was given and what it gave under the Collector's names.
func observePassed(b *builder, id string, signal Signal, passed passedFunc) error {
	attributes := ofProcessor(id, signal)
	return errors.Join(
		b.RegisterProcessorIncomingItemsCallback(func(_ context.Context, o metric.Int64Observer) error {
			incoming, _ := passed()
			o.Observe(int64(incoming), attributes)
			return nil
		}),
		b.RegisterProcessorOutgoingItemsCallback(func(_ context.Context, o metric.Int64Observer) error {
			_, outgoing := passed()
			o.Observe(int64(outgoing), attributes)
			return nil
		}),
	)
}
