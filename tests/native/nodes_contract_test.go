package native

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/strait-data/strait/go/otapexporter"
	"github.com/strait-data/strait/go/otapreceiver"
)

// The Collector's contracts on `otap` as an exporter and as a receiver, for each signal.

var everySignal = []pipeline.Signal{
	pipeline.SignalLogs, pipeline.SignalTraces, pipeline.SignalMetrics,
}

type id = receivertest.UniqueIDAttrVal

// export is how a client exports one item of a signal with an id.
type export func(ctx context.Context, to *grpc.ClientConn, of id) error

var exports = map[pipeline.Signal]export{
	pipeline.SignalLogs: func(ctx context.Context, to *grpc.ClientConn, of id) error {
		d := receivertest.CreateOneLogWithID(of)
		_, err := plogotlp.NewGRPCClient(to).Export(ctx, plogotlp.NewExportRequestFromLogs(d))
		return err
	},
	pipeline.SignalTraces: func(ctx context.Context, to *grpc.ClientConn, of id) error {
		d := receivertest.CreateOneSpanWithID(of)
		_, err := ptraceotlp.NewGRPCClient(to).Export(ctx, ptraceotlp.NewExportRequestFromTraces(d))
		return err
	},
	pipeline.SignalMetrics: func(ctx context.Context, to *grpc.ClientConn, of id) error {
		d := receivertest.CreateGaugeMetricWithID(of)
		_, err := pmetricotlp.NewGRPCClient(to).Export(ctx, pmetricotlp.NewExportRequestFromMetrics(d))
		return err
	},
}

// otlpClients send items to a receiver as a client of OTLP does: again where that may help.
type otlpClients struct {
	t      *testing.T
	to     *grpc.ClientConn
	export export
	last   atomic.Int64
}

func (*otlpClients) Start() {}
func (*otlpClients) Stop()  {}

// Generate sends one item.
func (c *otlpClients) Generate() []id {
	of := id(fmt.Sprint(c.last.Add(1)))
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		err := c.export(ctx, c.to, of)
		switch status.Code(err) {
		case codes.OK, codes.InvalidArgument, codes.Internal:
			return []id{of}
		case codes.Unavailable, codes.ResourceExhausted:
		default:
			require.NoError(c.t, err)
		}
	}
}

// Guarantees: the Collector's contract of receivers: what the next consumer takes or drops for good
// is sent once, and what it does not take the client is told to send again.
func TestTheReceiverOfNodesKeepsTheContract(t *testing.T) {
	for _, signal := range everySignal {
		t.Run(signal.String(), func(t *testing.T) {
			f, to := otapreceiver.NewFactory(), free(t)
			client, err := grpc.NewClient(to, grpc.WithTransportCredentials(insecure.NewCredentials()))
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close()) }()
			listens := node("otlp", map[string]any{
				"protocols": map[string]any{"grpc": map[string]any{"listening_addr": to}},
			})
			receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
				T: t, Factory: f, Signal: signal, GenerateCount: 100,
				Config:    configured(t, f, map[string]any{"nodes": []any{listens}}),
				Generator: &otlpClients{t: t, to: client, export: exports[signal]},
			})
		})
	}
}

// listensTo is the configuration of the Collector's own OTLP receiver.
func listensTo(t *testing.T, address string) component.Config {
	t.Helper()
	cfg := otlpreceiver.NewFactory().CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"protocols": map[string]any{"grpc": map[string]any{"endpoint": address}},
	}).Unmarshal(cfg))
	return cfg
}

// Guarantees: the Collector's contract of exporters: all is delivered, tried again while it fails
// for now, and dropped once it fails for good.
func TestTheExporterOfNodesKeepsTheContract(t *testing.T) {
	for _, signal := range everySignal {
		t.Run(signal.String(), func(t *testing.T) {
			f, to := otapexporter.NewFactory(), free(t)
			sends := node("otlp_grpc", map[string]any{"grpc_endpoint": "http://" + to})
			exportertest.CheckConsumeContract(exportertest.CheckConsumeContractParams{
				T: t, NumberOfTestElements: 10, Signal: signal, ExporterFactory: f,
				ExporterConfig: configured(t, f, map[string]any{
					"nodes":         []any{sends},
					"sending_queue": map[string]any{"enabled": false}, // it looks at once
					"retry_on_failure": map[string]any{
						"initial_interval": "1ms", "max_interval": "10ms", "randomization_factor": 0.5,
					},
				}),
				ReceiverFactory: otlpreceiver.NewFactory(), ReceiverConfig: listensTo(t, to),
			})
		})
	}
}
