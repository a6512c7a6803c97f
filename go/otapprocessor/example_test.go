package otapprocessor_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/otapprocessor"
)

// The configuration that a Collector's file gives it.
func ExampleNewFactory() {
	factory := otapprocessor.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otapprocessor.Config)
	err := confmap.NewFromStringMap(map[string]any{
		"nodes": []any{map[string]any{"filter": map[string]any{
			"logs": map[string]any{"include": map[string]any{"severity_number": map[string]any{"min": 9}}},
		}}},
	}).Unmarshal(cfg)
	fmt.Println(factory.Type(), cfg.Fidelity, err)
	// Output: otap strict <nil>
}
