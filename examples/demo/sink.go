package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
)

// sink is an OTLP/gRPC server that keeps every log it gets.
type sink struct {
	plogotlp.UnimplementedGRPCServer
	address string
	server  *grpc.Server
	count   atomic.Int64

	mu   sync.Mutex
	logs []plog.Logs
}

func startSink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{address: l.Addr().String(), server: grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))}
	plogotlp.RegisterGRPCServer(s.server, s)
	go func() { _ = s.server.Serve(l) }() // ends, without an error, when stop closes it
	return s, nil
}

// Export implements the OTLP logs service.
func (s *sink) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	d := plog.NewLogs()
	r.Logs().CopyTo(d)
	s.mu.Lock()
	s.logs = append(s.logs, d)
	s.mu.Unlock()
	s.count.Add(int64(d.LogRecordCount()))
	return plogotlp.NewExportResponse(), nil
}

func (s *sink) received() []plog.Logs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs
}

func (s *sink) stop() { s.server.Stop() }

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
