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
