package otapexporter_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/otapexporter"
)

// The configuration that a Collector's file gives it.
func ExampleNewFactory() {
	factory := otapexporter.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otapexporter.Config)
	err := confmap.NewFromStringMap(map[string]any{
		"timeout": "2s",
		"nodes": []any{map[string]any{"otlp_grpc": map[string]any{
			"grpc_endpoint": "http://localhost:4317",
		}}},
	}).Unmarshal(cfg)
	fmt.Println(factory.Type(), cfg.TimeoutConfig.Timeout, cfg.Fidelity, err)
	// Output: otap 2s strict <nil>
}
