package native

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit"
)

// allNodes says that the native module is that of all-nodes.yaml.
var allNodes = os.Getenv("STRAIT_ALL_NODES") != ""

// nodeCase is one of the engine's nodes in a unit where it has something to do. The cases are
// shared with the engine's own tests.
type nodeCase struct {
	Node string `json:"node"`
	// Kind is the node's; none stands for a processor.
	Kind string `json:"kind"`
	// Nodes of the unit; $FOLDER stands for an empty folder, $ADDRESS for where a server listens.
	Nodes json.RawMessage `json:"nodes"`
	// Outputs is how many batches come out of one call; 0 means one.
	Outputs int `json:"outputs"`
	// Merges: what comes out belongs to no call.
	Merges bool `json:"merges"`
	// AcksFirst: the call ends before its batch comes out, which then belongs to no call.
	AcksFirst bool `json:"acks_first"`
	// Writes is where the batches of an exporter can be seen.
	Writes string `json:"writes"`
}

// allCases are those of every node.
func allCases(t *testing.T) (cases []nodeCase) {
	t.Helper()
	readJSON(t, "vectors/nodes.json", &cases)
	return cases
}

// nodeCases are those of processors.
func nodeCases(t *testing.T) []nodeCase {
	return slices.DeleteFunc(allCases(t), func(c nodeCase) bool { return c.Kind != "" })
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "dataplane", "engine", name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

func (c *nodeCase) in(t *testing.T, folder string) any {
	t.Helper()
	var nodes any
	require.NoError(
		t,
		json.Unmarshal([]byte(strings.ReplaceAll(string(c.Nodes), "$FOLDER", folder)), &nodes),
	)
	return nodes
}

// oneShop makes n logs of one resource.
func oneShop(n int) plog.Logs {
	d := logs(2 * n)
	d.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		name, _ := rl.Resource().Attributes().Get("service.name")
		return name.Str() != "service-0"
	})
	d.ResourceLogs().At(0).Resource().Attributes().PutStr("service.name", "shop")
	for _, lr := range d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		lr.SetSeverityNumber(9) // no filter of the cases drops it
	}
	return d
}

// onRequest says of each node that is offered, by kind and name, whether it is only in binaries
// that ask for it.
func onRequest(t *testing.T) map[string]bool {
	t.Helper()
	var offered []struct {
		Name   string `json:"name"`
		Kind   string `json:"kind"`
		Choice string `json:"choice"`
	}
	readJSON(t, "nodes.json", &offered)
	nodes := map[string]bool{}
	for _, n := range offered {
		nodes[n.Kind+":"+n.Name] = n.Choice == "on_request"
	}
	return nodes
}

// urn is the case's node, by kind and name.
func (c *nodeCase) urn() string { return cmp.Or(c.Kind, "processor") + ":" + c.Node }

// Guarantees: no node is offered without a case.
func TestEveryNodeHasACase(t *testing.T) {
	var tried []string
	for _, c := range allCases(t) {
		tried = append(tried, c.urn())
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(onRequest(t))), tried)
}

// Guarantees: through every node, in every form, all logs reach the next consumer; on the caller's
// own goroutine and under its context (seen through its values), except where a node merges or
// keeps batches; and the caller gets nil. A node that the builder file left out is refused with the
// way to it; `make test-nodes` has one without such nodes.
func TestEveryNode(t *testing.T) {
	leftOut := onRequest(t)
	for _, c := range nodeCases(t) {
		t.Run(c.Node, func(t *testing.T) {
			eachForm(t, func(t *testing.T, f form) {
				s := &sink{}
				if leftOut[c.urn()] && !allNodes {
					_, err := unit.NewLogs(
						f.spec(c.in(t, "")),
						f.transport,
						componenttest.NewNopTelemetrySettings(),
						unit.ToLogs(s),
					)
					require.EqualError(t, err, "otap/test: nodes::0::"+c.Node+": the node `"+c.Node+
						"` is not compiled into this binary: list it in `dist.engine_nodes` of the builder file")
					return
				}
				p := start(t, f.spec(c.in(t, t.TempDir())), f.transport, s)
				const callers, each = 6, 10
				var wait sync.WaitGroup
				for i := range callers {
					wait.Go(func() {
						ctx := context.WithValue(t.Context(), key{}, i)
						require.NoError(t, p.ConsumeLogs(ctx, oneShop(each)))
					})
				}
				wait.Wait()
				outputs := max(c.Outputs, 1)
				want := callers * each * outputs
				if c.AcksFirst {
					require.Eventually(t, func() bool { return s.count() >= want }, patience, time.Millisecond)
				}
				require.Equal(t, want, s.count())
				perCaller := map[any]int{}
				s.mu.Lock()
				defer s.mu.Unlock()
				for _, ctx := range s.ctxs {
					perCaller[ctx.Value(key{})]++
				}
				if c.Merges || c.AcksFirst {
					require.Equal(t, map[any]int{nil: len(s.ctxs)}, perCaller)
					return
				}
				require.Len(t, perCaller, callers)
				for i := range callers {
					require.Equal(t, outputs, perCaller[i])
				}
			})
		})
	}
}

