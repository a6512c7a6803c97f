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

// goExporter fails as each batch says, behind the Collector's exporter helper.
func goExporter(t *testing.T) consumer.Logs {
	t.Helper()
	e, err := exporterhelper.NewLogs(t.Context(),
		exportertest.NewNopSettings(component.MustNewType("failing")), struct{}{},
		asSaid(t).ConsumeLogs)
	require.NoError(t, err)
	running(t, e)
	return e
}

// Guarantees: what an exporter says of a batch is what a sender in Rust hears of it, whole, for
// every code, delay and count: of an exporter in Go, behind a processor in Rust too, and of one in
// Rust.
func TestASenderInRustHearsEveryVerdict(t *testing.T) {
	f := forms()[0]
	ofGo := func(v verdict) control.Failure { // what is permanent has a delay in its status only
		return *control.FailureFrom(v.err())
	}
	for name, w := range map[string]struct {
		next consumer.Logs
		want func(verdict) control.Failure
	}{
		"Go":                     {goExporter(t), ofGo},
		"Go, behind a processor": {start(t, f.spec(chain(deleteA)), f.transport, goExporter(t)), ofGo},
		"Rust":                   {logsExporter(t, plainly(nil), nil), verdict.failure},
	} {
		t.Run(name, func(t *testing.T) {
			all := verdicts()
			sent, heard := sources(t, nil, func(ctx context.Context, says string) error {
				return w.next.ConsumeLogs(ctx, order(2, says))
			}, sendsEvery(all)...)
			for _, v := range all {
				require.Equal(t, v.String(), soon(t, sent).text)
				want := w.want(v)
				name, what, _ := strings.Cut(soon(t, heard), ": ")
				require.Equal(t, v.String(), name)
				require.True(t, strings.HasPrefix(what, told(&want)), "%s: %s", told(&want), what)
			}
		})
	}
}

// sendsEvery are a source's steps, one for each verdict.
func sendsEvery(all []verdict) (steps []any) {
	for _, v := range all {
		steps = append(steps, sends("logs", v.String()))
	}
	return steps
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
	return overGRPC(t, at)
}

// overGRPC is the Collector's OTLP exporter in Go.
func overGRPC(t *testing.T, at string) consumer.Logs {
	t.Helper()
	e := otlpexporter.NewFactory()
	cfg := configured(t, e, plainly(map[string]any{
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
	inGo := overTheNetwork(t, asSaid(t))
	inRust := overTheNetwork(t, logsExporter(t, plainly(nil), nil))
	want, all := map[string]string{}, verdicts()
	for _, v := range all {
		err := inGo.ConsumeLogs(t.Context(), order(2, v.String()))
		want[v.String()] = told(control.FailureFrom(err))
	}
	sent, heard := sources(t, nil, func(ctx context.Context, says string) error {
		return inRust.ConsumeLogs(ctx, order(2, says))
	}, sendsEvery(all)...)
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
	ctx, leaves, end := mayLeave(ctx)
	defer end()
	err := o.give(ctx, 3, v.String())
	if leaves && isContexts(err) {
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

// mayLeave is the context of a caller that may leave, or hurry, and whether it does.
func mayLeave(ctx context.Context) (_ context.Context, leaves bool, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	soon := time.Duration(rand.IntN(1000)) * time.Microsecond
	switch rand.IntN(4) {
	case 0:
		time.AfterFunc(soon, cancel)
	case 1:
		limited, ends := context.WithTimeout(ctx, soon)
		return limited, true, func() { ends(); cancel() }
	default:
		return ctx, false, cancel
	}
	return ctx, true, cancel
}

func isContexts(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
