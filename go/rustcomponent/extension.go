package rustcomponent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/otel/attribute"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/hostcalls"
	"github.com/strait-data/strait/go/process"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/sinks"
	"github.com/strait-data/strait/go/unit"
)

const (
	// createLimit bounds what Rust does on the caller's own thread.
	createLimit = 10 * time.Second
	// shutdownLimit is the deadline of a shutdown whose context has none: less than what a process
	// is usually given.
	shutdownLimit = 20 * time.Second
	// abortLimit is what Rust gets to end an instance whose start failed, or whose caller has given
	// up.
	abortLimit = 2 * time.Second
	// notifyLimit bounds what an extension may do about an event that the Collector waits for.
	notifyLimit = 30 * time.Second
)

// NewExtension makes the factory of an extension.
func NewExtension(m Metadata) extension.Factory {
	return extension.NewFactory(component.MustNewType(m.Type),
		func() component.Config {
			return rustconfig.New(string(unit.KindExtension), m.Type)
		},
		func(
			ctx context.Context, set extension.Settings, cfg component.Config,
		) (extension.Extension, error) {
			return create(ctx, m, set, cfg.(*rustconfig.Config))
		}, m.Stability)
}

// instance is the host's side of one Rust extension, from Create to Shutdown.
type instance struct {
	id        component.ID
	metadata  Metadata
	telemetry component.TelemetrySettings
	created   created
	rust      *rust // nil: this program has no Rust part
	events    *events

	stopping sync.Mutex // held by Start and Shutdown: each waits for the other's end
	mu       sync.Mutex // of what follows; never held while anything waits
	state    state
	cancel   context.CancelFunc // of the start that is under way
	statuses *sinks.Statuses    // from Start on
	unwatch  func()             // stops the delivery of events
	release  []func()
}

type state int

const (
	stateNew state = iota
	stateStarting
	stateRunning
	stateStopped
)

// created is what Rust says of an instance that it has made.
type created struct {
	Capabilities struct {
		ClientAuth       bool `json:"client_auth"`
		NeedsTLS         bool `json:"needs_tls"`
		ServerAuth       bool `json:"server_auth"`
		WatchesConfig    bool `json:"watches_config"`
		WatchesPipelines bool `json:"watches_pipelines"`
		WatchesStatuses  bool `json:"watches_statuses"`
	} `json:"capabilities"`
	Dependencies []string `json:"dependencies"`

	dependencies []component.ID
}

// create makes the instance in Rust too, which has no effect outside it: no thread, no file, no
// socket.
func create(
	ctx context.Context, m Metadata, set extension.Settings, cfg *rustconfig.Config,
) (extension.Extension, error) {
	i := &instance{
		id: set.ID, metadata: m, telemetry: set.TelemetrySettings,
		events: newEvents(), unwatch: func() {},
	}
	peer, err := control.Bind()
	if errors.Is(err, control.ErrNoPeer) {
		return i, nil // Start says what to do
	}
	if err != nil {
		return nil, err
	}
	i.rust = &rust{peer: peer, handle: control.NextHandle(), id: set.ID.String()}
	logs := sinks.Logs(i.rust.handle, set.Logger)
	if err := i.createInRust(ctx, cfg); err != nil {
		logs()
		return nil, err
	}
	i.release = []func(){logs}
	// The Collector forgets what it created when it cannot create the rest.
	cleanup := runtime.AddCleanup(i, forget, forgotten{i.rust, logs})
	i.release = append(i.release, cleanup.Stop)
	return i.withCapabilities(), nil
}

func (i *instance) createInRust(ctx context.Context, cfg *rustconfig.Config) error {
	ctx, cancel := context.WithTimeout(ctx, createLimit)
	defer cancel()
	request := struct {
		Kind   unit.Kind       `json:"kind"`
		ID     string          `json:"id"`
		Type   string          `json:"type"`
		Config json.RawMessage `json:"config"`
	}{unit.KindExtension, i.rust.id, i.metadata.Type, cfg.JSON()}
	if err := i.rust.call(ctx, control.Create, request, &i.created); err != nil {
		return err
	}
	for _, text := range i.created.Dependencies {
		var id component.ID
		err := id.UnmarshalText([]byte(text))
		if err == nil && id == i.id { // the Collector would panic
			err = errors.New("an extension cannot depend on itself")
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s depends on %q: %w", i.id, text, err), i.rust.end(ctx))
		}
		i.created.dependencies = append(i.created.dependencies, id)
	}
	return nil
}

// forgotten is what is left of an instance that nobody shut down.
type forgotten struct {
	rust *rust
	logs func()
}

