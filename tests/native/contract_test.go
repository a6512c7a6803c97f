package native

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/strait-data/strait/go/rustcomponent"
)

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// clients send spans to the receiver `source`, and hear that they were taken or lost.
type clients struct {
	t    *testing.T
	to   string
	last atomic.Int64
}

func (*clients) Start() {}
func (*clients) Stop()  {}

// Generate sends one span.
func (c *clients) Generate() []receivertest.UniqueIDAttrVal {
	id := receivertest.UniqueIDAttrVal(fmt.Sprint(c.last.Add(1)))
	spans := receivertest.CreateOneSpanWithID(id)
	b, err := ptraceotlp.NewExportRequestFromTraces(spans).MarshalProto()
	require.NoError(c.t, err)
	var connection net.Conn
	require.Eventually(c.t, func() bool { // it listens soon after it was started
		connection, err = net.Dial("tcp", c.to)
		return err == nil
	}, patience, time.Millisecond)
	defer func() { require.NoError(c.t, connection.Close()) }()
	_, err = connection.Write(b)
	require.NoError(c.t, err)
	require.NoError(c.t, connection.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(connection)
	require.NoError(c.t, err)
	require.Contains(c.t, []string{"taken", "lost"}, string(answer))
	return []receivertest.UniqueIDAttrVal{id}
}

// Guarantees: the Collector's contract of receivers: what the next consumer takes or drops for good
// is sent once, and what it does not take is sent again.
func TestAReceiverKeepsTheContract(t *testing.T) {
	f, to := rustcomponent.NewReceiver(crate("source")), free(t)
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T: t, Factory: f, Signal: pipeline.SignalTraces,
		Config:    configured(t, f, map[string]any{"listen": to}),
		Generator: &clients{t: t, to: to}, GenerateCount: 200,
	})
}

// server is a receiver in Go for what the exporter `outlet` delivers.
type server struct {
	next    consumer.Traces
	to      string
	l       net.Listener
	serving sync.WaitGroup
}

func (s *server) Start(context.Context, component.Host) (err error) {
	if s.l, err = net.Listen("tcp", s.to); err != nil {
		return err
	}
	s.serving.Go(func() {
		for {
			connection, err := s.l.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() { s.serve(connection) })
		}
	})
	return nil
}

func (s *server) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	b, err := io.ReadAll(connection)
	request := ptraceotlp.NewExportRequest()
	if err == nil {
		err = request.UnmarshalProto(b)
	}
	if err == nil {
		err = s.next.ConsumeTraces(context.Background(), request.Traces())
	}
	answer := "taken"
	switch {
	case consumererror.IsPermanent(err):
		answer = "lost"
	case err != nil:
		answer = "later"
	}
	_, _ = io.WriteString(connection, answer) // the exporter tries again where it hears nothing
}

func (s *server) Shutdown(context.Context) error {
	err := s.l.Close()
	s.serving.Wait()
	return err
}

// Guarantees: the Collector's contract of exporters: all is delivered, tried again while it fails
// for now, and dropped once it fails for good.
func TestAnExporterKeepsTheContract(t *testing.T) {
	f, to := rustcomponent.NewExporter(crate("outlet")), free(t)
	exportertest.CheckConsumeContract(exportertest.CheckConsumeContractParams{
		T: t, NumberOfTestElements: 10, Signal: pipeline.SignalTraces, ExporterFactory: f,
		ExporterConfig: configured(t, f, map[string]any{
			"to": to, "sending_queue": map[string]any{"enabled": false}, // it looks at once
			"retry_on_failure": map[string]any{
				"initial_interval": "1ms", "max_interval": "10ms", "randomization_factor": 0.5,
			},
		}),
		ReceiverFactory: receiver.NewFactory(component.MustNewType("server"),
			func() component.Config { return struct{}{} },
			receiver.WithTraces(func(
				_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Traces,
			) (receiver.Traces, error) {
				return &server{next: next, to: to}, nil
			}, level)),
		ReceiverConfig: struct{}{},
	})
}
