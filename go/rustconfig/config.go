// Package rustconfig is the configuration of one Rust component, of any kind, as the Collector
// handles it: read from confmap, shown by print-config, checked by `otelcol validate`. What its
// keys are only Rust knows. Go reads those beside them: `runtime`, which says how a unit runs, and
// of an exporter those of the Collector's exporter helper. Conform and JSON do the same for a key
// of a Go component's that holds the engine's nodes.
//
// A component's factory returns New(kind, type) as its default configuration and hands JSON to
// Create. Rust is asked once, when the Collector's values are read: the answer has the
// configuration with its defaults, what print-config shows of it, and what validation found.
// Nothing of Rust is started by that.
//
// A program without its Rust part takes the values as they are; Start is where it says what to do.
package rustconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/rustruntime"
	"github.com/strait-data/strait/go/unit"
)

// Config is a component's configuration. Make it with New.
type Config struct {
	kind, typ string
	beside    []string // keys that are not the component's: somebody else reads them
	ofUnit    unitKeys
	place     *fuse.Place // nil: it runs by itself
	// One of these, once something was read: Rust's answer, or without Rust the values as they are.
	answer *decoded
	plain  map[string]any
	json   json.RawMessage // what Create gets; nil: nothing was read
}

var (
	_ confmap.Unmarshaler = (*Config)(nil)
	_ confmap.Marshaler   = Config{}
)

// unitKeys are the keys of every component that is a unit. Go reads them; what was not said is nil.
type unitKeys struct {
	Runtime *rustruntime.Config `mapstructure:"runtime"`
}

// New is the configuration of a component that nothing was configured for. The kind is as in
// "processor" or "extension", the type as in the Collector's configuration. Rust is not asked.
func New(kind, typ string) *Config {
	c := &Config{kind: kind, typ: typ}
	if kind != string(unit.KindExtension) { // an extension is no unit
		c.beside = []string{rustruntime.Key}
	}
	return c
}

// Runtime is how the component is to run.
func (c *Config) Runtime() unit.Runtime { return c.ofUnit.Runtime.Runtime() }

// Place is where the component stands in the parts of its Collector.
func (c *Config) Place() *fuse.Place { return c.place }

// Kind is what the component is.
func (c *Config) Kind() unit.Kind { return unit.Kind(c.kind) }

// Member is the component in a unit, by its id.
func (c *Config) Member(id string) (unit.Member, error) {
	return unit.Member{ID: id, Kind: unit.Kind(c.kind), Type: c.typ, Config: c.JSON()}, nil
}

// JSON is what Create gets: the configuration as Rust validated it. It may hold secrets.
func (c *Config) JSON() json.RawMessage {
	if c.json == nil {
		return json.RawMessage("{}")
	}
	return c.json
}

// Unmarshal reads the Collector's values as confmap reads those of a Go component, and fails with
// the same words.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if c.kind != string(unit.KindExtension) { // which is in no pipeline
		var err error
		if c.place, err = fuse.Take(conf, c); err != nil {
			return err
		}
	}
	return together(c.readOfUnit(conf), c.readOwn(conf))
}

// readOfUnit reads the keys that every unit has.
func (c *Config) readOfUnit(conf *confmap.Conf) error {
	if !slices.Contains(c.beside, rustruntime.Key) || !conf.IsSet(rustruntime.Key) {
		return nil
	}
	only, err := keysOf(conf, rustruntime.Key)
	if err != nil {
		return err
	}
	return only.Unmarshal(&c.ofUnit)
}

// keysOf is a part of a configuration: the keys at its top that are named. Values that were
// expanded keep their texts.
func keysOf(conf *confmap.Conf, keys ...string) (*confmap.Conf, error) {
	part := confmap.New()
	if err := part.Merge(conf); err != nil {
		return nil, err
	}
	for key := range conf.ToStringMap() {
		if !slices.Contains(keys, key) {
			part.Delete(key)
		}
	}
	return part, nil
}

// readOwn has Rust read the component's own keys.
func (c *Config) readOwn(conf *confmap.Conf) error {
	v, err := valuesOf(conf, c.beside)
	if err != nil {
		return err
	}
	answer, err := decode(asked{Kind: c.kind, Type: c.typ, values: v})
	if errors.Is(err, control.ErrNoPeer) {
		c.json, c.plain = v.Config, conf.ToStringMap()
		for _, key := range c.beside {
			delete(c.plain, key)
		}
		return nil
	}
	if err != nil {
		return err
	}
	c.json, c.answer = answer.Config, answer
	return nil
}

// Marshal gives the whole configuration, with the defaults; confmap asks structs, not pointers.
// Secrets are configopaque's, so that they are masked unless print-config is told otherwise.
func (c Config) Marshal(conf *confmap.Conf) error {
	if err := c.read(); err != nil {
		return err
	}
	shown := c.plain
	if c.answer != nil {
		var err error
		if shown, err = c.answer.tree(); err != nil {
			return fmt.Errorf("what Rust shows of %s %q: %w", c.kind, c.typ, err)
		}
	}
	if err := conf.Merge(confmap.NewFromStringMap(shown)); err != nil || c.ofUnit.Runtime == nil {
		return err
	}
	return conf.Marshal(c.ofUnit)
}

// Validate returns everything that the component's own validation found.
func (c *Config) Validate() error {
	if err := c.read(); err != nil {
		return err
	}
	errs := []error{confmap.Validate(&c.ofUnit)}
	if c.answer == nil {
		return errs[0]
	}
	for _, f := range c.answer.Findings {
		errs = append(errs, finding(f))
	}
	return errors.Join(errs...)
}

// read reads the default where no values came.
func (c *Config) read() error {
	if c.json != nil {
		return nil
	}
	return c.Unmarshal(confmap.New())
}
