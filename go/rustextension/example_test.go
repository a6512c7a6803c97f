package rustextension_test

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/rustextension"
)

// What `strait build` writes for a `cargo:` line of an extension.
func ExampleNewFactory() {
	factory := rustextension.NewFactory(rustextension.Metadata{
		Type: "token_provider", Crate: "token-provider", Version: "0.1.0",
		Stability: component.StabilityLevelAlpha,
	})
	fmt.Println(factory.Type(), factory.Stability())
	// Output: token_provider Alpha
}
