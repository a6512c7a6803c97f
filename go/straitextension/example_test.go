package straitextension_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/straitextension"
)

// Batches are refused near a limit, and the Collector stops past it.
func ExampleNewFactory() {
	factory := straitextension.NewFactory()
	cfg := factory.CreateDefaultConfig()
	err := confmap.NewFromStringMap(map[string]any{"memory_limit_mib": 512}).Unmarshal(cfg)
	fmt.Println(factory.Type(), cfg.(*straitextension.Config).MemoryLimitMiB, err)
	// Output: strait 512 <nil>
}
