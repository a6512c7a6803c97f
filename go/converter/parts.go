package converter

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pipeline"
	"go.uber.org/zap"

	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/partition"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/rustruntime"
	"github.com/strait-data/strait/go/unit"
)

// fuses is the way to turn all fusing off.
var fuses = featuregate.GlobalRegistry().MustRegister("strait.fuse", featuregate.StageBeta,
	featuregate.WithRegisterDescription("Rust components of a pipeline that follow each other run as "+
		"one part: batches cross once for all of them, or not at all."),
	featuregate.WithRegisterFromVersion("v0.1.0"))

// otap is the type of the components that run nodes of the engine, which have the keys of a runtime
// at their top.
const otap = "otap"

// pipelines are the configuration's, with what runs in Rust and how; without those that the
// Collector is going to refuse.
func (c *converter) pipelines(conf *confmap.Conf, inRust map[string]bool) []partition.Pipeline {
	configured, _ := conf.Get("service::pipelines").(map[string]any)
	connectors, _ := conf.Get("connectors").(map[string]any)
	process := processRuntime(conf)
	var found []partition.Pipeline
	for name, body := range configured {
		p := partition.Pipeline{}
		of, _ := body.(map[string]any)
		if err := p.ID.UnmarshalText([]byte(name)); err != nil {
			continue
		}
		end := func(at string, kind unit.Kind) (list []partition.Component) {
			for _, id := range ids(of[at]) {
				kind := kind
				if _, is := connectors[id]; is {
					kind = unit.KindConnector
				}
				types := c.distribution.Rust[section(kind)]
				list = add(list, kind, id, slices.Contains(types, typeOf(id)))
			}
			return once(list)
		}
		p.Receivers = end(receivers, unit.KindReceiver)
		p.Exporters = end(exporters, unit.KindExporter)
		for _, id := range ids(of[processors]) {
			is := c.anyInRust(processors, []string{id}) || inRust[id]
			p.Processors = add(p.Processors, unit.KindProcessor, id, is)
		}
		for _, list := range [][]partition.Component{p.Receivers, p.Processors, p.Exporters} {
			for i := range list {
				if x := &list[i]; x.Rust {
					c.howRuns(conf, x, process)
				}
			}
		}
		for i := range p.Receivers {
			if x := &p.Receivers[i]; x.Rust {
				x.Alone = cmp.Or(x.Alone, c.gives(p.ID.Signal(), x))
			}
		}
		if !repeats(p.Processors) {
			found = append(found, p)
		}
	}
	return found
}

// howRuns says how a component runs, and why it must be alone.
func (c *converter) howRuns(conf *confmap.Conf, x *partition.Component, process rustruntime.Rust) {
	id := x.ID.String()
	configured, _ := conf.Get(section(x.Kind)).(map[string]any)
	if _, is := configured[id]; !is {
		x.Alone = "its id is not written as the Collector writes it"
		return
	}
	x.Runs, x.Alone = runs(conf, x.Kind, id, process)
	if x.Kind == unit.KindConnector && typeOf(id) == otap {
		x.Alone = cmp.Or(x.Alone, "the engine's connectors hand their batches on in Go")
	}
}

// gives says why nobody in Rust can have what a receiver or connector sends of a signal; "":
// somebody can.
func (c *converter) gives(signal pipeline.Signal, x *partition.Component) string {
	id := x.ID.String()
	if x.Kind == unit.KindReceiver && typeOf(id) == otap {
		return "the engine's receivers hand their batches on in Go, where what they receive is counted"
	}
	if signal == pipeline.SignalLogs && sendsBytes(x.Kind, typeOf(id)) {
		return id + " sends its logs as OTLP bytes, and to read them as tables in Rust is not lossless"
	}
	return ""
}

// sendsBytes says that components of a type send logs as OTLP bytes.
func sendsBytes(kind unit.Kind, typ string) bool {
	d, err := unit.Describe()
	return err == nil && slices.ContainsFunc(d.Components, func(x unit.ComponentDescription) bool {
		return x.Kind == kind && x.Type == typ && x.LogsAsOTLP
	})
}

// add adds what has an id that can be one.
func add(
	list []partition.Component, kind unit.Kind, text string, rust bool,
) []partition.Component {
	x := partition.Component{Ref: partition.Ref{Kind: kind}, Rust: rust}
	if x.ID.UnmarshalText([]byte(text)) != nil {
		return list
	}
	return append(list, x)
}

