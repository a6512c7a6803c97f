// Package converter is the confmap converter of a Collector with a Rust side. It sees the whole
// configuration before any component does. It checks that the Rust side is the one that the
// Collector was built with, and tells components what they cannot see for themselves: which twins
// (package twin) stand beside a Rust component, and are therefore to run in Rust; and which
// processors follow each other there, or a receiver, and run as one part (package fuse).
//
// Where the environment variable STRAIT_GRAPH names a file, the pipelines and their parts are
// written there, as JSON; `strait graph` draws them.
//
// `strait build` writes a package that calls NewFactory with what is in the binary.
package converter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/partition"
	"github.com/strait-data/strait/go/twin"
	"github.com/strait-data/strait/go/unit"
)

// Distribution is what the builder knows of the binary.
type Distribution struct {
	// Version and Engine are the versions of Strait and of the engine's crates.
	Version, Engine string
	// Linked names every Rust component that was built in: "processor mask_cards".
	Linked []string
	// Rust names the component types that run in Rust, by section: "processors": {"mask_cards"}.
	Rust map[string][]string
	// Twins names the processor types that run in Rust where a neighbour does, with the signals
	// that their Rust side handles.
	Twins map[string][]string
}

// NewFactory makes the factory of the converter.
func NewFactory(d Distribution) confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(set confmap.ConverterSettings) confmap.Converter {
		return &converter{distribution: d, log: set.Logger}
	})
}

type converter struct {
	distribution Distribution
	log          *zap.Logger
}

// Convert leaves everything as it is but the annotations. What is not a valid configuration is left
// for the Collector to refuse.
func (c *converter) Convert(_ context.Context, conf *confmap.Conf) error {
	if err := c.check(); err != nil {
		return err
	}
	inRust := c.inRust(conf)
	marks := c.marks(conf, inRust)
	pipelines := c.pipelines(conf, inRust)
	cut := partition.Of(pipelines)
	for x, stand := range stands(cut) {
		marks.add(conf, section(x.Kind), x.ID.String(), fuse.Key, stand.Map())
	}
	c.report(cut)
	if path := os.Getenv(graphFile); path != "" {
		if err := writeGraph(path, pipelines, cut); err != nil {
			return err
		}
	}
	if len(marks) == 0 {
		return nil
	}
	return conf.Merge(confmap.NewFromStringMap(marks))
}

// processors and receivers are sections of a configuration.
const (
	processors = "processors"
	receivers  = "receivers"
)

// section is where components of a kind that has places in parts are configured.
func section(kind unit.Kind) string {
	if kind == unit.KindReceiver {
		return receivers
	}
	return processors
}

// annotations are what is added to components' configurations, by their sections and ids.
type annotations map[string]any

// add adds one, where the configuration is one that can hold it.
func (a annotations) add(conf *confmap.Conf, section, id, key string, value any) {
	if !canHold(conf, section, id) {
		return
	}
	of := inside(inside(a, section), id)
	of[key] = value
}

// inside is the map at a key; made where there is none.
func inside(m map[string]any, key string) map[string]any {
	of, _ := m[key].(map[string]any)
	if of == nil {
		of = map[string]any{}
		m[key] = of
	}
	return of
}

// canHold says that there is a component's configuration under exactly this id, which can have a
// key more.
func canHold(conf *confmap.Conf, section, id string) bool {
	configured, _ := conf.Get(section).(map[string]any)
	body, is := configured[id]
	_, isMap := body.(map[string]any)
	return is && (isMap || body == nil)
}

// marks say of each twin where it runs.
func (c *converter) marks(conf *confmap.Conf, inRust map[string]bool) annotations {
	marks := annotations{}
	configured, _ := conf.Get(processors).(map[string]any)
	for id := range configured {
		if _, isTwin := c.distribution.Twins[typeOf(id)]; !isTwin {
			continue
		}
		runtime := "go"
		if inRust[id] {
			runtime = "rust"
		}
		marks.add(conf, processors, id, twin.Key, runtime)
	}
	return marks
}

