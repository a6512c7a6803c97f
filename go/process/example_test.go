package process_test

import (
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/process"
)

// A component that has its Rust part shows what the whole process counts, as long as it runs.
func ExampleMeasure() {
	peer, err := control.Bind()
	if err != nil {
		return // no Rust part
	}
	release := process.Measure(componenttest.NewNopTelemetrySettings(), peer)
	defer release()
}
