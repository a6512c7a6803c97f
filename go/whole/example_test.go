package whole_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/whole"
)

// A size that a configuration gives is taken whole, or refused: never cut, wrapped or rounded.
func ExampleNumber() {
	var cfg struct {
		SizeMiB whole.Number `mapstructure:"size_mib"`
	}
	err := confmap.NewFromStringMap(map[string]any{"size_mib": 32}).Unmarshal(&cfg)
	fmt.Println(cfg.SizeMiB, err)
	// Output: 32 <nil>
}