// Guarantees: what a durable buffer has not delivered when its unit ends comes out of the next unit
// on the same folder, once; it belongs to no call, so a worker hands it on.
func TestDurableBufferOutlivesItsUnit(t *testing.T) {
	for _, c := range nodeCases(t) {
		if !c.AcksFirst {
			continue
		}
		eachForm(t, func(t *testing.T, f form) {
			folder := t.TempDir()
			down := &sink{answer: func(context.Context, plog.Logs) error { return errTest }}
			p, stop := run(t, f.spec(c.in(t, folder)), f.transport, down, componenttest.NewNopHost())
			require.NoError(t, p.ConsumeLogs(t.Context(), oneShop(10)), "it is on disk")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_ = p.Shutdown(ctx) // what it cannot deliver in this time stays on disk
			stop()

			up := &sink{}
			p, stop = run(t, f.spec(c.in(t, folder)), f.transport, up, componenttest.NewNopHost())
			require.Eventually(t, func() bool { return up.count() == 10 }, patience, time.Millisecond)
			require.Nil(t, up.ctxs[0].Value(key{}))
			require.Equal(t, uint64(1), p.Unit().Stats().ForeignOutputs)
			stop()
			require.Equal(t, 10, up.count(), "delivered twice")
		})
	}
}

// Guarantees: what a node holds when its unit shuts down is delivered, and its callers are told so.
func TestShutdownDeliversWhatIsHeld(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		batch := map[string]any{"min_size": 1_000_000, "sizer": "items"}
		held := node(
			"batch",
			map[string]any{
				"otap":               batch,
				"otlp":               map[string]any{"min_size": 100_000_000, "sizer": "bytes"},
				"max_batch_duration": "1h",
			},
		)
		s := &sink{}
		p, stop := run(t, f.spec(chain(held)), f.transport, s, componenttest.NewNopHost())
		errs := make(chan error, 5)
		for range cap(errs) {
			go func() { errs <- p.ConsumeLogs(t.Context(), logs(10)) }()
		}
		require.Eventually(
			t,
			func() bool { return p.Unit().Links()[0].Peer[ring.CounterBatchesReceived] == 5 },
			patience,
			time.Millisecond,
		)
		stop()
		for range cap(errs) {
			require.NoError(t, <-errs)
		}
		require.Equal(t, 50, s.count())
	})
}

// Guarantees: the error of a caller whose batch a node has refused names the node.
func TestNackOfANodeNamesIt(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		door := map[string]any{
			"nodes": map[string]any{"door": node("content_router", map[string]any{
				"routing_key": map[string]any{
					"resource_attribute": "service.name",
				}, "routes": map[string]any{"other": "goods"},
			})},
			"connections": []any{
				map[string]any{
					"from": "in",
					"to":   "door",
				}, map[string]any{"from": `door["goods"]`, "to": "out"},
			},
		}
		p := start(t, f.spec(door), f.transport, &sink{})
		err := p.ConsumeLogs(t.Context(), oneShop(3))
		var failure *control.Failure
		require.ErrorAs(t, err, &failure)
		require.Equal(t, "door", failure.Component)
		require.True(t, consumererror.IsPermanent(err), err)
	})
}
