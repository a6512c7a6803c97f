package rustprocessor

import (
	"errors"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit"
)

// Config is a component's configuration as the user wrote it; its keys are the Rust component's own.
type Config struct {
	metadata Metadata
	values   map[string]any
}

var (
	_ confmap.Unmarshaler = (*Config)(nil)
	_ confmap.Marshaler   = Config{}
)

// Unmarshal keeps the values: Rust knows their types.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	c.values = conf.ToStringMap()
	return nil
}

// Marshal gives the values back, so that print-config shows them; confmap asks structs, not pointers.
func (c Config) Marshal(conf *confmap.Conf) error {
	return conf.Merge(confmap.NewFromStringMap(c.values))
}

// Validate asks the Rust component. A program without its Rust part takes the values as they are; Start is
// where it says what to do.
func (c *Config) Validate() error {
	_, err := unit.Validate(c.spec(c.metadata.Type, ""))
	if errors.Is(err, control.ErrNoPeer) {
		return nil
	}
	return err
}

func (c *Config) spec(id string, signal unit.Signal) unit.Spec {
	values := c.values
	if values == nil {
		values = map[string]any{}
	}
	return unit.Spec{
		ID: id, Signal: signal, Lanes: 1, Fidelity: unit.Strict, MaxInFlight: 64,
		Component: &unit.ComponentSpec{Type: c.metadata.Type, Config: values},
		Expect:    c.metadata.description(),
	}
}
