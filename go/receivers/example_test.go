package receivers_test

import (
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/strait-data/strait/go/receivers"
	"github.com/strait-data/strait/go/unit"
)

// Two signals of one configuration are one receiver. Without Rust in the program nobody can say
// whether it can be made.
func ExampleSet() {
	set := receivertest.NewNopSettings(component.MustNewType("some"))
	next, err := receivers.ToLogs(set, "some", consumertest.NewNop())
	fmt.Println(err)
	var all receivers.Set[string]
	create := func() *unit.Receiver {
		return unit.NewReceiver(unit.Spec{ID: "some"}, unit.DefaultTransport(), set.TelemetrySettings)
	}
	one, err := all.Add("configuration", create, next)
	fmt.Println(one != nil, err)
	// Output:
	// <nil>
	// true <nil>
}