func forget(f forgotten) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), abortLimit)
		defer cancel()
		_ = f.rust.end(ctx) // nobody is left to tell
		f.logs()
	}()
}

// Start starts the Rust side, within the context's deadline. On an error nothing stays open.
func (i *instance) Start(ctx context.Context, host component.Host) error {
	i.stopping.Lock()
	defer i.stopping.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := i.begin(cancel); err != nil {
		return err
	}
	if err := i.start(ctx, host); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
		defer cancel()
		return errors.Join(err, i.close(stop))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.state, i.cancel = stateRunning, nil
	return nil
}

// begin makes the instance one that starts, which Shutdown can cancel.
func (i *instance) begin(cancel context.CancelFunc) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.state != stateNew {
		return fmt.Errorf("%s was started or shut down before: an extension starts once", i.id)
	}
	i.state, i.cancel = stateStarting, cancel
	return nil
}

func (i *instance) start(ctx context.Context, host component.Host) error {
	if i.rust == nil {
		_, err := control.Bind()
		return err
	}
	if err := i.metadata.description(unit.KindExtension).Check(); err != nil {
		return err
	}
	statuses := sinks.Status(i.rust.handle, func(e *componentstatus.Event) {
		componentstatus.ReportStatus(host, e)
	})
	i.mu.Lock()
	i.statuses = statuses
	i.mu.Unlock()
	i.release = append(i.release,
		statuses.Release,
		hostcalls.Answer(i.rust.handle, hostcalls.Component{
			Kind: component.KindExtension, ID: i.id,
		}, host),
		process.Measure(i.telemetry, i.rust.peer),
		sinks.Telemetry(i.rust.peer, i.rust.handle, i.telemetry, []attribute.KeyValue{
			attribute.String("otelcol.component.id", i.rust.id),
			attribute.String("otelcol.component.kind", string(unit.KindExtension)),
		}),
	)
	if err := i.rust.call(ctx, control.Start, struct{}{}, nil); err != nil {
		return err
	}
	if err := statuses.Fatal(); err != nil {
		return fmt.Errorf("%s: start: a fatal status: %w", i.id, err)
	}
	if i.created.Capabilities.WatchesStatuses {
		i.unwatch = i.events.deliver(i.rust, i.telemetry.Logger)
	}
	return nil
}

// Shutdown ends the Rust side, within the context's deadline; a start that is under way is
// cancelled. It is safe without Start, and twice.
func (i *instance) Shutdown(ctx context.Context) error {
	i.mu.Lock()
	if i.cancel != nil {
		i.cancel()
	}
	i.mu.Unlock()
	i.stopping.Lock()
	defer i.stopping.Unlock()
	i.mu.Lock()
	ended := i.state == stateStopped
	i.mu.Unlock()
	if ended {
		return nil
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownLimit)
		defer cancel()
	}
	if ctx.Err() != nil { // Rust must hear of it in any case
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
		defer cancel()
	}
	return i.close(ctx)
}

// close ends what create and start began, whatever they got to.
func (i *instance) close(ctx context.Context) error {
	i.mu.Lock()
	i.state, i.cancel = stateStopped, nil
	release := i.release
	i.release = nil
	i.mu.Unlock()
	i.unwatch()
	var err error
	if i.rust != nil {
		err = i.rust.end(ctx)
	}
	for _, r := range release {
		r()
	}
	return err
}

// Dependencies are the extensions that start before this one and stop after it.
func (i *instance) Dependencies() []component.ID { return i.created.dependencies }

// rust is the Rust side of one instance.
type rust struct {
	peer   *control.Peer
	handle uint64
	id     string
}

// call runs an operation with JSON both ways. The error names the instance.
func (r *rust) call(ctx context.Context, kind control.OpKind, payload, reply any) error {
	b, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", r.id, kind, err)
	}
	b, err = r.peer.Call(ctx, kind, r.handle, b)
	if err != nil {
		if e, ok := errors.AsType[*control.OperationError](err); ok && e.Component != "" {
			return err
		}
		return fmt.Errorf("%s: %w", r.id, err)
	}
	if reply == nil {
		return nil
	}
	if err := json.Unmarshal(b, reply); err != nil {
		return fmt.Errorf("%s: %s: the Rust side's answer is not what this version expects: %w",
			r.id, kind, err)
	}
	return nil
}

// ask is a capability call.
func (r *rust) ask(ctx context.Context, question, reply any) error {
	return r.call(ctx, control.Capability, question, reply)
}

func (r *rust) end(ctx context.Context) error {
	return r.call(ctx, control.Shutdown, struct{}{}, nil)
}
