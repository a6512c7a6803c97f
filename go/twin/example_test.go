package twin_test

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/rustcomponent"
	"github.com/strait-data/strait/go/twin"
)

// One type that is there in both languages is one factory.
func ExampleProcessor() {
	alpha := component.StabilityLevelAlpha
	inGo := rustcomponent.NewProcessor(
		rustcomponent.Metadata{Type: "filter", Logs: alpha, Traces: alpha},
	)
	inRust := rustcomponent.NewProcessor(rustcomponent.Metadata{Type: "filter", Logs: alpha})
	fmt.Println(twin.Processor(twin.Auto, inGo, inRust).Type())
	// Output: filter
}
