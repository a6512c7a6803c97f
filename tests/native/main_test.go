// Package native tests units in one process with the Rust side that `strait build` made for the demo: real rings,
// real control channel, real engine. It links the generated native module, so it is a Go module of its own;
// `make test-system` runs it after `make build`.
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

// sink is the next consumer: it keeps copies, and answers as it is told.
type sink struct {
	mu     sync.Mutex
	logs   []plog.Logs
	ctxs   []context.Context
	answer func(ctx context.Context, d plog.Logs) error
}

func (*sink) Capabilities() consumer.Capabilities { return consumer.Capabilities{MutatesData: true} }

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

// node is one step of a chain: the engine's name of it and its configuration.
func node(name string, config any) any { return map[string]any{name: config} }

func chain(nodes ...any) []any { return nodes }

var (
	deleteA  = node("attribute", map[string]any{"actions": []any{map[string]any{"action": "delete", "key": "a"}}})
	minimum9 = node("filter", map[string]any{"logs": map[string]any{"include": map[string]any{"severity_number": map[string]any{"min": 9, "match_undefined": false}}}})
)

func spec(nodes any) unit.Spec {
	return unit.Spec{ID: "otap/test", Signal: unit.Logs, Lanes: 1, Fidelity: unit.BestEffort, MaxInFlight: 64, Nodes: nodes}
}

// start makes a running logs processor that is shut down at the test's end.
func start(t *testing.T, s unit.Spec, transport unit.Transport, next consumer.Logs) *unit.LogsProcessor {
	t.Helper()
	p, err := unit.NewLogs(s, transport, componenttest.NewNopTelemetrySettings(), next)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, p.Shutdown(ctx))
	})
	return p
}

// logs makes n logs over two resources; every third has no attributes, severities cover all classes.
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

var errTest = errors.New("the next consumer's own error")

var _ component.Component = (*unit.LogsProcessor)(nil)
