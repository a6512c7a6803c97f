package native

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/otapreceiver"
)

// The engine's nodes that receive, in an `otap` receiver: what they are sent goes to the next
// consumer.

// at is the configuration of an `otap` receiver of the case's nodes, which listen there.
func (c *nodeCase) at(t *testing.T, f receiver.Factory, address, folder string) component.Config {
	t.Helper()
	places := strings.NewReplacer("$ADDRESS", address, "$SECOND", free(t), "$FOLDER", folder)
	var nodes any
	require.NoError(t, json.Unmarshal([]byte(places.Replace(string(c.Nodes))), &nodes))
	return configured(t, f, map[string]any{"nodes": nodes})
}

// receiving runs an `otap` receiver of the case's nodes, which bring logs to the sink, and gives
// where it listens.
func receiving(t *testing.T, c *nodeCase) (address string, s *sink) {
	t.Helper()
	address, s = free(t), &sink{}
	f := otapreceiver.NewFactory()
	cfg := c.at(t, f, address, t.TempDir())
	r, err := f.CreateLogs(t.Context(), receivertest.NewNopSettings(f.Type()), cfg, s)
	require.NoError(t, err)
	running(t, r)
	return address, s
}

// receivingModels are, for each node that receives, how to send it something, and what must come.
var receivingModels = map[string]func(t *testing.T, c *nodeCase){
	"host_metrics": figuresCome, "journald": entriesCome, "otlp": otlpComes,
	"syslog_cef": syslogComes,
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
			model(t, &c)
		})
	}
}

// otlpComes: random logs come as they are, and the sender is answered when they have.
func otlpComes(t *testing.T, c *nodeCase) {
	address, s := receiving(t, c)
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
func syslogComes(t *testing.T, c *nodeCase) {
	address, s := receiving(t, c)
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

// figuresCome: what the machine's files say comes as points, and what they say later comes later.
func figuresCome(t *testing.T, c *nodeCase) {
	machine := t.TempDir()
	memory := func(free int64) string {
		return fmt.Sprintf("MemTotal: 1000 kB\nMemFree: %d kB\nMemAvailable: 900 kB\n"+
			"Buffers: 7 kB\nCached: 30 kB\nSReclaimable: 2 kB\nSUnreclaim: 3 kB\n", free)
	}
	writeFigures(t, machine, memory(500))
	s := new(consumertest.MetricsSink)
	f := otapreceiver.NewFactory()
	set := receivertest.NewNopSettings(f.Type())
	r, err := f.CreateMetrics(t.Context(), set, c.at(t, f, "", machine), s)
	require.NoError(t, err)
	running(t, r)
	for _, free := range []int64{500, 400} {
		writeFigures(t, machine, memory(free))
		want := map[string]float64{
			"system.cpu.load_average.1m": 1.5, "system.cpu.load_average.5m": 2.25,
			"system.cpu.load_average.15m": 3.125,
			"system.memory.usage used":    100 << 10, "system.memory.usage free": float64(free << 10),
			"system.memory.usage cached": 30 << 10, "system.memory.usage buffers": 7 << 10,
			"system.memory.utilization used": 0.1, "system.memory.utilization free": float64(free) / 1000,
			"system.memory.utilization cached": 0.03, "system.memory.utilization buffers": 0.007,
			"system.memory.linux.available":                900 << 10,
			"system.memory.linux.slab.usage reclaimable":   2 << 10,
			"system.memory.linux.slab.usage unreclaimable": 3 << 10,
		}
		require.Eventually(t, func() bool {
			all := s.AllMetrics()
			return len(all) > 0 && maps.Equal(want, figures(all[len(all)-1]))
		}, patience, time.Millisecond, "%v", s.AllMetrics())
	}
}

// entriesCome: every entry of a journal comes, in order and whole; what is refused comes again; and
// the next life of the receiver goes on where this one came to.
func entriesCome(t *testing.T, c *nodeCase) {
	machine := t.TempDir()
	var entries []entry
	var want []string
	more := func(n int) {
		for range n {
			i := len(entries)
			at := uint64(1_700_000_000_000_000 + i)
			entries = append(entries, entry{at, []string{
				fmt.Sprintf("MESSAGE=line %d", i), fmt.Sprintf("PRIORITY=%d", i%8),
				"SYSLOG_IDENTIFIER=app", "BINARY=\xff\x00",
			}})
			// Priorities from emergency to debug.
			severity := []int{24, 23, 22, 17, 13, 10, 9, 5}[i%8]
			want = append(want, fmt.Sprintf("%d %d line %d %v", at*1000, severity, i, map[string]any{
				"MESSAGE": fmt.Sprintf("line %d", i), "PRIORITY": fmt.Sprint(i % 8),
				"SYSLOG_IDENTIFIER": "app", "BINARY": []byte("\xff\x00"),
			}))
		}
		writeJournal(t, machine, entries)
	}
	f := otapreceiver.NewFactory()
	life := func(t *testing.T, s *sink, count int) {
		set := receivertest.NewNopSettings(f.Type())
		set.ID = component.NewID(f.Type()) // by which it finds where it was
		r, err := f.CreateLogs(t.Context(), set, c.at(t, f, "", machine), s)
		require.NoError(t, err)
		running(t, r)
		require.Eventually(t, func() bool { return s.count() >= count }, patience, time.Millisecond)
	}
	var got []string
	take := func(s *sink) {
		for _, d := range s.take() {
			for _, lr := range d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
				got = append(got, fmt.Sprintf("%d %d %s %v", lr.Timestamp(), lr.SeverityNumber(),
					lr.Body().Str(), lr.Attributes().AsRaw()))
			}
		}
	}
	s, calls := new(sink), 0
	s.answer = func(context.Context, plog.Logs) error {
		if calls++; calls%2 == 1 {
			return errTest
		}
		return nil
	}
	more(250)
	t.Run("first life", func(t *testing.T) { life(t, s, 250) })
	take(s)
	more(50)
	s.answer = nil
	t.Run("second life", func(t *testing.T) { life(t, s, 50) })
	take(s)
	require.Equal(t, want, got)
}

// writeFigures makes the files of the machine in this folder from which the case's node reads.
func writeFigures(t *testing.T, folder, memory string) {
	t.Helper()
	proc := filepath.Join(folder, "proc")
	require.NoError(t, os.MkdirAll(proc, 0o700))
	for file, text := range map[string]string{
		"stat": "btime 1000\n", "loadavg": "1.5 2.25 3.125 1/2 3\n", "meminfo": memory,
	} {
		path := filepath.Join(proc, file)
		// At once, for it is read meanwhile.
		require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
}

// figures are the points of a batch, each by its metric's name and its attribute's value.
func figures(d pmetric.Metrics) map[string]float64 {
	found := map[string]float64{}
	for _, m := range d.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		points := pmetric.NewNumberDataPointSlice()
		switch m.Type() {
		case pmetric.MetricTypeSum:
			points = m.Sum().DataPoints()
		case pmetric.MetricTypeGauge:
			points = m.Gauge().DataPoints()
		}
		for _, point := range points.All() {
			name := m.Name()
			for _, value := range point.Attributes().All() {
				name += " " + value.Str()
			}
			found[name] = point.DoubleValue()
			if point.ValueType() == pmetric.NumberDataPointValueTypeInt {
				found[name] = float64(point.IntValue())
			}
		}
	}
	return found
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
