package sinks

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/strait-data/strait/go/control"
)

// openSpans bounds what Rust can have open of one component; more are not recorded.
const openSpans = 4096

// spans are those of a component in Rust, in the Collector's own traces.
type spans struct {
	telemetry component.TelemetrySettings
	identity  []attribute.KeyValue

	mu   sync.Mutex
	open map[uint64]trace.Span
}

func newSpans(telemetry component.TelemetrySettings, identity []attribute.KeyValue) *spans {
	return &spans{telemetry: telemetry, identity: identity, open: map[uint64]trace.Span{}}
}

// spanStart is a span that begins, as Rust describes it.
type spanStart struct {
	Scope      string     `json:"scope"`
	Version    string     `json:"version"`
	Name       string     `json:"name"`
	Kind       string     `json:"kind"`
	TimeNS     int64      `json:"time_ns"`
	Parent     *spanOf    `json:"parent"`
	Attributes []keyValue `json:"attributes"`
	Links      []spanLink `json:"links"`
}

// spanEnd is what was said of a span since it began.
type spanEnd struct {
	TimeNS     int64       `json:"time_ns"`
	Name       *string     `json:"name"`
	Status     any         `json:"status"`
	Attributes []keyValue  `json:"attributes"`
	Events     []spanEvent `json:"events"`
	Links      []spanLink  `json:"links"`
}

type spanEvent struct {
	Name       string     `json:"name"`
	TimeNS     int64      `json:"time_ns"`
	Attributes []keyValue `json:"attributes"`
}

type spanLink struct {
	Span       spanOf     `json:"span"`
	Attributes []keyValue `json:"attributes"`
}

// spanOf is a span, as it is known beyond the process that recorded it.
type spanOf struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
	Flags   byte   `json:"flags"`
	State   string `json:"state"`
	Remote  bool   `json:"remote"`
}

var kinds = map[string]trace.SpanKind{
	"internal": trace.SpanKindInternal, "client": trace.SpanKindClient,
	"server": trace.SpanKindServer, "producer": trace.SpanKindProducer,
	"consumer": trace.SpanKindConsumer,
}

// Start begins a span; not known where the Collector records none.
func (s *spans) Start(token uint64, b []byte) (id control.SpanID, known bool) {
	var start spanStart
	if err := json.Unmarshal(b, &start); err != nil {
		s.unreadable(err)
		return id, false
	}
	if !s.reserve(token) {
		return id, false
	}
	ctx := context.Background()
	if start.Parent != nil {
		ctx = trace.ContextWithSpanContext(ctx, start.Parent.context())
	}
	tracer := s.telemetry.TracerProvider.Tracer(
		start.Scope, trace.WithInstrumentationVersion(start.Version),
	)
	_, span := tracer.Start(ctx, start.Name,
		trace.WithTimestamp(time.Unix(0, start.TimeNS)),
		trace.WithSpanKind(kinds[start.Kind]),
		trace.WithAttributes(append(attributesOf(start.Attributes), s.identity...)...),
		trace.WithLinks(linksOf(start.Links)...),
	)
	of := span.SpanContext()
	s.keep(token, span)
	return control.SpanID{
		TraceID: of.TraceID(), SpanID: of.SpanID(), Flags: byte(of.TraceFlags()),
	}, of.IsValid()
}

// reserve keeps a place for a span.
func (s *spans) reserve(token uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= openSpans {
		return false
	}
	s.open[token] = nil
	return true
}

// keep keeps a span that Rust will end: one that is sampled.
func (s *spans) keep(token uint64, span trace.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if span.SpanContext().IsSampled() {
		s.open[token] = span
	} else {
		delete(s.open, token)
	}
}

// End ends a span.
func (s *spans) End(token uint64, b []byte) {
	s.mu.Lock()
	span := s.open[token]
	delete(s.open, token)
	s.mu.Unlock()
	if span == nil {
		return
	}
	var end spanEnd
	if err := json.Unmarshal(b, &end); err != nil {
		s.unreadable(err)
		span.End()
		return
	}
	if end.Name != nil {
		span.SetName(*end.Name)
	}
	span.SetAttributes(attributesOf(end.Attributes)...)
	for _, e := range end.Events {
		span.AddEvent(e.Name, trace.WithTimestamp(time.Unix(0, e.TimeNS)),
			trace.WithAttributes(attributesOf(e.Attributes)...))
	}
	for _, l := range linksOf(end.Links) {
		span.AddLink(l)
	}
	switch status := end.Status.(type) {
	case string:
		span.SetStatus(codes.Ok, "")
	case map[string]any:
		description, _ := status["error"].(string)
		span.SetStatus(codes.Error, description)
	}
	span.End(trace.WithTimestamp(time.Unix(0, end.TimeNS)))
}

func (s *spans) unreadable(err error) {
	s.telemetry.Logger.Error("a span of Rust's is not what this version expects", zap.Error(err))
}

// context is the span as the API has it; what is no id is the zero id, which is no span's.
func (s *spanOf) context() trace.SpanContext {
	traceID, _ := trace.TraceIDFromHex(s.TraceID)
	spanID, _ := trace.SpanIDFromHex(s.SpanID)
	state, _ := trace.ParseTraceState(s.State)
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, TraceFlags: trace.TraceFlags(s.Flags),
		TraceState: state, Remote: s.Remote,
	})
}

func linksOf(links []spanLink) []trace.Link {
	out := make([]trace.Link, 0, len(links))
	for _, l := range links {
		out = append(out, trace.Link{
			SpanContext: l.Span.context(), Attributes: attributesOf(l.Attributes),
		})
	}
	return out
}
