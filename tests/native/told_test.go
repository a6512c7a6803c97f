package native

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/strait-data/strait/go/control"
)

// What a sender in Rust hears of each way in which what is behind it fails.

// failure is what a component in Rust fails with so, but for its message and name.
func (v verdict) failure() control.Failure {
	f := control.Failure{
		Class: control.Retryable, GRPCCode: uint32(v.grpc), HTTPCode: uint32(v.http),
		RetryDelay: v.after, RejectedItems: uint64(v.rejected),
	}
	if v.permanent {
		f.Class = control.Permanent
	}
	return f
}

// told is what the receiver `source` tells of a failure, but for its message.
func told(f *control.Failure) string {
	class := "Retryable"
	if f.Class == control.Permanent {
		class = "Permanent"
	}
	some := func(is bool, value any) string {
		if !is {
			return "None"
		}
		return fmt.Sprintf("Some(%v)", value)
	}
	return fmt.Sprintf("%s grpc %s http %s after %s rejected %d: ", class,
		some(f.GRPCCode != 0, f.GRPCCode), some(f.HTTPCode != 0, f.HTTPCode),
		some(f.RetryDelay != 0, f.RetryDelay), f.RejectedItems)
}

// goExporter fails as it is told last, behind the Collector's exporter helper.
func goExporter(t *testing.T) (consumer.Logs, func(verdict)) {
	t.Helper()
	fails, set := failing(t)
	e, err := exporterhelper.NewLogs(t.Context(),
		exportertest.NewNopSettings(component.MustNewType("failing")), struct{}{}, fails.ConsumeLogs)
	require.NoError(t, err)
	running(t, e)
	return e, set
}

// Guarantees: what an exporter says of a batch is what a sender in Rust hears of it, whole, for
// every code, delay and count: of an exporter in Go, behind a processor in Rust too, and of one in
// Rust.
func TestASenderInRustHearsEveryVerdict(t *testing.T) {
	inGo, set := goExporter(t)
	behind, setBehind := goExporter(t)
	f := forms()[0]
	for name, w := range map[string]way{
		"Go": {inGo, set},
		"Go, behind a processor": {
			start(t, f.spec(chain(deleteA)), f.transport, behind), setBehind,
		},
		"Rust": {logsExporter(t, plainly(nil), nil), nil},
	} {
		t.Run(name, func(t *testing.T) { hearsEvery(t, w) })
	}
}

func hearsEvery(t *testing.T, w way) {
	all := verdicts()
	byText, steps := map[string]verdict{}, []any{}
	for _, v := range all {
		byText[v.String()] = v
		steps = append(steps, sends("logs", v.String()))
	}
	sent, heard := sources(t, nil, func(ctx context.Context, says string) error {
		if w.set != nil {
			w.set(byText[says])
			says = "hello"
		}
		return w.next.ConsumeLogs(ctx, order(2, says))
	}, steps...)
	for _, v := range all {
		require.Equal(t, v.String(), soon(t, sent).text)
		want := v.failure()
		if w.set != nil { // a Go error that is permanent has a delay in its status only
			want = *control.FailureFrom(v.err())
		}
		name, what, _ := strings.Cut(soon(t, heard), ": ")
		require.Equal(t, v.String(), name)
		require.True(t, strings.HasPrefix(what, told(&want)), "%s: %s", told(&want), what)
	}
}

// overTheNetwork is the Collector's OTLP exporter in Go, and its receiver before a consumer.
func overTheNetwork(t *testing.T, next consumer.Logs) consumer.Logs {
	t.Helper()
	r, at := otlpreceiver.NewFactory(), free(t)
	cfg := configured(t, r, map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": at},
	}})
	receives, err := r.CreateLogs(t.Context(), receivertest.NewNopSettings(r.Type()), cfg, next)
	require.NoError(t, err)
	running(t, receives)
	e := otlpexporter.NewFactory()
	cfg = configured(t, e, plainly(map[string]any{
		"endpoint": at, "tls": map[string]any{"insecure": true},
	}))
	exports, err := e.CreateLogs(t.Context(), exportertest.NewNopSettings(e.Type()), cfg)
	require.NoError(t, err)
	running(t, exports)
	return exports
}

// Guarantees: a receiver in Rust hears of an exporter in Rust behind another Collector what it
// hears of one in Go there, over the real exporter and receiver of OTLP.
func TestASenderInRustHearsOfAnotherCollector(t *testing.T) {
	fails, set := failing(t)
	inGo := overTheNetwork(t, fails)
	inRust := overTheNetwork(t, logsExporter(t, plainly(nil), nil))
	want, all, steps := map[string]string{}, verdicts(), []any{}
	for _, v := range all {
		set(v)
		want[v.String()] = told(control.FailureFrom(inGo.ConsumeLogs(t.Context(), order(2, "hello"))))
		steps = append(steps, sends("logs", v.String()))
	}
	sent, heard := sources(t, nil, func(ctx context.Context, says string) error {
		return inRust.ConsumeLogs(ctx, order(2, says))
	}, steps...)
	for range all {
		says := soon(t, sent).text
		name, what, _ := strings.Cut(soon(t, heard), ": ")
		require.Equal(t, says, name)
		require.True(t, strings.HasPrefix(what, want[says]), "%s, in Go %s: %s", says, want[says], what)
	}
}

// Guarantees: among many callers, some of whom leave or hurry, each hears what its own batch says,
// whole, or that it has left itself; and nothing stays in flight.
func TestVerdictsAmongCancels(t *testing.T) {
	all := verdicts()
	for _, k := range kinds() {
		if !k.takes() {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			o := k.instance(t, "busy", k.fails())
			o.start(t)
			var callers sync.WaitGroup
			for range 16 {
				callers.Go(func() {
					for range 100 {
						v := all[rand.IntN(len(all))]
						if err := saysOrLeaves(t.Context(), o, v); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			callers.Wait()
			require.NoError(t, o.stop(patience))
		})
	}
}

// saysOrLeaves makes a call that fails in one way, of a caller that may leave before.
func saysOrLeaves(ctx context.Context, o one, v verdict) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	leaves := true
	switch rand.IntN(4) {
	case 0:
		time.AfterFunc(time.Duration(rand.IntN(1000))*time.Microsecond, cancel)
	case 1:
		limited, end := context.WithTimeout(ctx, time.Duration(rand.IntN(1000))*time.Microsecond)
		defer end()
		ctx = limited
	default:
		leaves = false
	}
	err := o.give(ctx, 3, v.String())
	left := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if leaves && left {
		return nil
	}
	f, is := errors.AsType[*control.Failure](err)
	want := v.failure()
	if !is {
		return fmt.Errorf("%s: heard %w", v, err)
	}
	got := *f
	got.Message, got.Component = "", ""
	if got != want {
		return fmt.Errorf("%s: heard %+v", v, got)
	}
	return nil
}
