package otapprocessor

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/otapnodes"
	"github.com/strait-data/strait/go/unit"
)

// Config is the configuration of the otap processor.
type Config struct {
	otapnodes.Config `mapstructure:",squash"`
	// FullDecode sends every column across and decodes everything that comes back, instead of
	// sending what the nodes read and applying what differs. For comparison; slower.
	FullDecode bool `mapstructure:"full_decode"`

	place *fuse.Place // nil: it runs by itself
}

func createDefaultConfig() component.Config { return &Config{Config: otapnodes.Default()} }

// Unmarshal reads the Collector's values; what `nodes` holds is read by Rust.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	var err error
	if c.place, err = fuse.Take(conf, c); err != nil {
		return err
	}
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	return c.Conform(unit.KindProcessor)
}

// Validate checks everything that needs no pipeline's signal. It opens nothing.
func (c *Config) Validate() error { return c.Check(unit.KindProcessor) }

// unit is what a pipeline's unit is made from.
func (c *Config) unit(id component.ID, signal unit.Signal) (unit.Spec, unit.Transport, error) {
	spec, transport, err := c.Unit(id, unit.KindProcessor, unit.Between(signal))
	transport.FullDecode = c.FullDecode
	return spec, transport, err
}

// Kind is what the component is.
func (*Config) Kind() unit.Kind { return unit.KindProcessor }

// Member is the processor in a unit, by its id.
func (c *Config) Member(id string) (unit.Member, error) {
	return c.AsMember(id, unit.KindProcessor)
}
