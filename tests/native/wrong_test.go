package native

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/strait-data/strait/go/rustcomponent"
)

// Components of every kind that err, panic, hang, leak or end in each of their methods: who is
// told, and that nobody else is harmed.
// These tests are the last of the package: rings whose batches are leaked stay mapped, and a thread
// that is held keeps its own a while, which others would find among theirs.

// kind makes components of one of the crates of tests/peers.
type kind struct {
	name    string
	factory component.Factory
	// create makes an instance between the test and its sink.
	create func(
		ctx context.Context, set component.TelemetrySettings, id component.ID, cfg component.Config,
		next *sink,
	) (component.Component, error)
}

// theKind is the one of this name.
func theKind(name string) kind {
	all := kinds()
	return all[slices.IndexFunc(all, func(k kind) bool { return k.name == name })]
}

func kinds() []kind {
	receives := rustcomponent.NewReceiver(crate("source"))
	processes := rustcomponent.NewProcessor(rustcomponent.Metadata{
		Type: "faulty", Crate: "faulty", Version: "0.1.0", Logs: level,
	})
	exports, connects := rustcomponent.NewExporter(crate("outlet")), tallies()
	return []kind{
		{"receiver", receives, func(
			ctx context.Context, in component.TelemetrySettings, id component.ID, cfg component.Config,
			next *sink,
		) (component.Component, error) {
			set := receivertest.NewNopSettings(id.Type())
			set.ID, set.TelemetrySettings = id, in
			return receives.CreateLogs(ctx, set, cfg, next)
		}},
		{"processor", processes, func(
			ctx context.Context, in component.TelemetrySettings, id component.ID, cfg component.Config,
			next *sink,
		) (component.Component, error) {
			set := processortest.NewNopSettings(id.Type())
			set.ID, set.TelemetrySettings = id, in
			return processes.CreateLogs(ctx, set, cfg, next)
		}},
		{"exporter", exports, func(
			ctx context.Context, in component.TelemetrySettings, id component.ID, cfg component.Config,
			_ *sink,
		) (component.Component, error) {
			set := exportertest.NewNopSettings(id.Type())
			set.ID, set.TelemetrySettings = id, in
			return exports.CreateLogs(ctx, set, cfg)
		}},
		{"connector", connects, func(
			ctx context.Context, in component.TelemetrySettings, id component.ID, cfg component.Config,
			next *sink,
		) (component.Component, error) {
			set := connectortest.NewNopSettings(id.Type())
			set.ID, set.TelemetrySettings = id, in
			return connects.CreateLogsToLogs(ctx, set, cfg, next)
		}},
	}
}

// those that batches enter.
func (k kind) takes() bool { return k.name != "receiver" }

// fails is the configuration in which these methods, and what they meet, follow each other.
func (k kind) fails(methods ...string) map[string]any {
	meets := map[string]any{}
	for i := 0; i < len(methods); i += 2 {
		meets[methods[i]] = methods[i+1]
	}
	values := map[string]any{"fails": meets}
	switch k.name {
	case "exporter":
		return plainly(values)
	case "receiver":
		values["steps"] = []any{sends("logs", "hello")}
	}
	return values
}

// one is an instance, and what can be seen of it.
type one struct {
	component.Component
	id   string
	host *asked
	next *sink
	log  *observer.ObservedLogs
}

// instance makes one that is not started.
func (k kind) instance(t *testing.T, name string, values map[string]any) one {
	t.Helper()
	return k.within(t, componenttest.NewNopTelemetrySettings(), name, values)
}

// within is instance, with a telemetry whose logger is another's.
func (k kind) within(
	t *testing.T, set component.TelemetrySettings, name string, values map[string]any,
) one {
	t.Helper()
	core, log := observer.New(zap.ErrorLevel)
	set.Logger = zap.New(core)
	id := component.NewIDWithName(k.factory.Type(), name)
	next := new(sink)
	c, err := k.create(t.Context(), set, id, configured(t, k.factory, values), next)
	require.NoError(t, err)
	return one{c, id.String(), newAsked(), next, log}
}

// made makes and starts one that cannot be, and ends it.
func (k kind) made(t *testing.T, values map[string]any) error {
	t.Helper()
	cfg, set := configured(t, k.factory, values), componenttest.NewNopTelemetrySettings()
	id := component.NewIDWithName(k.factory.Type(), "bad")
	c, err := k.create(t.Context(), set, id, cfg, new(sink))
	if err != nil {
		return err
	}
	err = c.Start(t.Context(), newAsked())
	require.NoError(t, c.Shutdown(context.WithoutCancel(t.Context())))
	return err
}

func (o one) start(t *testing.T) {
	t.Helper()
	require.NoError(t, o.Start(t.Context(), o.host))
}

