package otapexporter

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/strait-data/strait/go/otapnodes"
	"github.com/strait-data/strait/go/unit"
)

// Config is the configuration of the otap exporter: its nodes, and the keys that the Collector's
// exporter helper has for every exporter.
type Config struct {
	otapnodes.Config `mapstructure:",squash"`
	TimeoutConfig    exporterhelper.TimeoutConfig `mapstructure:",squash"`
	RetryConfig      configretry.BackOffConfig    `mapstructure:"retry_on_failure"`
	QueueConfig      queueConfig                  `mapstructure:"sending_queue"`
}

type queueConfig = configoptional.Optional[exporterhelper.QueueBatchConfig]

func createDefaultConfig() component.Config {
	return &Config{
		Config:        otapnodes.Default(),
		TimeoutConfig: exporterhelper.NewDefaultTimeoutConfig(),
		RetryConfig:   configretry.NewDefaultBackOffConfig(),
		QueueConfig:   configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
	}
}

// Unmarshal reads the Collector's values; what `nodes` holds is read by Rust.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	return c.Conform(unit.KindExporter)
}

// Validate checks everything that needs no pipeline's signal. It opens nothing.
func (c *Config) Validate() error { return c.Check(unit.KindExporter) }

// unit is what a pipeline's unit is made from.
func (c *Config) unit(id component.ID, signal unit.Signal) (unit.Spec, unit.Transport, error) {
	return c.Unit(id, unit.KindExporter, unit.Into(signal))
}
