// Package twin joins two factories of one component type, one in Go and one in Rust, to the one
// factory that a Collector accepts. `strait build` writes a call of it where the builder file lists
// both and says which is to run.
//
// The configuration of the two is the same for the user. It is decoded by the side that runs, once:
// which one that is is fixed, or (Auto) said by an annotation that package converter leaves in each
// component's configuration.
package twin

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/xconsumer"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/xprocessor"

	"github.com/strait-data/strait/go/rustruntime"
)

// Runtime says which of two twins runs.
type Runtime int

const (
	// Go runs the Go component.
	Go Runtime = iota
	// Rust runs the Rust component.
	Rust
	// Auto runs the Rust component where the annotation says so, otherwise the Go component.
	Auto
)

// Key is the annotation: a key in a component's configuration with the value "rust" or "go". It is
// taken out before the configuration is decoded, and print-config does not show it.
const Key = "strait_runtime"

// Extension is the one of the two that runs. An extension is in no pipeline, so Auto is Go.
func Extension(runtime Runtime, inGo, inRust extension.Factory) extension.Factory {
	if runtime == Rust {
		return inRust
	}
	return inGo
}

// Processor is the one of the two that runs; with Auto, a factory that makes either. That one
// handles each signal which one of them does, with the lower stability where both do.
func Processor(runtime Runtime, inGo, inRust processor.Factory) processor.Factory {
	switch runtime {
	case Go:
		return inGo
	case Rust:
		return inRust
	}
	t := twins{inGo: inGo, inRust: inRust}
	const none = component.StabilityLevelUndefined
	var options []xprocessor.FactoryOption
	if level := lower(inGo.LogsStability(), inRust.LogsStability()); level != none {
		options = append(options, xprocessor.WithLogs(t.createLogs, level))
	}
	if level := lower(inGo.TracesStability(), inRust.TracesStability()); level != none {
		options = append(options, xprocessor.WithTraces(t.createTraces, level))
	}
	if level := lower(inGo.MetricsStability(), inRust.MetricsStability()); level != none {
		options = append(options, xprocessor.WithMetrics(t.createMetrics, level))
	}
	if level := lower(profiles(inGo), profiles(inRust)); level != none {
		options = append(options, xprocessor.WithProfiles(t.createProfiles, level))
	}
	return xprocessor.NewFactory(inGo.Type(), t.defaultConfig, options...)
}

func profiles(f processor.Factory) component.StabilityLevel {
	if x, ok := f.(xprocessor.Factory); ok {
		return x.ProfilesStability()
	}
	return component.StabilityLevelUndefined
}

// lower is the less stable level of those that are defined. The levels are numbered from deprecated
// to stable.
func lower(a, b component.StabilityLevel) component.StabilityLevel {
	if a == component.StabilityLevelUndefined || (b != component.StabilityLevelUndefined && b < a) {
		return b
	}
	return a
}

type twins struct{ inGo, inRust processor.Factory }

func (t twins) defaultConfig() component.Config {
	return &Config{twins: t, runs: Go, inner: t.inGo.CreateDefaultConfig()}
}

// Config is the configuration of the twin that runs.
type Config struct {
	twins twins
	runs  Runtime
	inner component.Config
}

var (
	_ confmap.Unmarshaler = (*Config)(nil)
	_ confmap.Marshaler   = Config{}
)

// Unmarshal decodes with the side that the annotation names.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if conf.Get(Key) == "rust" {
		c.runs, c.inner = Rust, c.twins.inRust.CreateDefaultConfig()
	}
	conf.Delete(Key)
	if c.runs == Go {
		conf.Delete(rustruntime.Key) // how the Rust side would run
	}
	// This conf was handed to an Unmarshal, so its own Unmarshal calls none at the top.
	if u, ok := c.inner.(confmap.Unmarshaler); ok {
		return u.Unmarshal(conf)
	}
	return conf.Unmarshal(c.inner)
}

// Marshal gives back what the user wrote, with the defaults of the side that runs.
func (c Config) Marshal(conf *confmap.Conf) error { return conf.Marshal(c.inner) }

// Validate checks as the side that runs does.
func (c *Config) Validate() error { return confmap.Validate(c.inner) }

// Runs says which side runs: Go or Rust.
func (c *Config) Runs() Runtime { return c.runs }

func (c *Config) factory() processor.Factory {
	if c.runs == Rust {
		return c.twins.inRust
	}
	return c.twins.inGo
}

func (t twins) createLogs(
	ctx context.Context,
	set processor.Settings,
	cfg component.Config,
	next consumer.Logs,
) (processor.Logs, error) {
	c := cfg.(*Config)
	return c.factory().CreateLogs(ctx, set, c.inner, next)
}

func (t twins) createTraces(
	ctx context.Context,
	set processor.Settings,
	cfg component.Config,
	next consumer.Traces,
) (processor.Traces, error) {
	c := cfg.(*Config)
	return c.factory().CreateTraces(ctx, set, c.inner, next)
}

func (t twins) createMetrics(
	ctx context.Context,
	set processor.Settings,
	cfg component.Config,
	next consumer.Metrics,
) (processor.Metrics, error) {
	c := cfg.(*Config)
	return c.factory().CreateMetrics(ctx, set, c.inner, next)
}

func (t twins) createProfiles(
	ctx context.Context,
	set processor.Settings,
	cfg component.Config,
	next xconsumer.Profiles,
) (xprocessor.Profiles, error) {
	c := cfg.(*Config)
	if x, ok := c.factory().(xprocessor.Factory); ok {
		return x.CreateProfiles(ctx, set, c.inner, next)
	}
	return nil, pipeline.ErrSignalNotSupported
}
