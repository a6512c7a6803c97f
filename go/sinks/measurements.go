package sinks

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/strait-data/strait/go/control"
)

// scope is the instrumentation scope of what is nobody's but this package's.
const scope = "github.com/strait-data/strait/go/sinks"

// collectLimit bounds a collection in Rust: it adds nothing up, and runs on the caller's thread.
const collectLimit = time.Second

// Injected is the meter provider of a Collector that puts a component's attributes on what it
// measures by itself.
type Injected interface {
	DropInjectedAttributes(names ...string) metric.MeterProvider
}

// Telemetry has what the component behind a handle measures and traces be in its own telemetry,
// with the attributes that say which one it is unless the Collector puts them there, until release.
// What Rust has handed over by then counts; a span that has not ended is not recorded.
func Telemetry(
	peer *control.Peer, handle uint64, telemetry component.TelemetrySettings,
	identity []attribute.KeyValue,
) (release func()) {
	if _, is := telemetry.MeterProvider.(Injected); is {
		identity = nil
	}
	collect := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, collectLimit)
		defer cancel()
		_, err := peer.Call(ctx, control.Collect, handle, []byte("{}"))
		return err
	}
	m := newMeasurements(telemetry, identity, collect)
	unheard := control.HandleMeasured(handle, m.take)
	untraced := control.HandleSpans(handle, newSpans(telemetry, identity))
	return func() {
		unheard()
		untraced()
		m.end()
	}
}

// measurements are what a component in Rust measures, as metrics of the Collector.
type measurements struct {
	telemetry component.TelemetrySettings
	identity  []attribute.KeyValue
	collect   func(context.Context) error
	// collecting: the Collector collects, during which nobody can make an instrument.
	collecting atomic.Bool

	mu          sync.Mutex
	instruments map[uint64]*instrument
	unregister  func() error // nil: nothing is measured yet
	ended       bool
}

func newMeasurements(
	telemetry component.TelemetrySettings, identity []attribute.KeyValue,
	collect func(context.Context) error,
) *measurements {
	return &measurements{
		telemetry: telemetry, identity: identity, collect: collect,
		instruments: map[uint64]*instrument{},
	}
}

func (m *measurements) end() {
	m.mu.Lock()
	unregister := m.unregister
	m.unregister, m.ended = nil, true
	m.mu.Unlock()
	if unregister != nil {
		_ = unregister() // it was registered, and is unregistered once
	}
}

// said is what Rust says of its instruments: one of these.
type said struct {
	Defined *definition `json:"defined"`
	Points  []points    `json:"points"`
	Ended   []uint64    `json:"ended"`
}

func (m *measurements) take(b []byte) {
	var what said
	if err := json.Unmarshal(b, &what); err != nil {
		m.telemetry.Logger.Error("what Rust measured is not what this version expects", zap.Error(err))
		return
	}
	if what.Defined != nil {
		m.define(what.Defined)
	}
	for _, p := range what.Points {
		if i := m.instrument(p.Instrument); i != nil {
			i.take(p)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, number := range what.Ended {
		delete(m.instruments, number)
	}
}

func (m *measurements) instrument(number uint64) *instrument {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.instruments[number]
}

// define makes an instrument. A collection holds the Collector's own locks while it asks Rust,
// where an author's code may define one: that one is made when the collection has ended.
func (m *measurements) define(d *definition) {
	i := &instrument{identity: m.identity}
	m.mu.Lock()
	m.instruments[d.Instrument] = i
	m.mu.Unlock()
	create := func() {
		m.register()
		record, err := d.create(m.telemetry.MeterProvider)
		if err != nil {
			m.telemetry.Logger.Warn("an instrument of a Rust component cannot be made",
				zap.String("instrument", d.Name), zap.Error(err))
		}
		i.begin(record)
	}
	if m.collecting.Load() {
		go create()
	} else {
		create()
	}
}

// register has the Collector ask when it collects: by an instrument that shows nothing.
func (m *measurements) register() {
	m.mu.Lock()
	known := m.unregister != nil || m.ended
	m.mu.Unlock()
	if known {
		return
	}
	meter := m.telemetry.MeterProvider.Meter(scope)
	asked, err := meter.Int64ObservableUpDownCounter("strait.collections")
	if err != nil {
		return // a meter that makes no instruments collects nothing
	}
	registration, err := meter.RegisterCallback(m.ask, asked)
	if err != nil {
		return
	}
	m.mu.Lock()
	again := m.unregister != nil || m.ended // by another thread, meanwhile
	if !again {
		m.unregister = registration.Unregister
	}
	m.mu.Unlock()
	if again {
		_ = registration.Unregister()
	}
}

func (m *measurements) ask(ctx context.Context, _ metric.Observer) error {
	m.collecting.Store(true)
	defer m.collecting.Store(false)
	return m.collect(ctx)
}

// instrument is one of the Collector's that a component in Rust measures with.
type instrument struct {
	identity []attribute.KeyValue

	mu     sync.Mutex
	record func(points, metric.MeasurementOption) // nil: it is not made yet, or cannot be
	made   bool
	before []points // what came before it was made
}

func (i *instrument) begin(record func(points, metric.MeasurementOption)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.record, i.made = record, true
	for _, p := range i.before {
		i.write(p)
	}
	i.before = nil
}

func (i *instrument) take(p points) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.made {
		i.before = append(i.before, p)
		return
	}
	i.write(p)
}

func (i *instrument) write(p points) {
	if i.record != nil {
		with := append(attributesOf(p.Attributes), i.identity...)
		i.record(p, metric.WithAttributeSet(attribute.NewSet(with...)))
	}
}
