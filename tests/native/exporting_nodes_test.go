package native

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/otapexporter"
)

// The engine's nodes that export, in an `otap` exporter: what they are given arrives where they
// write, and what a destination says of it is the caller's.

// destination is what a node writes to.
type destination struct {
	plogotlp.UnimplementedGRPCServer
	address, folder string

	mu     sync.Mutex
	logs   []plog.Logs
	answer error // of the next batches
	part   int64 // of what is taken, so many logs are not
	files  map[string]int
}

func (d *destination) Export(
	_ context.Context, r plogotlp.ExportRequest,
) (plogotlp.ExportResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.answer == nil {
		d.logs = append(d.logs, r.Logs())
	}
	answer := plogotlp.NewExportResponse()
	if d.part > 0 {
		answer.PartialSuccess().SetRejectedLogRecords(d.part)
		answer.PartialSuccess().SetErrorMessage("some are too old")
	}
	return answer, d.answer
}

// ServeHTTP is the same by HTTP.
func (d *destination) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := plogotlp.NewExportRequest()
	if err != nil || request.UnmarshalProto(body) != nil {
		http.Error(w, "not OTLP", http.StatusBadRequest)
		return
	}
	answer, err := d.Export(r.Context(), request)
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	body, _ = answer.MarshalProto() // a small one
	_, _ = w.Write(body)
}

// destined is the destination of a case.
func destined(t *testing.T, writes string) *destination {
	t.Helper()
	d := &destination{folder: t.TempDir(), files: map[string]int{}}
	switch writes {
	case "grpc":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server := grpc.NewServer()
		plogotlp.RegisterGRPCServer(server, d)
		go func() { _ = server.Serve(l) }() // ends, without an error, at the stop
		t.Cleanup(server.Stop)
		d.address = l.Addr().String()
	case "http":
		server := httptest.NewServer(d)
		t.Cleanup(server.Close)
		d.address = server.Listener.Addr().String()
	case "otap":
		d.address = serveOTAP(t, takeOTAP)
	}
	return d
}

// take gives what came since the last time.
func (d *destination) take(t require.TestingT) []plog.Logs {
	d.mu.Lock()
	defer d.mu.Unlock()
	names, err := filepath.Glob(filepath.Join(d.folder, "*.json"))
	require.NoError(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for line := range bytes.Lines(text[d.files[name]:]) {
			unmarshaler := plog.JSONUnmarshaler{}
			logs, err := unmarshaler.UnmarshalLogs(line)
			require.NoError(t, err, "%s", line)
			d.logs = append(d.logs, logs)
		}
		d.files[name] = len(text)
	}
	all := d.logs
	d.logs = nil
	return all
}

// says makes it answer so.
func (d *destination) says(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = err
}

// to is the case's nodes, which write there.
func (c *nodeCase) to(t *testing.T, d *destination) any {
	t.Helper()
	text := strings.NewReplacer("$FOLDER", d.folder, "$ADDRESS", d.address).Replace(string(c.Nodes))
	var nodes any
	require.NoError(t, json.Unmarshal([]byte(text), &nodes))
	return nodes
}

// exporting is a running `otap` exporter of logs.
func exporting(t *testing.T, values map[string]any) exporter.Logs {
	t.Helper()
	f := otapexporter.NewFactory()
	set := exportertest.NewNopSettings(f.Type())
	set.ID = component.NewID(f.Type())
	e, err := f.CreateLogs(t.Context(), set, configured(t, f, values))
	require.NoError(t, err)
	running(t, e)
	return e
}

// eachExporter runs a test with the case of every exporter of this binary; of those that it lacks
// it sees that they are refused, with the way to them.
func eachExporter(t *testing.T, test func(t *testing.T, c *nodeCase, d *destination)) {
	leftOut := onRequest(t)
	for _, c := range allCases(t) {
		if c.Kind != "exporter" {
			continue
		}
		t.Run(c.Node, func(t *testing.T) {
			d := destined(t, c.Writes)
			if leftOut[c.urn()] && !allNodes {
				cfg := otapexporter.NewFactory().CreateDefaultConfig()
				values := map[string]any{"nodes": c.to(t, d)}
				require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
				require.ErrorContains(t, confmap.Validate(cfg), "list it in `dist.engine_nodes`")
				return
			}
			test(t, &c, d)
		})
	}
}

// Guarantees: every node that exports takes random logs, and where it writes they are all, each as
// it was. What `console` prints is looked at in tests/collector, what `otap` sends in
// dataplane/engine/tests.
func TestEveryExportingNodeEqualsItsModel(t *testing.T) {
	eachExporter(t, func(t *testing.T, c *nodeCase, d *destination) {
		e := exporting(t, plainly(map[string]any{"nodes": c.to(t, d)}))
		rapid.Check(t, func(t *rapid.T) {
			sent := crossable(t, otaptest.Options{NoDuplicates: true})
			if sent.LogRecordCount() == 0 {
				return
			}
			require.NoError(t, e.ConsumeLogs(context.Background(), otaptest.Clone(sent)))
			if c.Writes == "" || c.Writes == "otap" {
				return
			}
			if c.Writes == "files" {
				oneNaN(sent)
			}
			want, got := each([]plog.Logs{sent}), each(d.take(t))
			slices.Sort(want)
			slices.Sort(got)
			require.Equal(t, want, got)
		})
	})
}

// oneNaN has one number that is none, as JSON has.
func oneNaN(d plog.Logs) {
	for _, rl := range d.ResourceLogs().All() {
		oneNaNIn(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			oneNaNIn(sl.Scope().Attributes())
			for _, lr := range sl.LogRecords().All() {
				oneNaNIn(lr.Attributes())
				oneNaNOf(lr.Body())
			}
		}
	}
}

