package rustcomponent

import (
	"context"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/pipeline"
	"go.uber.org/zap"
)

var (
	_ extensioncapabilities.Dependent             = (*instance)(nil)
	_ extensioncapabilities.ConfigSnapshotWatcher = (*instance)(nil)
	_ extensioncapabilities.PipelineWatcher       = (*instance)(nil)
	_ componentstatus.Watcher                     = (*instance)(nil)
)

type notifyQuestion struct {
	Call  string `json:"call"`
	Event event  `json:"event"`
}

// event is one thing that happened; which fields it has depends on its name.
type event struct {
	Name       string         `json:"event"`
	Effective  map[string]any `json:"effective,omitempty"`
	Unexpanded map[string]any `json:"unexpanded"`
	statusEvent
}

type statusEvent struct {
	ID        string   `json:"id,omitempty"`
	Kind      string   `json:"kind,omitempty"`
	Pipelines []string `json:"pipelines,omitempty"`
	Status    string   `json:"status,omitempty"`
	Error     string   `json:"error,omitempty"`
}

func (r *rust) notify(ctx context.Context, e event) error {
	ctx, cancel := context.WithTimeout(ctx, notifyLimit)
	defer cancel()
	return r.ask(ctx, notifyQuestion{"notify", e}, nil)
}

// NotifyConfigSnapshot tells Rust the Collector's configuration, where it watches that.
func (i *instance) NotifyConfigSnapshot(
	ctx context.Context, snapshot extensioncapabilities.ConfigSnapshot,
) error {
	if !i.created.Capabilities.WatchesConfig {
		return nil
	}
	e := event{Name: "config", Effective: map[string]any{}}
	if effective := snapshot.Effective(); effective != nil {
		e.Effective = effective.ToStringMap()
	}
	if unexpanded := snapshot.Unexpanded(); unexpanded != nil {
		e.Unexpanded = unexpanded.ToStringMap()
	}
	return i.rust.notify(ctx, e)
}

// Ready tells Rust that the receivers run, where it watches pipelines.
func (i *instance) Ready() error {
	i.mu.Lock()
	statuses := i.statuses
	i.mu.Unlock()
	if statuses != nil {
		defer statuses.CollectorRuns()
	}
	return i.notifyPipelines("pipelines_ready")
}

// NotReady tells Rust that the receivers are about to stop, where it watches pipelines.
func (i *instance) NotReady() error { return i.notifyPipelines("pipelines_stopping") }

func (i *instance) notifyPipelines(name string) error {
	// A Collector that could not start is shut down too, and says so to extensions that do not run.
	i.mu.Lock()
	running := i.state == stateRunning
	i.mu.Unlock()
	if !running || !i.created.Capabilities.WatchesPipelines {
		return nil
	}
	return i.rust.notify(context.Background(), event{Name: name})
}

// ComponentStatusChanged keeps the event for Rust, where it watches statuses, and returns at once.
func (i *instance) ComponentStatusChanged(
	source *componentstatus.InstanceID, e *componentstatus.Event,
) {
	if !i.created.Capabilities.WatchesStatuses {
		return
	}
	told := statusEvent{
		ID: source.ComponentID().String(), Kind: strings.ToLower(source.Kind().String()),
		Status: statusName(e.Status()),
	}
	source.AllPipelineIDs(func(id pipeline.ID) bool {
		told.Pipelines = append(told.Pipelines, id.String())
		return true
	})
	if e.Err() != nil {
		told.Error = e.Err().Error()
	}
	i.events.put(event{Name: "status", statusEvent: told})
}

func statusName(s componentstatus.Status) string {
	names := map[componentstatus.Status]string{
		componentstatus.StatusStarting: "starting", componentstatus.StatusOK: "ok",
		componentstatus.StatusRecoverableError: "recoverable_error",
		componentstatus.StatusPermanentError:   "permanent_error",
		componentstatus.StatusFatalError:       "fatal_error", componentstatus.StatusStopping: "stopping",
		componentstatus.StatusStopped: "stopped",
	}
	return names[s]
}

// maxEvents is how many statuses may wait for a Rust side that is slower than they come. The oldest
// go then.
const maxEvents = 1024

// events are statuses on their way to Rust, in order.
type events struct {
	mu      sync.Mutex
	waiting []event
	dropped int
	more    chan struct{} // one place: something waits
}

func newEvents() *events { return &events{more: make(chan struct{}, 1)} }

func (q *events) put(e event) {
	q.mu.Lock()
	if len(q.waiting) == maxEvents {
		q.waiting = q.waiting[1:]
		q.dropped++
	}
	q.waiting = append(q.waiting, e)
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default: // it is known
	}
}

func (q *events) take() (waiting []event, dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, dropped = q.waiting, q.dropped
	q.waiting, q.dropped = nil, 0
	return waiting, dropped
}

// deliver hands events to Rust, one after the other, until stop, which waits for the one under way
// to end.
func (q *events) deliver(r *rust, logger *zap.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-q.more:
			}
			waiting, dropped := q.take()
			if dropped > 0 {
				logger.Warn("statuses came faster than the extension takes them; the oldest were dropped",
					zap.Int("dropped", dropped))
			}
			for _, e := range waiting {
				if err := r.notify(ctx, e); err != nil && ctx.Err() == nil {
					logger.Warn("the extension could not take a status", zap.Error(err))
				}
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
