package otapnodes_test

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/otapnodes"
	"github.com/strait-data/strait/go/unit"
)

// What a component of nodes makes its unit from.
func ExampleConfig() {
	cfg := otapnodes.Default()
	cfg.Nodes = []any{map[string]any{"noop": nil}}
	spec, transport, err := cfg.Unit(
		component.MustNewID("otap"), unit.KindExporter, unit.Into(unit.Logs),
	)
	fmt.Println(spec.ID, spec.Lanes, spec.Members[0].Kind, transport.Wake, err)
	// Output: otap 1 exporter efficient <nil>
}
