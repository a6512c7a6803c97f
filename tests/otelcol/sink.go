package otelcol

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc"
)

// Sink is an OTLP/gRPC server that keeps what it gets.
type Sink struct {
	plogotlp.UnimplementedGRPCServer
	// Address is where it listens.
	Address string
	server  *grpc.Server
	count   atomic.Int64

	mu      sync.Mutex
	logs    []plog.Logs
	traces  []ptrace.Traces
	metrics []pmetric.Metrics
}

// StartSink listens on a free port of the loopback.
func StartSink() (*Sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{Address: l.Addr().String(), server: grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))}
	plogotlp.RegisterGRPCServer(s.server, s)
	s.register(s.server)
	go func() { _ = s.server.Serve(l) }() // ends, without an error, when stop closes it
	return s, nil
}

// Export implements the OTLP logs service.
func (s *Sink) Export(
	_ context.Context,
	r plogotlp.ExportRequest,
) (plogotlp.ExportResponse, error) {
	d := plog.NewLogs()
	r.Logs().CopyTo(d)
	s.mu.Lock()
	s.logs = append(s.logs, d)
	s.mu.Unlock()
	s.count.Add(int64(d.LogRecordCount()))
	return plogotlp.NewExportResponse(), nil
}

// Received is the logs that came, in order.
func (s *Sink) Received() []plog.Logs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs
}

// Count is the number of logs that came.
func (s *Sink) Count() int64 { return s.count.Load() }

// Stop closes it.
func (s *Sink) Stop() { s.server.Stop() }

// FreeAddress is an address of the loopback on which nobody listens now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