func oneNaNIn(m pcommon.Map) {
	for _, v := range m.All() {
		oneNaNOf(v)
	}
}

func oneNaNOf(v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeDouble:
		if math.IsNaN(v.Double()) {
			v.SetDouble(math.NaN())
		}
	case pcommon.ValueTypeMap:
		oneNaNIn(v.Map())
	case pcommon.ValueTypeSlice:
		for _, inner := range v.Slice().All() {
			oneNaNOf(inner)
		}
	}
}

// Guarantees: what an OTLP destination answers is the caller's, whole: code, delay, and whether to
// try again; the next batch is delivered; and where nobody listens, that is told so too.
func TestADestinationsAnswerIsTheCallers(t *testing.T) {
	d := destined(t, "grpc")
	nodes := []any{node("otlp_grpc", map[string]any{"grpc_endpoint": "http://" + d.address})}
	e := exporting(t, plainly(map[string]any{"nodes": nodes}))
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		d.says(status.Error(code, "the destination's own words"))
		err := e.ConsumeLogs(t.Context(), logs(3))
		var failure *control.Failure
		require.ErrorAs(t, err, &failure)
		require.EqualValues(t, code, failure.GRPCCode, "%v", err)
		require.Equal(t, code, status.Code(err), "%v", err)
		require.Contains(t, failure.Message, "the destination's own words")
		require.Equal(t, "otlp_grpc/0", failure.Component)
		require.Equal(t, !mayPass(code), consumererror.IsPermanent(err), "%v", err)
	}
	slow, err := status.New(codes.ResourceExhausted, "slow down").
		WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
	require.NoError(t, err)
	d.says(slow.Err())
	var failure *control.Failure
	require.ErrorAs(t, e.ConsumeLogs(t.Context(), logs(3)), &failure)
	require.Equal(t, 7*time.Second, failure.RetryDelay)
	d.says(nil)
	require.NoError(t, e.ConsumeLogs(t.Context(), logs(3)))
	require.Len(t, d.take(t), 1)
}

// Guarantees: a batch that a destination takes in part is sent once, as OTLP has it: over gRPC its
// sender hears of success, as of the Collector's own exporter; over HTTP of how many were rejected,
// for good.
func TestADestinationThatTakesAPart(t *testing.T) {
	eachExporter(t, func(t *testing.T, c *nodeCase, d *destination) {
		if c.Writes != "grpc" && c.Writes != "http" {
			return
		}
		d.part = 2
		values := map[string]any{"nodes": c.to(t, d), "sending_queue": map[string]any{"enabled": false}}
		err := exporting(t, values).ConsumeLogs(t.Context(), logs(3))
		require.Len(t, d.take(t), 1)
		if c.Writes == "grpc" {
			require.NoError(t, err)
			require.NoError(t, overGRPC(t, d.address).ConsumeLogs(t.Context(), logs(3)))
			require.Len(t, d.take(t), 1)
			return
		}
		var failure *control.Failure
		require.ErrorAs(t, err, &failure)
		require.EqualValues(t, d.part, failure.RejectedItems)
		require.True(t, consumererror.IsPermanent(err), "%v", err)
		require.Contains(t, failure.Message, "some are too old")
	})
}

// mayPass is what OTLP says of a code; the engine also tries an unknown error again.
func mayPass(code codes.Code) bool {
	return slices.Contains([]codes.Code{
		codes.Canceled, codes.Unknown, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted,
		codes.OutOfRange, codes.Unavailable, codes.DataLoss,
	}, code)
}

// Guarantees: what waits in the helper's queue is delivered before the exporter ends; and a graph
// sends each batch to all that it names.
func TestAnExportersShutdownDelivers(t *testing.T) {
	one, two := destined(t, "grpc"), destined(t, "grpc")
	to := func(d *destination) any {
		return node("otlp_grpc", map[string]any{"grpc_endpoint": "http://" + d.address})
	}
	both := map[string]any{
		"nodes": map[string]any{
			"fan": node("fanout", map[string]any{"await_ack": "all", "destinations": []any{
				map[string]any{"port": "one", "primary": true}, map[string]any{"port": "two"},
			}}),
			"one": to(one), "two": to(two),
		},
		"connections": []any{
			map[string]any{"from": "in", "to": "fan"},
			map[string]any{"from": `fan["one"]`, "to": "one"},
			map[string]any{"from": `fan["two"]`, "to": "two"},
		},
	}
	t.Run("runs", func(t *testing.T) {
		e := exporting(t, map[string]any{"nodes": both})
		for range 20 {
			require.NoError(t, e.ConsumeLogs(t.Context(), logs(10)))
		}
	})
	for _, d := range []*destination{one, two} {
		count := 0
		for _, got := range d.take(t) {
			count += got.LogRecordCount()
		}
		require.Equal(t, 200, count)
	}
}

// Guarantees: what is wrong with an exporter's nodes is told by `validate`, with its place.
func TestAnExportersNodesAreCheckedWhereTheyStand(t *testing.T) {
	for text, want := range map[string]string{
		`[{"otlp_grpc": {"grpc_endpont": "x"}}]`: "nodes::0::otlp_grpc::grpc_endpont: unknown key",
		`[{"retry": {}}]`:                        "nodes::0::retry: an exporter's chain ends with",
		`["filter", "nope"]`:                     "nodes::1::nope: unknown node type `nope`",
	} {
		var nodes any
		require.NoError(t, json.Unmarshal([]byte(text), &nodes))
		cfg := otapexporter.NewFactory().CreateDefaultConfig()
		values := map[string]any{"nodes": nodes}
		require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
		require.ErrorContains(t, confmap.Validate(cfg), want)
	}
}
