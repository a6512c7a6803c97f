// Package straitextension is the Collector's extension `strait`: settings of the Rust side of a
// whole process, which no single component carries. A Collector without it runs with the defaults.
package straitextension

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/process"
	"github.com/strait-data/strait/go/rustruntime"
	"github.com/strait-data/strait/go/sinks"
	"github.com/strait-data/strait/go/straitextension/internal/metadata"
	"github.com/strait-data/strait/go/unit"
	"github.com/strait-data/strait/go/whole"
)

// Config is its configuration.
type Config struct {
	// MemoryLimitMiB is how much the Rust components may have allocated together before the
	// Collector stops with a fatal status; 0 is no limit.
	MemoryLimitMiB whole.Number `mapstructure:"memory_limit_mib"`
	// MemorySpikeLimitMiB is how far below the limit they begin to refuse batches, as retryable; 0
	// is a fifth of the limit.
	MemorySpikeLimitMiB whole.Number `mapstructure:"memory_spike_limit_mib"`
	// Runtime is how components run that do not say so themselves.
	Runtime rustruntime.Config `mapstructure:"runtime"`

	// prevent unkeyed literal initialization
	_ struct{}
}

const maxMiB = 1 << 40

// Validate checks what types cannot.
func (c *Config) Validate() error {
	limit, spike := c.MemoryLimitMiB, c.MemorySpikeLimitMiB
	switch {
	case limit < 0 || limit > maxMiB:
		return fmt.Errorf("memory_limit_mib: must be 0 to %d, found %d", int64(maxMiB), limit)
	case spike < 0:
		return fmt.Errorf("memory_spike_limit_mib: must not be negative, found %d", spike)
	case spike > 0 && spike >= limit:
		return fmt.Errorf("memory_spike_limit_mib: must be less than memory_limit_mib (%d), found %d",
			limit, spike)
	default:
		return nil
	}
}

// limitBytes is the limit; Validate has seen that it fits.
func (c *Config) limitBytes() uint64 { return uint64(c.MemoryLimitMiB) << 20 }

// refuseAbove is how many bytes may be allocated before batches are refused; 0: any number.
func (c *Config) refuseAbove() uint64 {
	spike := uint64(c.MemorySpikeLimitMiB) << 20
	if spike == 0 {
		spike = c.limitBytes() / 5
	}
	return c.limitBytes() - spike
}

// NewFactory makes the factory.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type,
		func() component.Config { return &Config{} },
		func(
			_ context.Context, set extension.Settings, cfg component.Config,
		) (extension.Extension, error) {
			return &settings{config: *cfg.(*Config), telemetry: set.TelemetrySettings}, nil
		}, metadata.ExtensionStability)
}

// settings is one instance. A process should have one; of several the last to start counts.
type settings struct {
	config    Config
	telemetry component.TelemetrySettings
	peer      *control.Peer
	handle    uint64
	statuses  *sinks.Statuses
	release   []func()
}

var _ extensioncapabilities.PipelineWatcher = (*settings)(nil)

// limit is how long Rust may take for a setting.
const limit = 10 * time.Second

// Start sets what holds from now on.
func (s *settings) Start(ctx context.Context, host component.Host) error {
	peer, err := control.Bind()
	if errors.Is(err, control.ErrNoPeer) && s.config.MemoryLimitMiB == 0 {
		return nil // nothing is asked of what is not there
	}
	if err != nil {
		return err
	}
	handle := control.NextHandle()
	s.statuses = sinks.Status(handle, func(e *componentstatus.Event) {
		componentstatus.ReportStatus(host, e)
	})
	s.release = []func(){
		sinks.Logs(handle, s.telemetry.Logger), s.statuses.Release,
		unit.SetRuntime(s.config.Runtime.Runtime()), // extensions start before what inherits it
	}
	s.peer, s.handle = peer, handle
	if err := s.operate(ctx, control.Create, `{"kind":"settings"}`); err != nil {
		return errors.Join(err, s.Shutdown(ctx))
	}
	if err := s.setMemoryLimit(ctx, s.config.limitBytes()); err != nil {
		return errors.Join(err, s.Shutdown(ctx))
	}
	if s.config.MemoryLimitMiB > 0 {
		s.release = append(s.release, watchMemory(peer, s.config.refuseAbove()))
	}
	return nil
}

// memoryInterval is how often what Rust has allocated is looked at.
const memoryInterval = 100 * time.Millisecond

// watchMemory lets units refuse batches above a limit, until stop.
func watchMemory(peer *control.Peer, refuseAbove uint64) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(memoryInterval)
		defer tick.Stop()
		for {
			// A peer that does not say lets everything pass: the limit itself is Rust's own to
			// watch.
			counted, _ := process.Read(ctx, peer)
			control.SetMemory(uint64(max(0, counted.AllocatedBytes)), refuseAbove)
			select {
			case <-ctx.Done():
				control.SetMemory(0, 0)
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (s *settings) setMemoryLimit(ctx context.Context, bytes uint64) error {
	payload, err := json.Marshal(struct {
		Call  string `json:"call"`
		Bytes uint64 `json:"bytes"`
	}{"memory_limit", bytes})
	if err != nil {
		return err
	}
	if err := s.operate(ctx, control.Capability, string(payload)); err != nil {
		return fmt.Errorf("memory_limit_mib: %w", err)
	}
	return nil
}

func (s *settings) operate(ctx context.Context, kind control.OpKind, payload string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := s.peer.Call(ctx, kind, s.handle, []byte(payload))
	return err
}

// Ready says that the Collector runs: from now on it can be stopped by a status.
func (s *settings) Ready() error {
	if s.statuses != nil {
		s.statuses.CollectorRuns()
	}
	return nil
}

// NotReady does nothing.
func (s *settings) NotReady() error { return nil }

// Shutdown takes the settings back. It is safe without Start, and twice.
func (s *settings) Shutdown(ctx context.Context) error {
	if s.peer == nil {
		return nil
	}
	err := errors.Join(s.setMemoryLimit(ctx, 0), s.operate(ctx, control.Shutdown, "{}"))
	for _, release := range s.release {
		release()
	}
	s.peer, s.release = nil, nil
	return err
}
