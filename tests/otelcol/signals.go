package otelcol

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
)

// A Sink is the server of traces and metrics too.

type traceService struct {
	ptraceotlp.UnimplementedGRPCServer
	sink *Sink
}

type metricService struct {
	pmetricotlp.UnimplementedGRPCServer
	sink *Sink
}

func (s *Sink) register(server *grpc.Server) {
	ptraceotlp.RegisterGRPCServer(server, &traceService{sink: s})
	pmetricotlp.RegisterGRPCServer(server, &metricService{sink: s})
}

func (s *traceService) Export(
	_ context.Context, r ptraceotlp.ExportRequest,
) (ptraceotlp.ExportResponse, error) {
	d := ptrace.NewTraces()
	r.Traces().CopyTo(d)
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.traces = append(s.sink.traces, d)
	return ptraceotlp.NewExportResponse(), nil
}

func (s *metricService) Export(
	_ context.Context, r pmetricotlp.ExportRequest,
) (pmetricotlp.ExportResponse, error) {
	d := pmetric.NewMetrics()
	r.Metrics().CopyTo(d)
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.metrics = append(s.sink.metrics, d)
	return pmetricotlp.NewExportResponse(), nil
}

// Spans are those that came, with their resources left out.
func (s *Sink) Spans() (all []ptrace.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.traces {
		for _, rs := range d.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					all = append(all, span)
				}
			}
		}
	}
	return all
}

// Metrics are those that came, with their resources left out.
func (s *Sink) Metrics() (all []pmetric.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.metrics {
		for _, rm := range d.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, metric := range sm.Metrics().All() {
					all = append(all, metric)
				}
			}
		}
	}
	return all
}
