package rustconfig_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/rustconfig"
)

// Without its Rust part a program takes the values as they are; Start is where it says what to do.
func ExampleConfig() {
	cfg := rustconfig.New("processor", "mask_cards")
	err := confmap.NewFromStringMap(map[string]any{"keep_last": 4}).Unmarshal(cfg)
	fmt.Println(string(cfg.JSON()), err)
	// Output: {"keep_last":4} <nil>
}
