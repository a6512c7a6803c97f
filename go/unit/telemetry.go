package unit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/sinks"
	"github.com/strait-data/strait/go/unit/call"
	"github.com/strait-data/strait/go/unit/internal/metadata"
)

// Telemetry: a unit's counters and those of its rings, in the Collector's own telemetry. What there
// is stands in metadata.yaml. They are read when they are collected; nothing is added to the way of
// a batch.

type builder = metadata.TelemetryBuilder

// register is one metric's, of the generated ones.
type register func(*builder, metric.Int64Callback) error

// ringMetric is a figure that each ring of a lane has.
type ringMetric struct {
	register         register
	toRust, fromRust func(*ring.Stats) uint64
}

// own reads a counter of this side, peers one of the Rust side.
func own(i int) func(*ring.Stats) uint64 {
	return func(s *ring.Stats) uint64 { return s.Own[i] }
}

func peers(i int) func(*ring.Stats) uint64 {
	return func(s *ring.Stats) uint64 { return s.Peer[i] }
}

func inBytes(blocks func(*ring.Stats) uint64) func(*ring.Stats) uint64 {
	return func(s *ring.Stats) uint64 { return blocks(s) * ring.BlockBytes }
}

var ringMetrics = []ringMetric{
	{
		(*builder).RegisterStraitBatchesCallback,
		own(ring.CounterBatchesPublished), own(ring.CounterBatchesReceived),
	},
	{
		(*builder).RegisterStraitBytesCallback,
		own(ring.CounterBatchBytesPublished), own(ring.CounterBatchBytesReceived),
	},
	{
		(*builder).RegisterStraitSlabUsedCallback,
		inBytes(own(ring.CounterBlocksInUse)), inBytes(peers(ring.CounterBlocksInUse)),
	},
	{
		(*builder).RegisterStraitFullWaitsCallback,
		own(ring.CounterSpaceWaits), peers(ring.CounterSpaceWaits),
	},
	{
		(*builder).RegisterStraitFullTimeoutsCallback,
		own(ring.CounterSpaceTimeouts), peers(ring.CounterSpaceTimeouts),
	},
	{
		(*builder).RegisterStraitCopiedBatchesCallback,
		peers(ring.CounterBatchesCopied), own(ring.CounterBatchesCopied),
	},
	{
		(*builder).RegisterStraitDoorbellsCallback,
		own(ring.CounterDataDoorbells), peers(ring.CounterDataDoorbells),
	},
	{
		(*builder).RegisterStraitProtocolErrorsCallback,
		peers(ring.CounterProtocolErrors), own(ring.CounterProtocolErrors),
	},
}

// unitMetric is a figure of a whole unit.
type unitMetric struct {
	register register
	read     func(*call.Snapshot) uint64
}

var unitMetrics = []unitMetric{
	{
		(*builder).RegisterStraitLateOutputsCallback,
		func(s *call.Snapshot) uint64 { return s.LateOutputs },
	},
	{
		(*builder).RegisterStraitLateVerdictsCallback,
		func(s *call.Snapshot) uint64 { return s.LateVerdicts },
	},
	{
		(*builder).RegisterStraitMergedBatchesCallback,
		func(s *call.Snapshot) uint64 { return s.ForeignOutputs },
	},
	{
		(*builder).RegisterStraitPartsCallback,
		func(s *call.Snapshot) uint64 { return s.Parts },
	},
	{
		(*builder).RegisterStraitWholeBatchesCallback,
		func(s *call.Snapshot) uint64 { return s.Fallbacks },
	},
	{
		(*builder).RegisterStraitRepairedTextsCallback,
		func(s *call.Snapshot) uint64 { return s.RepairedTexts },
	},
	{
		(*builder).RegisterStraitDroppedEntityRefsCallback,
		func(s *call.Snapshot) uint64 { return s.DroppedEntityRefs },
	},
	{
		(*builder).RegisterStraitDroppedBareContainersCallback,
		func(s *call.Snapshot) uint64 { return s.DroppedBare },
	},
	{
		(*builder).RegisterStraitContextLeftOutCallback,
		func(s *call.Snapshot) uint64 { return s.ContextLeftOut },
	},
}

// ofProcessor is what the Collector's own processors have with their metrics.
func ofProcessor(id string, signal Signal) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(
		attribute.String("processor", id), attribute.String("otel.signal", string(signal)),
	))
}

