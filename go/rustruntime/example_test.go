package rustruntime_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/rustruntime"
)

// A component asks for two lanes, and leaves the rest to what the process has.
func ExampleConfig() {
	cfg := new(rustruntime.Config)
	err := confmap.NewFromStringMap(map[string]any{
		"rust": map[string]any{"lanes": 2},
	}).Unmarshal(cfg)
	fmt.Println(cfg.Runtime().Lanes, cfg.Runtime().MaxInFlight, err)
	// Output: 2 0 <nil>
}
