package rustcomponent_test

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/rustcomponent"
)

// What `strait build` writes for a `cargo:` line of a processor.
func ExampleNewProcessor() {
	factory := rustcomponent.NewProcessor(rustcomponent.Metadata{
		Type: "mask_cards", Crate: "mask-cards", Version: "0.1.0",
		Logs: component.StabilityLevelAlpha,
	})
	fmt.Println(factory.Type(), factory.LogsStability(), factory.TracesStability())
	// Output: mask_cards Alpha Undefined
}

// What it writes for one of an extension.
func ExampleNewExtension() {
	factory := rustcomponent.NewExtension(rustcomponent.Metadata{
		Type: "token_provider", Crate: "token-provider", Version: "0.1.0",
		Stability: component.StabilityLevelAlpha,
	})
	fmt.Println(factory.Type(), factory.Stability())
	// Output: token_provider Alpha
}

// What it writes for one of a receiver: one instance makes the batches of all signals.
func ExampleNewReceiver() {
	factory := rustcomponent.NewReceiver(rustcomponent.Metadata{
		Type: "file_lines", Crate: "file-lines", Version: "0.1.0",
		Logs: component.StabilityLevelAlpha,
	})
	fmt.Println(factory.Type(), factory.LogsStability())
	// Output: file_lines Alpha
}

// What it writes for one of an exporter, whose configuration has the exporter helper's keys too.
func ExampleNewExporter() {
	factory := rustcomponent.NewExporter(rustcomponent.Metadata{
		Type: "parquet", Crate: "parquet-files", Version: "0.1.0",
		Logs: component.StabilityLevelAlpha, Metrics: component.StabilityLevelDevelopment,
	})
	fmt.Println(factory.Type(), factory.LogsStability(), factory.MetricsStability())
	// Output: parquet Alpha Development
}

// What it writes for one of a connector.
func ExampleNewConnector() {
	factory := rustcomponent.NewConnector(rustcomponent.Metadata{
		Type: "count", Crate: "count", Version: "0.1.0",
		LogsToMetrics: component.StabilityLevelAlpha,
	})
	fmt.Println(factory.Type(), factory.LogsToMetricsStability(), factory.LogsToLogsStability())
	// Output: count Alpha Undefined
}
