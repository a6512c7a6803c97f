package twin_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/rustcomponent"
	"github.com/strait-data/strait/go/twin"
)

type goConfig struct {
	Level int `mapstructure:"level"`
	Inner struct {
		Name string `mapstructure:"name"`
	} `mapstructure:"inner"`
}

func (c *goConfig) Validate() error {
	if c.Level < 0 {
		return errors.New("level is negative")
	}
	return nil
}

type made struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Logs
	level int
}

func inGo() processor.Factory {
	return processor.NewFactory(
		component.MustNewType("filter"),
		func() component.Config { return &goConfig{Level: 3} },
		processor.WithLogs(
			func(
				_ context.Context, _ processor.Settings, cfg component.Config, next consumer.Logs,
			) (processor.Logs, error) {
				return made{Logs: next, level: cfg.(*goConfig).Level}, nil
			},
			component.StabilityLevelBeta,
		),
		processor.WithTraces(
			func(
				context.Context, processor.Settings, component.Config, consumer.Traces,
			) (processor.Traces, error) {
				return nil, errors.New("made in Go")
			},
			component.StabilityLevelStable,
		),
	)
}

// The Rust side, without Rust: validation is skipped then, and Start would say what is missing.
func inRust() processor.Factory {
	return rustcomponent.NewProcessor(rustcomponent.Metadata{
		Type: "filter", Crate: "filter", Version: "0.1.0",
		Logs: component.StabilityLevelAlpha, Metrics: component.StabilityLevelDevelopment,
	})
}

func config(t *testing.T, f processor.Factory, values map[string]any) *twin.Config {
	t.Helper()
	cfg := f.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
	return cfg.(*twin.Config)
}

// Guarantees: a fixed choice is that factory and nothing else.
func TestFixedChoice(t *testing.T) {
	goSide, rustSide := inGo(), inRust()
	require.Same(t, goSide, twin.Processor(twin.Go, goSide, rustSide))
	require.Same(t, rustSide, twin.Processor(twin.Rust, goSide, rustSide))
	newExtension := func() extension.Factory {
		return extension.NewFactory(
			component.MustNewType("x"),
			func() component.Config { return nil },
			nil,
			component.StabilityLevelAlpha,
		)
	}
	a, b := newExtension(), newExtension()
	require.Same(t, a, twin.Extension(twin.Go, a, b))
	require.Same(t, b, twin.Extension(twin.Rust, a, b))
}

// Guarantees: the merged factory handles what either side does, and claims no more stability than
// both have.
func TestMergedSignals(t *testing.T) {
	f := twin.Processor(twin.Auto, inGo(), inRust())
	require.Equal(t, component.StabilityLevelAlpha, f.LogsStability())
	require.Equal(t, component.StabilityLevelStable, f.TracesStability())
	require.Equal(t, component.StabilityLevelDevelopment, f.MetricsStability())
	require.Equal(t, "filter", f.Type().String())
}

// Guarantees: the annotation picks the side, its decoder, its defaults and its component; nobody
// sees the annotation, nor Go how Rust would run.
func TestAnnotationPicks(t *testing.T) {
	f := twin.Processor(twin.Auto, inGo(), inRust())
	set := processor.Settings{
		ID:                component.NewID(f.Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}

	for _, values := range []map[string]any{
		{"level": 5}, {"level": 5, twin.Key: "go"}, {"level": 5, "runtime": map[string]any{}},
	} {
		cfg := config(t, f, values)
		require.Equal(t, twin.Go, cfg.Runs())
		p, err := f.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
		require.NoError(t, err)
		require.Equal(t, 5, p.(made).level)
		shown := confmap.New()
		require.NoError(t, shown.Marshal(cfg))
		require.Equal(
			t,
			map[string]any{"level": 5, "inner": map[string]any{"name": ""}},
			shown.ToStringMap(),
		)
	}

	cfg := config(t, f, map[string]any{"level": 5, "only_rust": true, twin.Key: "rust"})
	require.Equal(t, twin.Rust, cfg.Runs())
	p, err := f.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.NotEqual(t, made{}, p)
	shown := confmap.New()
	require.NoError(t, shown.Marshal(cfg))
	require.Equal(t, map[string]any{"level": 5, "only_rust": true}, shown.ToStringMap())
}

// Guarantees: errors are those of the side that runs.
func TestErrorsAreTheSides(t *testing.T) {
	f := twin.Processor(twin.Auto, inGo(), inRust())
	err := confmap.NewFromStringMap(map[string]any{"only_rust": true}).
		Unmarshal(f.CreateDefaultConfig())
	require.ErrorContains(t, err, "only_rust")
	direct := confmap.NewFromStringMap(map[string]any{"only_rust": true}).
		Unmarshal(inGo().CreateDefaultConfig())
	require.ErrorContains(t, err, direct.Error())
	require.EqualError(
		t,
		confmap.Validate(config(t, f, map[string]any{"level": -1})),
		"level is negative",
	)

	set := processor.Settings{
		ID:                component.NewID(f.Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	_, err = f.CreateTraces(t.Context(), set, config(t, f, nil), consumertest.NewNop())
	require.EqualError(t, err, "made in Go")
	_, err = f.CreateMetrics(t.Context(), set, config(t, f, nil), consumertest.NewNop())
	require.ErrorIs(t, err, pipeline.ErrSignalNotSupported)
}