// check compares the Rust side with what was built. A program without one is told so by its
// components, at Start.
func (c *converter) check() error {
	d, err := unit.Describe()
	if errors.Is(err, control.ErrNoPeer) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the Rust side of this Collector: %w", err)
	}
	c.log.Info("Rust side", zap.String("strait", d.Strait), zap.String("engine", d.Engine),
		zap.Int("components", len(d.Components)), zap.Strings("nodes", nodeNames(d)))
	if d.Strait != c.distribution.Version {
		return fmt.Errorf(
			"versions differ: the Collector was generated by strait %s, its Rust side is of %s: "+
				"build both with one `strait build`",
			c.distribution.Version,
			d.Strait,
		)
	}
	missing := slices.Clone(c.distribution.Linked)
	for _, there := range d.Components {
		named := string(there.Kind) + " " + there.Type
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == named })
	}
	if len(missing) > 0 {
		return fmt.Errorf("the Rust side of this Collector lacks %s: "+
			"build both sides with one `strait build`",
			strings.Join(missing, ", "))
	}
	return nil
}

// nodeNames are the engine's nodes that the `otap` processor can run here: no other list of the
// Collector has them.
func nodeNames(d *unit.Description) []string {
	names := make([]string, 0, len(d.Nodes))
	for _, node := range d.Nodes {
		names = append(names, node.Name)
	}
	slices.Sort(names)
	return names
}

// inRust is the twins that stand beside something in Rust, in any pipeline, or beside a twin that
// does. A twin has one configuration for all its pipelines, so it runs on one side in all of them,
// and never in Rust where its Rust side lacks a signal.
func (c *converter) inRust(conf *confmap.Conf) map[string]bool {
	chains, barred := c.chains(conf)
	found := map[string]bool{}
	for changed := true; changed; {
		changed = false
		for _, chain := range chains {
			for i, p := range chain {
				if !p.isTwin || found[p.id] || barred[p.id] {
					continue
				}
				if chain.hasRust(i-1, found) || chain.hasRust(i+1, found) {
					found[p.id], changed = true, true
				}
			}
		}
	}
	return found
}

// A chain is one pipeline in order: all receivers count as the first place's neighbours, all
// exporters as the last's.
type chain []place

type place struct {
	id             string
	isTwin, isRust bool
}

func (ch chain) hasRust(i int, found map[string]bool) bool {
	return i >= 0 && i < len(ch) && (ch[i].isRust || (ch[i].isTwin && found[ch[i].id]))
}

func (c *converter) chains(conf *confmap.Conf) (chains []chain, barred map[string]bool) {
	pipelines, _ := conf.Get("service::pipelines").(map[string]any)
	barred = map[string]bool{}
	for name, body := range pipelines {
		pipeline, _ := body.(map[string]any)
		signal := typeOf(name)
		ch := chain{{isRust: c.anyInRust(receivers, ids(pipeline[receivers]))}}
		for _, id := range ids(pipeline[processors]) {
			signals, isTwin := c.distribution.Twins[typeOf(id)]
			if isTwin && !slices.Contains(signals, signal) {
				barred[id] = true
			}
			ch = append(ch, place{id: id, isTwin: isTwin, isRust: c.anyInRust(processors, []string{id})})
		}
		last := place{isRust: c.anyInRust("exporters", ids(pipeline["exporters"]))}
		chains = append(chains, append(ch, last))
	}
	return chains, barred
}

// anyInRust also knows connectors, which stand among receivers and exporters.
func (c *converter) anyInRust(section string, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool {
		typ := typeOf(id)
		return slices.Contains(c.distribution.Rust[section], typ) ||
			(section != processors && slices.Contains(c.distribution.Rust["connectors"], typ))
	})
}

func ids(list any) []string {
	items, _ := list.([]any)
	found := make([]string, 0, len(items))
	for _, item := range items {
		if id, ok := item.(string); ok {
			found = append(found, id)
		}
	}
	return found
}

// typeOf is the part before the name: of "filter/errors" and " logs / a " it is "filter" and
// "logs", as the Collector reads them.
func typeOf(id string) string {
	typ, _, _ := strings.Cut(id, "/")
	return strings.TrimSpace(typ)
}
