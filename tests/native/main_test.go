// Package native tests units in one process with the Rust side that `strait build` made from
// builder.yaml: real rings, real control channel, real engine. It links that native module, so it
// is a Go module of its own; `make test-system` builds and runs it.
package native

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/goleak"

	"github.com/strait-data/strait/go/unit"

	_ "strait.local/native"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// form is a way for logs to cross; the rules of a unit hold for each.
type form struct {
	name      string
	fidelity  unit.Fidelity
	transport unit.Transport
}

func forms() []form {
	full, otlp := unit.DefaultTransport(), unit.DefaultTransport()
	full.FullDecode = true
	otlp.OTLPBytes = true
	return []form{
		{"difference", unit.Strict, unit.DefaultTransport()},
		{"full records", unit.Strict, full},
		{"otlp", unit.BestEffort, otlp},
	}
}

// exactForms are those that promise equal logs.
func exactForms() []form { return forms()[:2] }

func eachForm(t *testing.T, test func(t *testing.T, f form)) {
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) { test(t, f) })
	}
}

// unitOf is a unit of these members between a signal and itself.
func unitOf(signal unit.Signal, fidelity unit.Fidelity, members ...unit.Member) unit.Spec {
	return unit.Spec{
		ID: members[0].ID, Lanes: 1, Fidelity: fidelity, MaxInFlight: 64,
		Edges: unit.Between(signal), Members: members,
	}
}

// ofNodes is a member of engine nodes.
func ofNodes(nodes any) unit.Member {
	return unit.Member{ID: "otap/test", Kind: unit.KindProcessor, Nodes: nodes}
}

// ofType is a member that is a Rust component.
func ofType(name string, config map[string]any) unit.Member {
	return unit.Member{ID: name + "/test", Kind: unit.KindProcessor, Type: name, Config: config}
}

// spec is a unit of engine nodes.
func (f form) spec(nodes any) unit.Spec { return unitOf(unit.Logs, f.fidelity, ofNodes(nodes)) }

// component is a unit of one Rust component.
func (f form) component(name string, config map[string]any) unit.Spec {
	return unitOf(unit.Logs, f.fidelity, ofType(name, config))
}

// sink is the next consumer: it keeps copies, and answers as it is told.
type sink struct {
	mu     sync.Mutex
	logs   []plog.Logs
	ctxs   []context.Context
	answer func(ctx context.Context, d plog.Logs) error
}

func (*sink) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (s *sink) ConsumeLogs(ctx context.Context, d plog.Logs) error {
	if s.answer != nil {
		if err := s.answer(ctx, d); err != nil {
			return err
		}
	}
	c := plog.NewLogs()
	d.CopyTo(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs, s.ctxs = append(s.logs, c), append(s.ctxs, ctx)
	return nil
}

func (s *sink) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.logs {
		n += d.LogRecordCount()
	}
	return n
}

// contexts are those that batches came with. That they came before their callers were answered is
// known in Rust only, so the race detector wants the lock here too.
func (s *sink) contexts() []context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctxs
}

// take gives what came since the last time.
func (s *sink) take() []plog.Logs {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.logs
	s.logs, s.ctxs = nil, nil
	return all
}

// node is one step of a chain: the engine's name of it and its configuration.
func node(name string, config any) any { return map[string]any{name: config} }

func chain(nodes ...any) []any { return nodes }

// atLeast keeps the logs of a severity or above.
func atLeast(severity int) any {
	return node("filter", map[string]any{"logs": map[string]any{"include": map[string]any{
		"severity_number": map[string]any{"min": severity, "match_undefined": false},
	}}})
}

var (
	deleteA = node(
		"attribute",
		map[string]any{"actions": []any{map[string]any{"action": "delete", "key": "a"}}},
	)
	// twice sends every batch to two outputs.
	twice = map[string]any{
		"nodes": map[string]any{
			"fan": map[string]any{"fanout": map[string]any{"await_ack": "all", "destinations": []any{
				map[string]any{"port": "one", "primary": true}, map[string]any{"port": "two"},
			}}},
			"a": deleteA, "b": atLeast(9),
		},
		"connections": []any{
			map[string]any{"from": "in", "to": "fan"},
			map[string]any{"from": "a", "to": "out"}, map[string]any{"from": "b", "to": "out"},
			map[string]any{"from": `fan["one"]`, "to": "a"},
			map[string]any{"from": `fan["two"]`, "to": "b"},
		},
	}
)

const patience = 10 * time.Second

// start makes a running logs processor that is shut down at the test's end.
func start(
	t *testing.T,
	s unit.Spec,
	transport unit.Transport,
	next consumer.Logs,
) *unit.LogsConsumer {
	t.Helper()
	return startOn(t, s, transport, next, componenttest.NewNopHost())
}

func startOn(
	t *testing.T,
	s unit.Spec,
	transport unit.Transport,
	next consumer.Logs,
	host component.Host,
) *unit.LogsConsumer {
	t.Helper()
	p, stop := run(t, s, transport, next, host)
	t.Cleanup(stop)
	return p
}

// run makes a running logs processor and the function that shuts it down and checks that nothing
// was left in it.
func run(
	t require.TestingT,
	s unit.Spec,
	transport unit.Transport,
	next consumer.Logs,
	host component.Host,
) (*unit.LogsConsumer, func()) {
	p, err := unit.NewLogs(s, transport, componenttest.NewNopTelemetrySettings(), unit.ToLogs(next))
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), host))
	return p, func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, p.Shutdown(ctx))
		for _, l := range p.Unit().Links() {
			require.Zero(t, l.LeasesOpen, "leases after the end")
			require.Zero(t, l.ClaimsOpen, "claims after the end")
		}
	}
}

// quiet waits until nothing is in flight.
func quiet(t *testing.T, p *unit.LogsConsumer) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, l := range p.Unit().Links() {
			if l.InFlight > 0 || l.LeasesOpen > 0 || l.ClaimsOpen > 0 {
				return false
			}
		}
		return true
	}, patience, time.Millisecond, "something stays in flight")
}

// logs makes n logs over two resources; every third has no attributes, severities cover all
// classes.
func logs(n int) plog.Logs {
	d := plog.NewLogs()
	for r := range 2 {
		rl := d.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", r))
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName("test")
		for i := r; i < n; i += 2 {
			lr := sl.LogRecords().AppendEmpty()
			lr.SetTimestamp(pcommon.Timestamp(1_700_000_000_000_000_000 + i))
			lr.SetSeverityNumber(plog.SeverityNumber(1 + i%24))
			lr.Body().SetStr(fmt.Sprint("body ", i))
			if i%3 != 0 {
				lr.Attributes().PutStr("a", "x")
				lr.Attributes().PutInt("index", int64(i))
			}
		}
	}
	return d
}

// order makes logs whose first body tells the component `faulty` what to do.
func order(n int, body string) plog.Logs {
	d := logs(n)
	d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr(body)
	return d
}

var errTest = errors.New("the next consumer's own error")

var _ component.Component = (*unit.LogsConsumer)(nil)
