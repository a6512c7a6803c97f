package rustprocessor_test

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/rustprocessor"
)

// What `strait build` writes for a `cargo:` line of a processor.
func ExampleNewFactory() {
	factory := rustprocessor.NewFactory(rustprocessor.Metadata{
		Type: "mask_cards", Crate: "mask-cards", Version: "0.1.0",
		Logs: component.StabilityLevelAlpha,
	})
	fmt.Println(factory.Type(), factory.LogsStability(), factory.TracesStability())
	// Output: mask_cards Alpha Undefined
}