// once is each of them at its first place: the Collector has a receiver or exporter once that a
// pipeline names twice.
func once(list []partition.Component) (found []partition.Component) {
	for _, x := range list {
		same := func(other partition.Component) bool { return other.Ref == x.Ref }
		if !slices.ContainsFunc(found, same) {
			found = append(found, x)
		}
	}
	return found
}

func repeats(list []partition.Component) bool { return len(once(list)) < len(list) }

// processRuntime is what components inherit: the extension's, where it is one of the service's.
func processRuntime(conf *confmap.Conf) (inherited rustruntime.Rust) {
	for _, id := range ids(conf.Get("service::extensions")) {
		if typeOf(id) != "strait" {
			continue
		}
		if sub, err := conf.Sub("extensions::" + id); err == nil {
			if found, err := runtimeIn(sub); err == nil {
				return found
			}
		}
	}
	return inherited
}

// runtimeIn is what a configuration says under rustruntime.Key.
func runtimeIn(conf *confmap.Conf) (rustruntime.Rust, error) {
	var of struct {
		Runtime rustruntime.Config `mapstructure:"runtime"`
	}
	err := conf.Unmarshal(&of, confmap.WithIgnoreUnused())
	return of.Runtime.Rust, err
}

// runs is how a component runs, in words, and why it must be alone in its part; "": it need not.
func runs(
	conf *confmap.Conf, kind unit.Kind, id string, process rustruntime.Rust,
) (how, alone string) {
	keys, fidelity, whole, err := own(conf, section(kind), id)
	if err != nil || !canHold(conf, section(kind), id) {
		return "", "how " + id + " is to run cannot be read"
	}
	r := keys.Runtime()
	if kind == unit.KindReceiver {
		process.Lanes = 1 // one instance makes the batches
	}
	if typeOf(id) != otap { // which inherits nothing
		r = r.Over(process.Keys.Runtime())
		if keys.Fuse == nil {
			keys.Fuse = process.Fuse
		}
	}
	switch {
	case !fuses.IsEnabled():
		return "", "the feature gate " + fuses.ID() + " is off"
	case keys.Fuse != nil && !*keys.Fuse:
		return "", "`fuse: false` holds for " + id
	case whole:
		return "", "`full_decode: true` holds for " + id
	}
	r = r.Over(unit.DefaultRuntime())
	if kind == unit.KindExporter {
		if why := exports(conf, id, r.Lanes); why != "" {
			return "", why
		}
	}
	return fmt.Sprintf("%d lanes, %d batches in flight, rings of %d descriptors and %d MiB, "+
		"wake %s, waits of %s, fidelity %s", r.Lanes, r.MaxInFlight, r.Geometry.Descriptors,
		r.Geometry.Blocks/unit.BlocksPerMiB, r.Wake, r.MaxWait, fidelity), ""
}

// exports says why an exporter must be alone; "": it need not.
func exports(conf *confmap.Conf, id string, lanes int) string {
	if typeOf(id) == otap {
		return "the queue, the retries and the timeout of the engine's exporters are in Go"
	}
	if lanes > 1 {
		return fmt.Sprintf("%s has one queue, and runs with %d lanes", id, lanes)
	}
	sub, err := conf.Sub(exporters + "::" + id)
	if err != nil || rustconfig.CheckHelped(sub) != nil {
		return "how " + id + " is to run cannot be read"
	}
	return ""
}

// own is what a component's configuration says of how it runs.
func own(conf *confmap.Conf, section, id string) (
	keys rustruntime.Keys, fidelity unit.Fidelity, whole bool, err error,
) {
	sub, err := conf.Sub(section + "::" + id)
	if err != nil {
		return keys, "", false, err
	}
	if typeOf(id) != otap {
		rust, err := runtimeIn(sub)
		return rust.Keys, unit.Strict, false, err
	}
	of := struct {
		rustruntime.Keys `mapstructure:",squash"`
		Fidelity         unit.Fidelity `mapstructure:"fidelity"`
		FullDecode       bool          `mapstructure:"full_decode"`
	}{Keys: rustruntime.Defaults(), Fidelity: unit.Strict}
	err = sub.Unmarshal(&of, confmap.WithIgnoreUnused())
	return of.Keys, of.Fidelity, of.FullDecode, err
}

