// Package rustconfig is the configuration of one Rust component, of any kind, as the Collector handles it: read
// from confmap, shown by print-config, checked by `otelcol validate`. What its keys are only Rust knows.
//
// A component's factory returns New(kind, type) as its default configuration and hands JSON to Create.
package rustconfig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/control"
)

// inlineLimit bounds what Rust does on the caller's own thread.
const inlineLimit = 10 * time.Second

// Config is a component's configuration. Make it with New; it is not to be copied between components.
type Config struct {
	kind, typ string
	values    map[string]any
	json      json.RawMessage
}

var (
	_ confmap.Unmarshaler = (*Config)(nil)
	_ confmap.Marshaler   = Config{}
)

// New is the configuration of a component that nothing was configured for. The kind is as in "processor" or
// "extension", the type as in the Collector's configuration.
func New(kind, typ string) *Config {
	return &Config{kind: kind, typ: typ, json: json.RawMessage("{}")}
}

// JSON is what Create gets: the configuration as Rust validated it.
func (c *Config) JSON() json.RawMessage { return c.json }

// Unmarshal keeps the values: Rust knows their types.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	values := conf.ToStringMap()
	if values == nil {
		values = map[string]any{}
	}
	encoded, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("the configuration has no JSON form: %w", err)
	}
	c.values, c.json = values, encoded
	return nil
}

// Marshal gives the values back, so that print-config shows them; confmap asks structs, not pointers.
func (c Config) Marshal(conf *confmap.Conf) error {
	return conf.Merge(confmap.NewFromStringMap(c.values))
}

// Validate asks the Rust component. A program without its Rust part takes the values as they are; Start is
// where it says what to do.
func (c *Config) Validate() error {
	peer, err := control.Bind()
	if errors.Is(err, control.ErrNoPeer) {
		return nil
	}
	if err != nil {
		return err
	}
	payload, err := json.Marshal(map[string]any{"id": c.typ, "component": map[string]any{"type": c.typ, "config": c.json}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), inlineLimit)
	defer cancel()
	_, err = peer.Call(ctx, control.Validate, 0, payload)
	return err
}
