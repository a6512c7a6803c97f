package native

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/strait-data/strait/go/otapprocessor"
	"github.com/strait-data/strait/go/rustcomponent"
)

// The Collector's contracts on each component of examples/ that is part of a pipeline, and on otap.

// example is what the crate of an example says of its component.
func example(typ, name string) rustcomponent.Metadata {
	const level = component.StabilityLevelAlpha
	m := rustcomponent.Metadata{Type: typ, Crate: name, Version: "0.1.0"}
	if typ == "log_count" {
		m.LogsToMetrics = level
	} else {
		m.Logs = level
	}
	return m
}

// exampleProcessors are the processors, each with a configuration that keeps all items.
func exampleProcessors() map[processor.Factory]map[string]any {
	return map[processor.Factory]map[string]any{
		rustcomponent.NewProcessor(example("mask_cards", "mask-cards")): {},
		rustcomponent.NewProcessor(example("redact", "redact")): {
			"patterns": []any{"[0-9]{3}"}, "delete": []any{"password"}, "hash": []any{"user"},
			"hash_key": "a secret of the test's own",
		},
		otapprocessor.NewFactory(): {
			"fidelity": "best_effort", "nodes": chain(node("retry", map[string]any{})),
		},
	}
}

func logCount() connector.Factory {
	return rustcomponent.NewConnector(example("log_count", "count"))
}

func fileLines() receiver.Factory {
	return rustcomponent.NewReceiver(example("file_lines", "file-lines"))
}

// Guarantees: the Collector's own suite of processors holds for each: what was given is handed on
// before the shutdown ends, for every signal that it has.
func TestVerifyShutdown(t *testing.T) {
	for f, values := range exampleProcessors() {
		t.Run(f.Type().String(), func(t *testing.T) {
			processortest.VerifyShutdown(t, f, configured(t, f, values))
		})
	}
}

// made makes an example anew for each lifecycle.
type made struct {
	factory component.Factory
	values  map[string]any
	create  func(context.Context, component.ID, component.Config) (component.Component, error)
}

// examples are all of them, of every kind.
func examples(t *testing.T) []made {
	next := consumertest.NewNop()
	lines, count := fileLines(), logCount()
	all := []made{{
		lines, map[string]any{"path": filepath.Join(t.TempDir(), "log")},
		func(ctx context.Context, id component.ID, cfg component.Config) (component.Component, error) {
			set := receivertest.NewNopSettings(lines.Type())
			set.ID = id
			return lines.CreateLogs(ctx, set, cfg, next)
		},
	}, {
		count, map[string]any{"interval": "1h"},
		func(ctx context.Context, id component.ID, cfg component.Config) (component.Component, error) {
			set := connectortest.NewNopSettings(count.Type())
			set.ID = id
			return count.CreateLogsToMetrics(ctx, set, cfg, next)
		},
	}}
	for f, values := range exampleProcessors() {
		all = append(all, made{
			f, values,
			func(ctx context.Context, id component.ID, cfg component.Config) (component.Component, error) {
				set := processortest.NewNopSettings(f.Type())
				set.ID = id
				return f.CreateLogs(ctx, set, cfg, next)
			},
		})
	}
	return all
}

// Guarantees: an example's configuration is one of the Collector's; it ends without a start, and
// twice; it starts, takes logs where its kind does, ends, and another of the same id does so again;
// two instances run beside each other.
func TestExamplesComeAndGo(t *testing.T) {
	for _, one := range examples(t) {
		t.Run(one.factory.Type().String(), func(t *testing.T) {
			require.NoError(t, componenttest.CheckConfigStruct(one.factory.CreateDefaultConfig()))
			create := func(name string) component.Component {
				cfg := configured(t, one.factory, one.values)
				c, err := one.create(t.Context(), component.NewIDWithName(one.factory.Type(), name), cfg)
				require.NoError(t, err)
				return c
			}
			unstarted := create("a")
			require.NoError(t, unstarted.Shutdown(t.Context()))
			require.NoError(t, unstarted.Shutdown(t.Context()))
			running(t, create("beside"))
			for range 2 {
				c := create("a")
				require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
				if takes, is := c.(consumer.Logs); is {
					require.NoError(t, takes.ConsumeLogs(t.Context(), logs(10)))
				}
				require.NoError(t, c.Shutdown(t.Context()))
				require.NoError(t, c.Shutdown(t.Context()))
			}
		})
	}
}

// writer appends lines to the file that file_lines follows, each when one before it was seen.
type writer struct {
	t    *testing.T
	path string
	last atomic.Int64
	one  sync.Mutex
	file *os.File
	seen chan struct{}
}

func (w *writer) Start() {
	var err error
	w.file, err = os.OpenFile(w.path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(w.t, err)
	w.seen = make(chan struct{}, 1)
	w.seen <- struct{}{}
}

// Stop makes place for the next receiver, which begins with what is in the file.
func (w *writer) Stop() {
	require.NoError(w.t, w.file.Close())
	require.NoError(w.t, os.Remove(w.path))
}

func (w *writer) Generate() []receivertest.UniqueIDAttrVal {
	w.one.Lock()
	defer w.one.Unlock()
	<-w.seen // so that there are many batches, and verdicts
	id := fmt.Sprint(w.last.Add(1))
	_, err := w.file.WriteString(id + "\n")
	require.NoError(w.t, err)
	return []receivertest.UniqueIDAttrVal{receivertest.UniqueIDAttrVal(id)}
}

// named gives each log its body as the suite's id, and asks to have a batch back soon.
func (w *writer) named(next consumer.Logs) (consumer.Logs, error) {
	return consumer.NewLogs(func(ctx context.Context, d plog.Logs) error {
		for _, rl := range d.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					lr.Attributes().PutStr(receivertest.UniqueIDAttrName, lr.Body().Str())
				}
			}
		}
		err := next.ConsumeLogs(ctx, d)
		if err != nil && !consumererror.IsPermanent(err) {
			return exporterhelper.NewThrottleRetry(err, time.Millisecond)
		}
		select {
		case w.seen <- struct{}{}:
		default:
		}
		return err
	})
}

// Guarantees: the Collector's contract of receivers holds for file_lines: what the pipelines take
// or refuse for good is sent once, and what they do not take is sent again, as soon as they ask.
func TestFileLinesKeepsTheContract(t *testing.T) {
	f, w := fileLines(), &writer{t: t, path: filepath.Join(t.TempDir(), "log")}
	behind := receiver.NewFactory(f.Type(), f.CreateDefaultConfig, receiver.WithLogs(
		func(
			ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
		) (receiver.Logs, error) {
			named, err := w.named(next)
			if err != nil {
				return nil, err
			}
			return f.CreateLogs(ctx, set, cfg, named)
		}, f.LogsStability()))
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T: t, Factory: behind, Signal: pipeline.SignalLogs,
		Config: configured(t, f, map[string]any{
			"path": w.path, "start_at": "beginning", "poll_interval": "1ms",
		}),
		Generator: w, GenerateCount: 100,
	})
}