// stands are where components stand in parts of several, and between bridges.
func stands(cut *partition.Partition) map[partition.Ref]*fuse.Stand {
	found := found{}
	for i := range cut.Parts {
		if part := &cut.Parts[i]; len(part.Members) > 1 {
			found.part(part)
		}
	}
	for _, b := range cut.Bridges {
		found.of(b.To).Door = true
		name := fuse.Named(b.To.Kind, b.To.ID.String())
		found.across(b.Head, b.Pipeline, func(way *fuse.Across) { way.To = append(way.To, name) })
	}
	for i := range cut.Parts {
		part := &cut.Parts[i]
		for _, e := range part.Edges {
			if e.Direction == unit.Out && bridged(cut, part.Head(), e.Pipeline.Signal()) {
				found.across(part.Head(), e.Pipeline, func(way *fuse.Across) { way.Go = true })
			}
		}
	}
	if len(found) > 0 {
		number := fuse.Number()
		for _, stand := range found {
			stand.Configuration = number
		}
	}
	return found
}

// found are the stands of a configuration.
type found map[partition.Ref]*fuse.Stand

// of is the stand of a component; made where there is none.
func (f found) of(x partition.Ref) *fuse.Stand {
	if f[x] == nil {
		f[x] = &fuse.Stand{ID: x.ID.String()}
	}
	return f[x]
}

// across changes where batches go that leave the part of a head in a pipeline.
func (f found) across(head partition.Ref, in pipeline.ID, change func(*fuse.Across)) {
	stand := f.of(head)
	if stand.Across == nil {
		stand.Across = map[string]fuse.Across{}
	}
	way := stand.Across[in.String()]
	change(&way)
	stand.Across[in.String()] = way
}

// bridged says that batches of a signal go from a head's part to others in Rust.
func bridged(cut *partition.Partition, head partition.Ref, signal pipeline.Signal) bool {
	return slices.ContainsFunc(cut.Bridges, func(b partition.Bridge) bool {
		return b.Head == head && b.Pipeline.Signal() == signal
	})
}

// part notes who is in a part.
func (f found) part(part *partition.Part) {
	head, in := f.of(part.Head()), pipelinesOf(part)
	var fellows []string
	for _, fellow := range part.Members[1:] {
		fellows = append(fellows, fuse.Named(fellow.Kind, fellow.ID.String()))
		f.of(fellow).Aside = append(f.of(fellow).Aside, in...)
	}
	if part.Head().Kind != unit.KindReceiver {
		head.Fellows = fellows
		return
	}
	if head.Behind == nil {
		head.Behind = map[string][]string{}
	}
	head.Behind[in[0]] = fellows // it is in one
}

// pipelinesOf are those that a part is in.
func pipelinesOf(part *partition.Part) (in []string) {
	for _, id := range part.Pipelines {
		in = append(in, id.String())
	}
	return in
}

// report says in the log what runs as one part, and where batches go from part to part, or leave
// Rust for Rust.
func (c *converter) report(cut *partition.Partition) {
	for _, part := range cut.Parts {
		if len(part.Members) < 2 {
			continue
		}
		var members []string
		for _, member := range part.Members {
			members = append(members, member.ID.String())
		}
		c.log.Info("these run as one part", zap.Strings("components", members),
			zap.Strings("pipelines", pipelinesOf(&part)))
	}
	for _, at := range cut.Bridges {
		c.log.Info("batches go from part to part in Rust",
			zap.String("pipeline", at.Pipeline.String()), zap.String("from", at.From.ID.String()),
			zap.String("to", at.To.ID.String()))
	}
	for _, at := range cut.Cuts {
		c.log.Info("batches leave Rust between two that run there",
			zap.String("pipeline", at.Pipeline.String()), zap.String("from", at.From.ID.String()),
			zap.String("to", at.To.ID.String()), zap.String("reason", at.Reason))
	}
}

// graphFile is the environment variable that names the file for writeGraph.
const graphFile = "STRAIT_GRAPH"

// graph is what the file holds.
type graph struct {
	Pipelines []partition.Pipeline `json:"pipelines"`
	*partition.Partition
}

func writeGraph(path string, pipelines []partition.Pipeline, cut *partition.Partition) error {
	slices.SortFunc(pipelines, func(a, b partition.Pipeline) int {
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	b, err := json.Marshal(graph{pipelines, cut})
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("the graph for %s: %w", graphFile, err)
	}
	return nil
}
