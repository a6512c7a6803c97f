package twin_test

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/rustprocessor"
	"github.com/strait-data/strait/go/twin"
)

// One type that is there in both languages is one factory.
func ExampleProcessor() {
	alpha := component.StabilityLevelAlpha
	inGo := rustprocessor.NewFactory(
		rustprocessor.Metadata{Type: "filter", Logs: alpha, Traces: alpha},
	)
	inRust := rustprocessor.NewFactory(rustprocessor.Metadata{Type: "filter", Logs: alpha})
	fmt.Println(twin.Processor(twin.Auto, inGo, inRust).Type())
	// Output: filter
}
