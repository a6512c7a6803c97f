package otapconnector_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/otapconnector"
)

// The configuration that a Collector's file gives it.
func ExampleNewFactory() {
	factory := otapconnector.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otapconnector.Config)
	err := confmap.NewFromStringMap(map[string]any{
		"nodes": map[string]any{
			"nodes": map[string]any{"by_team": map[string]any{"content_router": map[string]any{
				"routing_key":    map[string]any{"resource_attribute": "team"},
				"routes":         map[string]any{"web": "web"},
				"default_output": "rest",
			}}},
			"connections": []any{
				map[string]any{"from": "in", "to": "by_team"},
				map[string]any{"from": `by_team["web"]`, "to": "logs/web"},
				map[string]any{"from": `by_team["rest"]`, "to": "logs/others"},
			},
		},
	}).Unmarshal(cfg)
	fmt.Println(factory.Type(), cfg.Lanes, cfg.Fidelity, err)
	// Output: otap 1 strict <nil>
}