// stop ends it within a time; the error is its own.
func (o one) stop(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return o.Shutdown(ctx)
}

// give hands it logs that say something.
func (o one) give(ctx context.Context, n int, says string) error {
	return o.Component.(consumer.Logs).ConsumeLogs(ctx, order(n, says))
}

// neighbour is another instance of the kind beside a bad one; check says that it never noticed. Its
// log is not looked at: a panic where no component is goes to any.
func (k kind) neighbour(t *testing.T) (check func()) {
	t.Helper()
	o := k.instance(t, "neighbour", k.fails())
	o.start(t)
	var work sync.WaitGroup
	done, delivered := make(chan struct{}), 0
	if k.takes() {
		work.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := o.give(context.Background(), 3, "hello"); err != nil {
					t.Errorf("the neighbour: %v", err)
					return
				}
				delivered++
			}
		})
	}
	return func() {
		close(done)
		work.Wait()
		require.NoError(t, o.stop(patience))
		require.Empty(t, o.host.heard)
		switch k.name {
		case "processor":
			require.Equal(t, 3*delivered, o.next.count())
		case "connector":
			require.Equal(t, delivered, o.next.count())
		case "receiver":
			require.Equal(t, 2, o.next.count(), "the batch, and what became of it")
		}
	}
}

// eachKind runs a test beside a neighbour.
func eachKind(t *testing.T, test func(t *testing.T, k kind)) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			check := k.neighbour(t)
			test(t, k)
			check()
		})
	}
}

// Guarantees: what a factory says of a configuration that it does not like, in an error or a
// panic, refuses the configuration or the start, and names the component; a later start of a good
// one works.
func TestFactoriesThatAreBad(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		for how, says := range map[string]string{
			"error": "told to fail in ", "panic": "told to panic in ",
		} {
			cfg := k.factory.CreateDefaultConfig()
			err := confmap.NewFromStringMap(k.fails("validate", how)).Unmarshal(cfg)
			if err == nil {
				err = confmap.Validate(cfg)
			}
			require.ErrorContains(t, err, says+"validate")

			o := k.instance(t, "bad", k.fails("create", how))
			err = o.Start(t.Context(), o.host)
			require.ErrorContains(t, err, says+"create")
			require.ErrorContains(t, err, o.id)
			require.NoError(t, o.stop(patience))
			require.Empty(t, o.host.heard)
		}
		if k.takes() {
			err := k.made(t, k.fails("access", "panic"))
			require.ErrorContains(t, err, "told to panic in access")
			require.ErrorContains(t, err, k.factory.Type().String()+"/bad")
		}
		good := k.instance(t, "bad", k.fails())
		good.start(t)
		require.NoError(t, good.stop(patience))
	})
}

// Guarantees: a start that takes longer than its caller waits ends with the caller's deadline, and
// leaves nothing that a shutdown has to wait for.
func TestAStartThatTakesTooLong(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		o := k.instance(t, "bad", k.fails("create", "block"))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, o.Start(ctx, o.host), context.DeadlineExceeded)
		require.NoError(t, o.stop(patience))
	})
}

// Guarantees: a batch that a component fails, panics or hangs on ends with its caller knowing
// which, and costs no other: what is given meanwhile and later is delivered, to the item.
func TestBatchesThatAreBad(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		if !k.takes() {
			return
		}
		o := k.instance(t, "bad", k.fails())
		o.start(t)
		bad := []string{"permanent", "retryable", "panic", "sleep 300"}
		if k.name == "exporter" {
			bad = append(bad, "hang")
		}
		good := 0
		for range 3 {
			for _, says := range bad {
				ctx, cancel := context.WithCancel(t.Context())
				hangs := says == "sleep 300" || says == "hang"
				if hangs {
					ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
				}
				err := o.give(ctx, 3, says)
				cancel()
				if hangs {
					require.ErrorIs(t, err, context.DeadlineExceeded, says)
				} else {
					require.ErrorContains(t, err, o.id, says)
					require.ErrorContains(t, err, "told to", says)
					require.Equal(t, says != "retryable", consumererror.IsPermanent(err), says)
				}
				require.NoError(t, o.give(t.Context(), 5, "hello"))
				good++
			}
		}
		require.NoError(t, o.stop(time.Second), "what hangs is dropped then")
		require.Empty(t, o.host.heard)
		if k.name != "exporter" {
			items := 5 * good
			if k.name == "connector" {
				items = good
			}
			require.Equal(t, items, o.next.count())
		}
	})
}

