package native

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
)

// Models of the engine's nodes but attribute and filter, which have their own: what comes out for a
// batch, by the documentation of the node alone, with the configuration of its case.

// nodeModel is one node's.
type nodeModel struct {
	// prepare puts into random logs what the node looks for; nil: nothing.
	prepare func(*rapid.T, plog.Logs)
	// out is what comes out, in any order; false: the batch is refused for good.
	out func(plog.Logs) ([]plog.Logs, bool)
}

func unchanged(d plog.Logs) ([]plog.Logs, bool) { return []plog.Logs{d}, true }

var nodeModels = map[string]nodeModel{
	"batch":          {nil, unchanged},
	"content_router": {nameServices, oneRoute},
	"debug":          {nil, unchanged},
	"durable_buffer": {nil, unchanged},
	"fanout":         {nil, twiceWithoutA},
	"log_parser":     {putJSON, parseJSON},
	"log_sampling": {
		nil,
		unchanged,
	}, // one of one; a smaller share is TestSamplingKeepsItsShare
	"partition":              {nameServices, unchanged}, // in other batches, which this does not see
	"retry":                  {nil, unchanged},
	"temporal_reaggregation": {nil, unchanged}, // it is for metrics
	"transform":              {nil, aboveDebug},
	"type_router":            {nil, unchanged},
}

// aboveDebug: logs of a severity above 8 stay.
func aboveDebug(d plog.Logs) ([]plog.Logs, bool) {
	d = otaptest.Clone(d)
	for _, rl := range d.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			sl.LogRecords().RemoveIf(func(lr plog.LogRecord) bool { return lr.SeverityNumber() <= 8 })
		}
	}
	return []plog.Logs{d}, true
}

func nameServices(t *rapid.T, d plog.Logs) {
	for _, rl := range d.ResourceLogs().All() {
		names := rapid.SampledFrom([]string{"shop", "shop", "shop", "depot", ""})
		if name := names.Draw(t, "service"); name != "" {
			rl.Resource().Attributes().PutStr("service.name", name)
		}
	}
}

// oneRoute: a batch goes where its resources belong, all to one route or none.
func oneRoute(d plog.Logs) ([]plog.Logs, bool) {
	d = otaptest.Clone(d)
	otaptest.Prune(d)
	var routes [2]bool
	for _, rl := range d.ResourceLogs().All() {
		name, ok := rl.Resource().Attributes().Get("service.name")
		if ok && name.Str() == "shop" {
			routes[0] = true
		} else {
			routes[1] = true
		}
	}
	return []plog.Logs{d}, routes != [2]bool{true, true}
}

func twiceWithoutA(d plog.Logs) ([]plog.Logs, bool) {
	left := otaptest.Clone(d)
	attributeStep{actions: []action{{kind: "delete", key: "a"}}}.apply(left)
	return []plog.Logs{left, d}, true
}

func putJSON(t *rapid.T, d plog.Logs) {
	bodies := rapid.SampledFrom(
		[]string{`{"x": "found"}`, `{"y": "other", "x": ""}`, `{"y": "not there"}`, `{"x": `, "plain"},
	)
	for _, rl := range d.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				if rapid.Bool().Draw(t, "put JSON") {
					lr.Body().SetStr(bodies.Draw(t, "JSON"))
				}
			}
		}
	}
}

// parseJSON: the body becomes the text at /x; what is not JSON, or has no text there, stays.
func parseJSON(d plog.Logs) ([]plog.Logs, bool) {
	d = otaptest.Clone(d)
	for _, rl := range d.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				var parsed map[string]any
				if lr.Body().Type() != pcommon.ValueTypeStr ||
					json.Unmarshal([]byte(lr.Body().Str()), &parsed) != nil {
					continue
				}
				if text, ok := parsed["x"].(string); ok {
					lr.Body().SetStr(text)
				}
			}
		}
	}
	return []plog.Logs{d}, true
}

// each writes every log, with what it belongs to, as one text.
func each(all []plog.Logs) (out []string) {
	m := &plog.ProtoMarshaler{}
	for _, d := range all {
		for _, rl := range d.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					one := plog.NewLogs()
					r := one.ResourceLogs().AppendEmpty()
					rl.Resource().CopyTo(r.Resource())
					r.SetSchemaUrl(rl.SchemaUrl())
					s := r.ScopeLogs().AppendEmpty()
					sl.Scope().CopyTo(s.Scope())
					s.SetSchemaUrl(sl.SchemaUrl())
					lr.CopyTo(s.LogRecords().AppendEmpty())
					b, err := m.MarshalLogs(one)
					if err != nil {
						panic(err)
					}
					out = append(out, string(b))
				}
			}
		}
	}
	return out
}

// Guarantees: for random logs every node gives what its documentation says, each log whole and as
// often as it should.
func TestEveryNodeEqualsItsModel(t *testing.T) {
	f, leftOut := exactForms()[0], onRequest(t)
	for _, c := range nodeCases(t) {
		if c.Node == "attribute" || c.Node == "filter" {
			continue // TestChainsEqualTheModel
		}
		model, ok := nodeModels[c.Node]
		require.True(t, ok, "%s has no model", c.Node)
		if leftOut[c.urn()] && !allNodes {
			continue // TestEveryNode sees that it is refused
		}
		t.Run(c.Node, func(t *testing.T) {
			s := &sink{}
			p := start(t, f.spec(c.in(t, t.TempDir())), f.transport, s)
			rapid.Check(t, func(t *rapid.T) {
				d := crossable(t, otaptest.Options{NoDuplicates: true})
				if model.prepare != nil {
					model.prepare(t, d)
				}
				if d.LogRecordCount() == 0 {
					return
				}
				want, passes := model.out(d)
				err := p.ConsumeLogs(context.Background(), otaptest.Clone(d))
				if !passes {
					require.True(t, consumererror.IsPermanent(err), "%v", err)
					require.Empty(t, s.take())
					return
				}
				require.NoError(t, err)
				logs := each(want)
				if c.AcksFirst {
					require.Eventually(
						t,
						func() bool { return s.count() >= len(logs) },
						patience,
						time.Millisecond,
					)
				}
				got := each(s.take())
				slices.Sort(logs)
				slices.Sort(got)
				require.Equal(t, logs, got)
			})
			quiet(t, p)
		})
	}
}

// Guarantees: a share of the logs stays, each whole and in their order, over all batches as many as
// was asked for.
func TestSamplingKeepsItsShare(t *testing.T) {
	f := exactForms()[0]
	s := &sink{}
	ratio := map[string]any{"emit": 1, "out_of": 3}
	p := start(
		t,
		f.spec(chain(node("log_sampling", map[string]any{"policy": map[string]any{"ratio": ratio}}))),
		f.transport,
		s,
	)
	sent, kept := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d := crossable(t, otaptest.Options{NoDuplicates: true})
		require.NoError(t, p.ConsumeLogs(context.Background(), otaptest.Clone(d)))
		all := each([]plog.Logs{d})
		at := 0
		for _, log := range each(s.take()) {
			found := slices.Index(all[at:], log)
			require.GreaterOrEqual(t, found, 0, "a log that was not sent, or not in order")
			at += found + 1
			kept++
		}
		sent += len(all)
	})
	require.InDelta(t, sent/3, kept, 1)
}
