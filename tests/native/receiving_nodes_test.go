package native

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/otapreceiver"
)

// The engine's nodes that receive, in an `otap` receiver: what they are sent goes to the next
// consumer.

// receiving runs an `otap` receiver of the case's nodes, which bring logs to the sink.
func receiving(t *testing.T, c *nodeCase, address string, s *sink) {
	t.Helper()
	text := strings.NewReplacer("$ADDRESS", address, "$SECOND", free(t)).Replace(string(c.Nodes))
	var nodes any
	require.NoError(t, json.Unmarshal([]byte(text), &nodes))
	f := otapreceiver.NewFactory()
	cfg := configured(t, f, map[string]any{"nodes": nodes})
	r, err := f.CreateLogs(t.Context(), receivertest.NewNopSettings(f.Type()), cfg, s)
	require.NoError(t, err)
	running(t, r)
}

// receivingModels are, for each node that receives, how to send it logs, and what must come.
var receivingModels = map[string]func(t *testing.T, address string, s *sink){
	"otlp": otlpComes, "syslog_cef": syslogComes,
}

// Guarantees: every node that receives brings what it was sent, each log once and as it was.
func TestEveryReceivingNodeEqualsItsModel(t *testing.T) {
	leftOut := onRequest(t)
	for _, c := range allCases(t) {
		if c.Kind != "receiver" || leftOut[c.urn()] && !allNodes {
			continue
		}
		t.Run(c.Node, func(t *testing.T) {
			model, is := receivingModels[c.Node]
			require.True(t, is, "%s has no model", c.Node)
			address, s := free(t), &sink{}
			receiving(t, &c, address, s)
			model(t, address, s)
		})
	}
}

// otlpComes: random logs come as they are, and the sender is answered when they have.
func otlpComes(t *testing.T, address string, s *sink) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	client := plogotlp.NewGRPCClient(conn)
	rapid.Check(t, func(t *rapid.T) {
		sent := crossable(t, otaptest.Options{})
		if sent.LogRecordCount() == 0 {
			return
		}
		_, err := client.Export(context.Background(), plogotlp.NewExportRequestFromLogs(sent))
		require.NoError(t, err)
		want, got := each([]plog.Logs{sent}), each(s.take())
		require.Equal(t, want, got)
	})
}

// syslogComes: a line is a log with its text, severity and time.
func syslogComes(t *testing.T, address string, s *sink) {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	const lines = 1_000
	var want []string
	for i := range lines {
		line := fmt.Sprintf("<34>1 2026-01-01T00:00:00Z host app %d ID - line %d", i, i)
		_, err = fmt.Fprintln(conn, line)
		require.NoError(t, err)
		want = append(want, fmt.Sprintf("line %d", i))
	}
	require.Eventually(t, func() bool { return s.count() >= lines }, patience, time.Millisecond)
	at := pcommon.NewTimestampFromTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	var got []string
	for _, d := range s.take() {
		for _, rl := range d.ResourceLogs().All() {
			for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
				message, is := lr.Attributes().Get("syslog.message")
				require.True(t, is, "%v", lr.Attributes().AsRaw())
				got = append(got, message.Str())
				require.Equal(t, at, lr.Timestamp())
				require.Equal(t, plog.SeverityNumberError2, lr.SeverityNumber()) // critical
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}

// Guarantees: what is wrong with a receiver's nodes is told by `validate`, with its place.
func TestAReceiversNodesAreCheckedWhereTheyStand(t *testing.T) {
	for text, want := range map[string]string{
		`[{"otlp": {"protocols": {"grpc": {"listening_addr": "here"}}}}]`: "nodes::0::otlp::protocols::" +
			"grpc::listening_addr: expected an address and a port",
		`[{"retry": {}}]`: "nodes::0::retry: a receiver's chain begins with",
	} {
		var nodes any
		require.NoError(t, json.Unmarshal([]byte(text), &nodes))
		cfg := otapreceiver.NewFactory().CreateDefaultConfig()
		values := map[string]any{"nodes": nodes}
		require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
		require.ErrorContains(t, confmap.Validate(cfg), want)
	}
}
