// Package contract holds {{type}} to what the Collector asks of a receiver:
// `strait test --config builder.yaml` builds it, and runs this.
package contract

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/goleak"

	crate "crate.local/{{name}}"

	_ "strait.local/native" // the component, in Rust
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// configured is a configuration with an address that nobody listens on.
func configured(t *testing.T) (cfg component.Config, endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	cfg, endpoint = crate.NewFactory().CreateDefaultConfig(), l.Addr().String()
	values := confmap.NewFromStringMap(map[string]any{"endpoint": endpoint})
	require.NoError(t, values.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg, endpoint
}

// send sends a line, and waits until the receiver is done with it.
func send(t *testing.T, endpoint, line string) {
	var connection net.Conn
	assert.Eventually(t, func() (listens bool) { // soon after it was started
		var err error
		connection, err = net.Dial("tcp", endpoint)
		return err == nil
	}, 10*time.Second, time.Millisecond)
	_, err := io.WriteString(connection, line+"\n")
	assert.NoError(t, err)
	assert.NoError(t, connection.(*net.TCPConn).CloseWrite())
	_, err = io.ReadAll(connection)
	assert.NoError(t, err)
	assert.NoError(t, connection.Close())
}

// The default configuration is one that the Collector can read, show and validate.
func TestConfig(t *testing.T) {
	cfg := crate.NewFactory().CreateDefaultConfig()
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.NoError(t, confmap.Validate(cfg))
}

// An instance ends without a start and after one, and another one can follow; what came before a
// shutdown was sent on.
func TestLifecycle(t *testing.T) {
	f := crate.NewFactory()
	cfg, endpoint := configured(t)
	sink := new(consumertest.LogsSink)
	create := func() receiver.Logs {
		r, err := f.CreateLogs(t.Context(), receivertest.NewNopSettings(f.Type()), cfg, sink)
		require.NoError(t, err)
		return r
	}
	require.NoError(t, create().Shutdown(t.Context()))
	for n := range 2 {
		r := create()
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		send(t, endpoint, "order accepted")
		require.NoError(t, r.Shutdown(t.Context()))
		require.Equal(t, n+1, sink.LogRecordCount())
	}
}

// clients send lines that are counted through.
type clients struct {
	t        *testing.T
	endpoint string
	last     atomic.Int64
}

func (*clients) Start() {}
func (*clients) Stop()  {}

func (c *clients) Generate() []receivertest.UniqueIDAttrVal {
	line := fmt.Sprint(c.last.Add(1))
	send(c.t, c.endpoint, line)
	return []receivertest.UniqueIDAttrVal{receivertest.UniqueIDAttrVal(line)}
}

// identified puts each line where the suite looks for what tells it from others.
func identified(next consumer.Logs) (consumer.Logs, error) {
	return consumer.NewLogs(func(ctx context.Context, d plog.Logs) error {
		record := d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		record.Attributes().PutStr(receivertest.UniqueIDAttrName, record.Body().Str())
		return next.ConsumeLogs(ctx, d)
	}, consumer.WithCapabilities(consumer.Capabilities{MutatesData: true}))
}

// The Collector's own suite: what the next consumer takes or refuses for good is sent once, and
// what it does not take for now is sent again.
func TestContract(t *testing.T) {
	f := crate.NewFactory()
	cfg, endpoint := configured(t)
	create := func(
		ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
	) (receiver.Logs, error) {
		next, err := identified(next)
		if err != nil {
			return nil, err
		}
		return f.CreateLogs(ctx, set, cfg, next)
	}
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T: t, Signal: pipeline.SignalLogs, Config: cfg,
		Factory: receiver.NewFactory(
			f.Type(), f.CreateDefaultConfig, receiver.WithLogs(create, f.LogsStability())),
		Generator: &clients{t: t, endpoint: endpoint}, GenerateCount: 40,
	})
}