// observe makes the unit's figures metrics of the Collector until the returned function is called.
func (u *Unit) observe() (stop func(), err error) {
	b, err := metadata.NewTelemetryBuilder(u.ofAllSignals())
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	identity := u.identity()
	with := func(more ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributes(append(more, identity...)...)
	}
	var errs []error
	attributes := with()
	for _, m := range unitMetrics {
		errs = append(errs, m.register(b, func(_ context.Context, o metric.Int64Observer) error {
			stats := u.Stats()
			o.Observe(int64(m.read(&stats)), attributes)
			return nil
		}))
	}
	if u.spec.kind() == KindProcessor { // the Collector counts for the others, or their helper does
		signal := u.spec.edge(In).Signal
		first := func() (incoming, outgoing uint64) { return u.passed(0) }
		errs = append(errs, observePassed(b, u.spec.ID, signal, first))
		processor := ofProcessor(u.spec.ID, signal)
		record := func(ctx context.Context, took time.Duration) {
			b.ProcessorInternalDuration.Record(ctx, took.Seconds(), processor)
		}
		u.recordInside.Store(&record)
	}
	if first := u.spec.Members[0]; first.Kind == KindExporter && first.Sending != nil {
		does := func() *exported { return u.counts.read(u).Exported[0] }
		errs = append(errs, observeExported(b, u.spec.ID, u.spec.edge(In).Signal, does))
	}
	for _, signal := range u.behind() {
		errs = append(errs, u.observeSent(b, signal))
	}
	for _, m := range ringMetrics {
		errs = append(errs, m.register(b, func(_ context.Context, o metric.Int64Observer) error {
			for lane, s := range u.Links() {
				number := attribute.Int("lane", lane)
				o.Observe(int64(m.toRust(&s)), with(number, attribute.String("direction", "to_rust")))
				o.Observe(int64(m.fromRust(&s)), with(number, attribute.String("direction", "from_rust")))
			}
			return nil
		}))
	}
	errs = append(
		errs,
		b.RegisterStraitInFlightCallback(func(_ context.Context, o metric.Int64Observer) error {
			for lane, s := range u.Links() {
				o.Observe(int64(s.InFlight), with(attribute.Int("lane", lane)))
			}
			return nil
		}),
	)
	errs = append(
		errs,
		b.RegisterStraitRefusedItemsCallback(func(_ context.Context, o metric.Int64Observer) error {
			for reason, n := range u.Stats().Refused {
				o.Observe(int64(n), with(attribute.String("reason", reason)))
			}
			return nil
		}),
	)
	if err := errors.Join(errs...); err != nil {
		b.Shutdown()
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return b.Shutdown, nil
}

// sentMetrics are what the Collector's receiver helper counts of a signal: what was accepted, what
// was refused, and what failed in the receiver itself, which none of Rust's does.
var sentMetrics = map[Signal]struct{ accepted, refused, failed register }{
	Logs: {
		(*builder).RegisterReceiverAcceptedLogRecordsCallback,
		(*builder).RegisterReceiverRefusedLogRecordsCallback,
		(*builder).RegisterReceiverFailedLogRecordsCallback,
	},
	Traces: {
		(*builder).RegisterReceiverAcceptedSpansCallback,
		(*builder).RegisterReceiverRefusedSpansCallback,
		(*builder).RegisterReceiverFailedSpansCallback,
	},
	Metrics: {
		(*builder).RegisterReceiverAcceptedMetricPointsCallback,
		(*builder).RegisterReceiverRefusedMetricPointsCallback,
		(*builder).RegisterReceiverFailedMetricPointsCallback,
	},
}

// observeSent shows what became of what a receiver has sent to members behind it, once it has sent
// something, as the helper does.
func (u *Unit) observeSent(b *builder, signal Signal) error {
	attributes := metric.WithAttributeSet(attribute.NewSet(
		attribute.String("receiver", u.spec.ID), attribute.String("transport", ""),
	))
	observe := func(read func(sent) uint64) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			if s := u.counts.read(u).Sent[signal]; s != (sent{}) {
				o.Observe(int64(read(s)), attributes)
			}
			return nil
		}
	}
	m := sentMetrics[signal]
	return errors.Join(
		m.accepted(b, observe(func(s sent) uint64 { return s.Accepted })),
		m.refused(b, observe(func(s sent) uint64 { return s.Refused })),
		m.failed(b, observe(func(sent) uint64 { return 0 })),
	)
}

// tookInside notes how long a call was in the unit, without the time of its consumer.
func (u *Unit) tookInside(ctx context.Context, took time.Duration) {
	if record := u.recordInside.Load(); record != nil {
		(*record)(ctx, took)
	}
}

// ofAllSignals is the unit's telemetry: a receiver's is that of the first signal that it was made
// for, and must not say so.
func (u *Unit) ofAllSignals() component.TelemetrySettings {
	telemetry := u.telemetry
	if meters, is := telemetry.MeterProvider.(sinks.Injected); is && u.spec.kind() == KindReceiver {
		telemetry.MeterProvider = meters.DropInjectedAttributes(keySignal)
	}
	return telemetry
}

// keySignal is what the Collector calls the signal of a component.
const keySignal = "otelcol.signal"

// identity is what tells this unit's figures from another's: who its first member is. A meter that
// has it from the Collector needs it no more.
func (u *Unit) identity() []attribute.KeyValue {
	if _, is := u.telemetry.MeterProvider.(sinks.Injected); is {
		return nil
	}
	return u.identityOf(&Member{ID: u.spec.ID, Kind: u.spec.kind()})
}

// identityOf is who a member is, under the names that the Collector has for it.
func (u *Unit) identityOf(m *Member) []attribute.KeyValue {
	known := []attribute.KeyValue{
		attribute.String("otelcol.component.id", m.ID),
		attribute.String("otelcol.component.kind", string(m.Kind)),
	}
	if m.Kind != KindReceiver {
		signal := cmp.Or(m.Signal, u.spec.edge(In).Signal)
		known = append(known, attribute.String(keySignal, string(signal)))
	}
	if m.Kind == KindConnector {
		output := string(cmp.Or(u.spec.edge(Out).Signal, u.spec.toOthers()))
		known = append(known, attribute.String("otelcol.signal.output", output))
	}
	if in := u.pipelineOf(m); in != "" {
		known = append(known, attribute.String("otelcol.pipeline.id", in))
	}
	return known
}

// PipelineOf is the pipeline whose component a host has started; "" where that cannot be said. The
// Collector makes a processor for each pipeline and does not tell it which: only the host that it
// hands to Start knows, for the component's status.
func PipelineOf(host component.Host) (name string) {
	v := reflect.Indirect(reflect.ValueOf(host))
	if v.Kind() != reflect.Struct {
		return ""
	}
	field := v.FieldByName("InstanceID")
	if !field.IsValid() || !field.CanInterface() {
		return ""
	}
	if id, ok := field.Interface().(*componentstatus.InstanceID); ok && id != nil {
		id.AllPipelineIDs(func(p pipeline.ID) bool {
			name = p.String()
			return false
		})
	}
	return name
}
