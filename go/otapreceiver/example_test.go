package otapreceiver_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/otapreceiver"
)

// The configuration that a Collector's file gives it.
func ExampleNewFactory() {
	factory := otapreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otapreceiver.Config)
	err := confmap.NewFromStringMap(map[string]any{
		"nodes": []any{map[string]any{"otlp": map[string]any{
			"protocols": map[string]any{"grpc": map[string]any{"listening_addr": "127.0.0.1:4317"}},
		}}},
	}).Unmarshal(cfg)
	fmt.Println(factory.Type(), cfg.Lanes, cfg.Fidelity, err)
	// Output: otap 1 strict <nil>
}
