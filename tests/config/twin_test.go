package config

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/rustconfig"
)

// Twin has the fields of the Rust twin in tests/peers/component.
type Twin struct {
	Name      string                         `mapstructure:"name"`
	Count     int64                          `mapstructure:"max_count"`
	Small     uint8                          `mapstructure:"small"`
	Big       uint64                         `mapstructure:"big"`
	Ratio     float64                        `mapstructure:"ratio"`
	On        bool                           `mapstructure:"on"`
	Timeout   time.Duration                  `mapstructure:"timeout"`
	Token     configopaque.String            `mapstructure:"token"`
	Mode      Mode                           `mapstructure:"mode"`
	Tags      []string                       `mapstructure:"tags"`
	Ports     []uint16                       `mapstructure:"ports"`
	Labels    map[string]string              `mapstructure:"labels"`
	Weights   map[string]float64             `mapstructure:"weights"`
	Vault     map[string]configopaque.String `mapstructure:"vault"`
	Nested    Nested                         `mapstructure:"nested"`
	Section   *Nested                        `mapstructure:"section"`
	Maybe     *int64                         `mapstructure:"maybe"`
	MaybeText *string                        `mapstructure:"maybe_text"`
	Rules     []Rule                         `mapstructure:"rules"`
	ByName    map[string]Rule                `mapstructure:"by_name"`
	Endpoint  `mapstructure:",squash"`
	Any       any    `mapstructure:"any"`
	Hidden    string `mapstructure:"-"`
}

type Nested struct {
	Depth int64  `mapstructure:"depth"`
	On    bool   `mapstructure:"on"`
	Label string `mapstructure:"label"`
}

type Rule struct {
	Pattern string        `mapstructure:"pattern"`
	Weight  int64         `mapstructure:"weight"`
	Wait    time.Duration `mapstructure:"wait"`
}

type Endpoint struct {
	Endpoint string        `mapstructure:"endpoint"`
	Wait     time.Duration `mapstructure:"wait"`
}

type Mode string

func (m *Mode) UnmarshalText(text []byte) error {
	switch *m = Mode(text); *m {
	case "fast", "exact":
		return nil
	}
	return fmt.Errorf("unknown value %q", text)
}

func (t *Twin) Validate() error {
	var errs []error
	if t.Count < 0 {
		errs = append(errs, fmt.Errorf("max_count: must not be negative, found %d", t.Count))
	}
	if t.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: must not be negative, found %s", t.Timeout))
	}
	return errors.Join(errs...)
}

func (n *Nested) Validate() error {
	if n.Depth > 100 {
		return fmt.Errorf("depth must be at most 100, found %d", n.Depth)
	}
	return nil
}

func (r *Rule) Validate() error {
	if r.Pattern == "" {
		return errors.New("pattern must not be empty")
	}
	return nil
}

func newTwin() component.Config {
	there := "there"
	return &Twin{
		Name: "some", Count: 3, Small: 1, Ratio: 0.5, On: true, Timeout: 5 * time.Second, Mode: "fast",
		Tags: []string{
			"a",
		}, Labels: map[string]string{"team": "x"}, Nested: Nested{Depth: 7, On: true}, MaybeText: &there,
		Endpoint: Endpoint{Endpoint: "localhost:1", Wait: 100 * time.Millisecond},
	}
}

// Open collects the keys that it does not know.
type Open struct {
	Name   string         `mapstructure:"name"`
	Nested Nested         `mapstructure:"nested"`
	Rest   map[string]any `mapstructure:",remain"`
}

// Sender is the configuration of an exporter: the keys of the Collector's exporter helper, and its
// own beside them.
type Sender struct {
	TimeoutConfig exporterhelper.TimeoutConfig `mapstructure:",squash"`
	RetryConfig   configretry.BackOffConfig    `mapstructure:"retry_on_failure"`
	QueueConfig   queueConfig                  `mapstructure:"sending_queue"`
	Name          string                       `mapstructure:"name"`
	Labels        map[string]string            `mapstructure:"labels"`
	Nested        Nested                       `mapstructure:"nested"`
}

type queueConfig = configoptional.Optional[exporterhelper.QueueBatchConfig]

func newSender() component.Config {
	return &Sender{
		TimeoutConfig: exporterhelper.NewDefaultTimeoutConfig(),
		RetryConfig:   configretry.NewDefaultBackOffConfig(),
		QueueConfig:   configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
	}
}

// Custom is a Twin with an Unmarshal of its own, as many of the Collector's components have it.
type Custom struct{ Twin }

func (c *Custom) Unmarshal(conf *confmap.Conf) error { return conf.Unmarshal(&c.Twin) }

func factory(typ string, config func() component.Config) processor.Factory {
	return processor.NewFactory(
		component.MustNewType(typ),
		config,
		processor.WithLogs(pass, component.StabilityLevelDevelopment),
	)
}

// passing is a processor that passes logs on: here components are only configured.
type passing struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Logs
}

func pass(
	_ context.Context,
	_ processor.Settings,
	_ component.Config,
	next consumer.Logs,
) (processor.Logs, error) {
	return passing{Logs: next}, nil
}

func sender(typ string, config func() component.Config) exporter.Factory {
	return exporter.NewFactory(component.MustNewType(typ), config, exporter.WithLogs(
		func(context.Context, exporter.Settings, component.Config) (exporter.Logs, error) {
			return passing{}, nil
		}, component.StabilityLevelDevelopment))
}

// senders are an exporter in Go and its Rust twin.
var senders = []exporter.Factory{
	sender("go_sender", newSender),
	sender("rust_sender", func() component.Config { return rustconfig.NewExporter("rust_sender") }),
}

// factories are pairs of a Go configuration and its Rust twin; "go_custom" is for comparing errors.
var factories = []processor.Factory{
	factory("go_twin", newTwin),
	factory("go_custom", func() component.Config { return &Custom{*newTwin().(*Twin)} }),
	factory("go_open", func() component.Config { return &Open{} }),
	factory("rust_twin", func() component.Config { return rustconfig.New("processor", "rust_twin") }),
	factory("rust_open", func() component.Config { return rustconfig.New("processor", "rust_open") }),
}
