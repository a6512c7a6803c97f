package unit

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/strait-data/strait/go/ring"
)

// Metrics: a unit's counters and those of its rings, in the Collector's own telemetry. They are read when they are
// collected; nothing is added to the way of a batch.

const meterName = "github.com/strait-data/strait/go/unit"

// The directions of a link, as the attribute `direction` names them.
var (
	toRust   = attribute.String("direction", "to_rust")
	fromRust = attribute.String("direction", "from_rust")
)

// ringMetric is a figure that each ring of a lane has.
type ringMetric struct {
	name, unit, help string
	gauge            bool
	toRust, fromRust func(*ring.Stats) uint64
}

// own and peers read a counter of this side, and of the Rust side.
func own(i int) func(*ring.Stats) uint64   { return func(s *ring.Stats) uint64 { return s.Own[i] } }
func peers(i int) func(*ring.Stats) uint64 { return func(s *ring.Stats) uint64 { return s.Peer[i] } }

func inBytes(blocks func(*ring.Stats) uint64) func(*ring.Stats) uint64 {
	return func(s *ring.Stats) uint64 { return blocks(s) * ring.BlockBytes }
}

var ringMetrics = []ringMetric{
	{"batches", "{batches}", "Batches that crossed.", false, own(ring.CounterBatchesPublished), own(ring.CounterBatchesReceived)},
	{"bytes", "By", "Bytes of the batches that crossed.", false, own(ring.CounterBatchBytesPublished), own(ring.CounterBatchBytesReceived)},
	{"slab_used", "By", "Shared memory that batches hold.", true, inBytes(own(ring.CounterBlocksInUse)), inBytes(peers(ring.CounterBlocksInUse))},
	{"full_waits", "{waits}", "Waits for room in a full ring.", false, own(ring.CounterSpaceWaits), peers(ring.CounterSpaceWaits)},
	{"full_timeouts", "{waits}", "Waits for room in a full ring that ended without.", false, own(ring.CounterSpaceTimeouts), peers(ring.CounterSpaceTimeouts)},
	{"copied_batches", "{batches}", "Batches that their reader copied, because it may keep them or holds too much.", false, peers(ring.CounterBatchesCopied), own(ring.CounterBatchesCopied)},
	{"doorbells", "{doorbells}", "Wake-ups of a reader that slept.", false, own(ring.CounterDataDoorbells), peers(ring.CounterDataDoorbells)},
	{"protocol_errors", "{errors}", "Broken rules that the side which reads has found; each ends its link.", false, peers(ring.CounterProtocolErrors), own(ring.CounterProtocolErrors)},
}

// unitMetric is a figure of a whole unit.
type unitMetric struct {
	name, unit, help string
	read             func(*Snapshot) uint64
}

var unitMetrics = []unitMetric{
	{"late_outputs", "{batches}", "Batches that came out after their caller had gone; they were refused.", func(s *Snapshot) uint64 { return s.LateOutputs }},
	{"late_verdicts", "{calls}", "Verdicts for callers that had gone.", func(s *Snapshot) uint64 { return s.LateVerdicts }},
	{"merged_batches", "{batches}", "Batches of no call: merged, or kept from an earlier life.", func(s *Snapshot) uint64 { return s.ForeignOutputs }},
	{"merged_refused", "{batches}", "Batches of no call for which no worker was free.", func(s *Snapshot) uint64 { return s.ForeignRefused }},
	{"parts", "{parts}", "Parts that batches over a limit were cut into.", func(s *Snapshot) uint64 { return s.Parts }},
	{"whole_batches", "{batches}", "Batches that crossed whole because a projection could not hold them.", func(s *Snapshot) uint64 { return s.Fallbacks }},
	{"repaired_texts", "{texts}", "Texts that were not UTF-8 and crossed changed (best_effort).", func(s *Snapshot) uint64 { return s.RepairedTexts }},
	{"dropped_entity_refs", "{references}", "Entity references that did not cross (best_effort).", func(s *Snapshot) uint64 { return s.DroppedEntityRefs }},
}

// observe makes the unit's figures metrics of the Collector until the returned function is called.
func (u *Unit) observe() (stop func() error, err error) {
	meter := u.telemetry.MeterProvider.Meter(meterName)
	m := &instruments{}
	inFlight, err := meter.Int64ObservableUpDownCounter("otelcol_strait_in_flight",
		metric.WithUnit("{batches}"), metric.WithDescription("Batches that were sent to Rust and wait for their verdict."))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	m.all = append(m.all, inFlight)
	rings := make([]metric.Int64Observable, len(ringMetrics))
	for i, r := range ringMetrics {
		if rings[i], err = m.add(meter, r.name, r.unit, r.help, r.gauge); err != nil {
			return nil, err
		}
	}
	units := make([]metric.Int64Observable, len(unitMetrics))
	for i, r := range unitMetrics {
		if units[i], err = m.add(meter, r.name, r.unit, r.help, false); err != nil {
			return nil, err
		}
	}
	// A component in several pipelines has a unit in each; with equal attributes their figures are added up.
	component := []attribute.KeyValue{attribute.String("component", u.spec.ID), attribute.String("signal", string(u.spec.Signal))}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		stats := u.Stats()
		for i, r := range unitMetrics {
			o.ObserveInt64(units[i], int64(r.read(&stats)), metric.WithAttributes(component...))
		}
		for lane, s := range u.Links() {
			with := func(more ...attribute.KeyValue) metric.MeasurementOption {
				return metric.WithAttributes(append(append(more, attribute.Int("lane", lane)), component...)...)
			}
			o.ObserveInt64(inFlight, int64(s.InFlight), with())
			for i, r := range ringMetrics {
				o.ObserveInt64(rings[i], int64(r.toRust(&s)), with(toRust))
				o.ObserveInt64(rings[i], int64(r.fromRust(&s)), with(fromRust))
			}
		}
		return nil
	}, m.all...)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return registration.Unregister, nil
}

// instruments are all that one callback reports.
type instruments struct{ all []metric.Observable }

func (m *instruments) add(meter metric.Meter, name, unit, help string, gauge bool) (instrument metric.Int64Observable, err error) {
	name = "otelcol_strait_" + name
	if gauge {
		instrument, err = meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(help))
	} else {
		instrument, err = meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(help))
	}
	if err != nil {
		return nil, fmt.Errorf("metrics: %s: %w", name, err)
	}
	m.all = append(m.all, instrument)
	return instrument, nil
}