// Guarantees: batches that a component keeps for ever cost the room that they are in, no more: the
// others are delivered while there is any; where a processor keeps what lies in the ring, callers
// hear that it is full, in time; the shutdown ends.
func TestBatchesThatAreLeaked(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		if !k.takes() {
			return
		}
		values := k.fails()
		values["runtime"] = map[string]any{"rust": map[string]any{
			"max_wait": "100ms", "ring": map[string]any{"descriptors": 16, "size_mib": 1},
		}}
		o := k.instance(t, "bad", values)
		o.start(t)
		var err error
		leaks := 0
		for ; err == nil && leaks < 1000; leaks++ {
			err = o.give(t.Context(), 3, "leak")
		}
		if k.name == "processor" {
			require.Error(t, err, "the ring has room for fewer batches than %d", leaks)
		}
		require.False(t, consumererror.IsPermanent(err), "%v", err)
		require.Greater(t, leaks, 3)
		require.NoError(t, o.stop(patience))
		again := k.instance(t, "bad", values)
		again.start(t)
		require.NoError(t, again.give(t.Context(), 3, "hello"))
		require.NoError(t, again.stop(patience))
	})
}

// Guarantees: what fails where no batch waits is the component's status, with its name and the
// reason: a receiver that ends in any way for good, a connector's flush until it works again.
func TestWorkInTheBackgroundThatIsBad(t *testing.T) {
	for _, c := range []struct {
		kind, method, how, says string
	}{
		{"receiver", "run", "error", "StatusPermanentError: source/bad: run: told to fail in run"},
		{
			"receiver", "run", "panic",
			"StatusPermanentError: source/bad: panic in run: told to panic in run",
		},
		{
			"receiver", "run", "end",
			"StatusPermanentError: source/bad: it has ended by itself, and receives nothing any more",
		},
		{
			"connector", "flush", "error",
			"StatusRecoverableError: tally/bad: flush: told to fail in flush",
		},
		{
			"connector", "flush", "panic",
			"StatusRecoverableError: tally/bad: panic in flush: told to panic in flush",
		},
	} {
		k := theKind(c.kind)
		t.Run(k.name+" "+c.how, func(t *testing.T) {
			check := k.neighbour(t)
			values := k.fails(c.method, c.how)
			if k.takes() {
				values["flush"] = 20
			}
			o := k.instance(t, "bad", values)
			o.start(t)
			require.Equal(t, c.says, soon(t, o.host.heard))
			if k.takes() {
				require.NoError(t, o.give(t.Context(), 3, "hello"), "batches go on")
				require.Equal(t, 1, o.next.count())
			} else {
				require.Equal(t, 2, o.next.count(), "what it had sent is delivered, and was answered")
			}
			require.NoError(t, o.stop(patience))
			check()
		})
	}
}

// Guarantees: a connector whose timer panics starts, and takes batches, without one.
func TestATimerThatPanics(t *testing.T) {
	k := theKind("connector")
	check := k.neighbour(t)
	o := k.instance(t, "bad", k.fails("flush_every", "panic"))
	o.start(t)
	require.NoError(t, o.give(t.Context(), 3, "keep"))
	require.NoError(t, o.stop(patience))
	require.Equal(t, 1, o.next.count(), "what it kept is flushed at the end")
	check()
}

// Guarantees: an end that fails or panics is in the log under the component's name, and costs
// nothing; one that does not come costs the time that the shutdown was given, and no more. What was
// delivered before stays so, and nobody else notices.
func TestEndsThatAreBad(t *testing.T) {
	const hurried = 400 * time.Millisecond
	eachKind(t, func(t *testing.T, k kind) {
		method, hangs := "shutdown", []string{"block"}
		switch k.name {
		case "receiver":
			method, hangs = "run", []string{"block", "hang"}
		case "exporter":
			hangs = []string{"block", "hang"}
		case "connector":
			method = "flush"
		}
		for how, says := range map[string]string{
			"error": "told to fail in ", "panic": "told to panic in ",
		} {
			o := k.instance(t, "bad", k.fails(method, how))
			o.start(t)
			if k.takes() {
				require.NoError(t, o.give(t.Context(), 3, "hello"))
			}
			require.NoError(t, o.stop(patience))
			require.True(t, slices.ContainsFunc(o.log.All(), func(e observer.LoggedEntry) bool {
				text := e.Message
				for _, f := range e.Context {
					text += " " + f.String
				}
				return strings.Contains(text, says+method) && strings.Contains(text, o.id)
			}), "%s: %v", how, o.log.All())
		}
		for _, how := range hangs {
			o := k.instance(t, "bad", k.fails(method, how))
			o.start(t)
			if k.takes() {
				require.NoError(t, o.give(t.Context(), 3, "hello"))
			}
			if err := o.stop(hurried); how == "block" {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.NoError(t, err, "it is dropped")
			}
		}
	})
}
