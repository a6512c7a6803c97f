// Package rustcomponent makes the Collector's factory for one Rust component, a file for each kind.
// `strait build` writes, for each `cargo:` line, a package whose NewFactory calls the one of its
// kind with what the crate's `[package.metadata.strait]` says; Start compares that with what Rust
// says of itself.
//
// It guarantees that factories are pure: nothing of Rust is called until a configuration is
// validated, and nothing runs before Start. A component of a pipeline is a unit: how batches cross
// is left to package unit, and what Rust asks of the Collector to package hostcalls.
//
// Components have what Go's have from the Collector's helpers: an exporter its queue, retries and
// timeout, with their keys and metrics; a receiver the metrics of what it receives. One instance of
// a receiver makes the batches of all signals of its configuration.
//
// The Collector asks what an extension can do by its Go interfaces. So an instance has the
// interfaces of package extensionauth exactly where its Rust side says that it authenticates; it
// always hears of configuration, pipelines and statuses, and passes on what Rust watches.
package rustcomponent

import (
	"encoding/json"
	"strings"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/unit"
)

// Metadata is what the crate says of its component, known without running Rust.
type Metadata struct {
	// Type is the component's type in the Collector's configuration.
	Type string
	// Crate and Version are the crate's.
	Crate, Version string
	// Logs, Traces and Metrics are how much users may rely on it, per signal; undefined where a
	// signal is not supported.
	Logs, Traces, Metrics component.StabilityLevel
	// The same of a connector, for each pair of signals.
	LogsToLogs, LogsToTraces, LogsToMetrics          component.StabilityLevel
	TracesToLogs, TracesToTraces, TracesToMetrics    component.StabilityLevel
	MetricsToLogs, MetricsToTraces, MetricsToMetrics component.StabilityLevel
	// Stability is the same of a component without signals: an extension.
	Stability component.StabilityLevel
}

// description is what Rust has to say of the component.
func (m Metadata) description(kind unit.Kind) *unit.ComponentDescription {
	signals := map[unit.Flow]string{}
	for flow, level := range m.flows() {
		if level != component.StabilityLevelUndefined {
			signals[flow] = strings.ToLower(level.String())
		}
	}
	d := &unit.ComponentDescription{
		Kind: kind, Type: m.Type, Crate: m.Crate, Version: m.Version, Signals: signals,
	}
	if m.Stability != component.StabilityLevelUndefined {
		d.Stability = strings.ToLower(m.Stability.String())
	}
	return d
}

// flows are all that a component can carry.
func (m Metadata) flows() map[unit.Flow]component.StabilityLevel {
	const logs, traces, metrics = unit.Logs, unit.Traces, unit.Metrics
	return map[unit.Flow]component.StabilityLevel{
		unit.FlowOf(logs):                 m.Logs,
		unit.FlowOf(traces):               m.Traces,
		unit.FlowOf(metrics):              m.Metrics,
		unit.FlowFromTo(logs, logs):       m.LogsToLogs,
		unit.FlowFromTo(logs, traces):     m.LogsToTraces,
		unit.FlowFromTo(logs, metrics):    m.LogsToMetrics,
		unit.FlowFromTo(traces, logs):     m.TracesToLogs,
		unit.FlowFromTo(traces, traces):   m.TracesToTraces,
		unit.FlowFromTo(traces, metrics):  m.TracesToMetrics,
		unit.FlowFromTo(metrics, logs):    m.MetricsToLogs,
		unit.FlowFromTo(metrics, traces):  m.MetricsToTraces,
		unit.FlowFromTo(metrics, metrics): m.MetricsToMetrics,
	}
}

// configured is what a component is configured with, for Rust and for its unit.
type configured interface {
	JSON() json.RawMessage
	Runtime() unit.Runtime
}

// transport is how its unit exchanges batches.
func transport(cfg component.Config) unit.Transport {
	return cfg.(configured).Runtime().Transport()
}

// spec is the unit of one such component of a pipeline.
func (m Metadata) spec(
	kind unit.Kind, id component.ID, config configured, edges []unit.Edge,
) unit.Spec {
	runtime := config.Runtime()
	return unit.Spec{
		ID: id.String(), Lanes: runtime.Lanes, Fidelity: unit.Strict,
		MaxInFlight: runtime.MaxInFlight, Edges: edges,
		Members: []unit.Member{{ID: id.String(), Kind: kind, Type: m.Type, Config: config.JSON()}},
		Expect:  m.description(kind),
	}
}
