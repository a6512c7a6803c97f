// Package converter is the confmap converter of a Collector with a Rust side. It sees the whole configuration before any
// component does, and tells components what they cannot see for themselves: which twins (package twin) stand beside a
// Rust component, and are therefore to run in Rust.
//
// `strait build` writes a package that calls NewFactory with what is in the binary.
package converter

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"

	"github.com/strait-data/strait/go/twin"
)

// Distribution is what the builder knows of the binary.
type Distribution struct {
	// Version and Engine are the versions of Strait and of the engine's crates.
	Version, Engine string
	// Rust names the component types that run in Rust, by section: "processors": {"mask_cards"}.
	Rust map[string][]string
	// Twins names the processor types that run in Rust where a neighbour does, with the signals that their Rust side
	// handles.
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

// Convert leaves everything as it is but the annotations of twins. What is not a valid configuration is left for the
// Collector to refuse.
func (c *converter) Convert(_ context.Context, conf *confmap.Conf) error {
	c.log.Info("Rust side", zap.String("strait", c.distribution.Version), zap.String("engine", c.distribution.Engine))
	if len(c.distribution.Twins) == 0 {
		return nil
	}
	configured, _ := conf.Get("processors").(map[string]any)
	inRust := c.inRust(conf)
	marks := map[string]any{}
	for id, body := range configured {
		if _, isTwin := c.distribution.Twins[typeOf(id)]; !isTwin {
			continue
		}
		if _, isMap := body.(map[string]any); !isMap && body != nil {
			continue
		}
		runtime := "go"
		if inRust[id] {
			runtime = "rust"
		}
		marks[id] = map[string]any{twin.Key: runtime}
	}
	if len(marks) == 0 {
		return nil
	}
	return conf.Merge(confmap.NewFromStringMap(map[string]any{"processors": marks}))
}

// inRust is the twins that stand beside something in Rust, in any pipeline, or beside a twin that does. A twin has one
// configuration for all its pipelines, so it runs on one side in all of them, and never in Rust where its Rust side lacks
// a signal.
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

// A chain is one pipeline in order: all receivers count as the first place's neighbours, all exporters as the last's.
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
		ch := chain{{isRust: c.anyInRust("receivers", ids(pipeline["receivers"]))}}
		for _, id := range ids(pipeline["processors"]) {
			signals, isTwin := c.distribution.Twins[typeOf(id)]
			if isTwin && !slices.Contains(signals, signal) {
				barred[id] = true
			}
			ch = append(ch, place{id: id, isTwin: isTwin, isRust: c.anyInRust("processors", []string{id})})
		}
		chains = append(chains, append(ch, place{isRust: c.anyInRust("exporters", ids(pipeline["exporters"]))}))
	}
	return chains, barred
}

// anyInRust also knows connectors, which stand among receivers and exporters.
func (c *converter) anyInRust(section string, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool {
		typ := typeOf(id)
		return slices.Contains(c.distribution.Rust[section], typ) ||
			(section != "processors" && slices.Contains(c.distribution.Rust["connectors"], typ))
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

// typeOf is the part before the name: of "filter/errors" and " logs / a " it is "filter" and "logs", as the Collector
// reads them.
func typeOf(id string) string {
	typ, _, _ := strings.Cut(id, "/")
	return strings.TrimSpace(typ)
}
