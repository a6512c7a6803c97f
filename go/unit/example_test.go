package unit_test

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit"
)

// A processor of logs through a chain of engine nodes. A program without its Rust part
// learns of it when the processor starts.
func ExampleNewLogs() {
	spec := unit.Spec{
		ID: "otap", Lanes: 1, Fidelity: unit.Strict, MaxInFlight: 64,
		Edges: unit.Between(unit.Logs),
		Members: []unit.Member{{
			ID: "otap", Kind: unit.KindProcessor,
			Nodes: []any{map[string]any{"batch": map[string]any{}}},
		}},
	}
	telemetry := componenttest.NewNopTelemetrySettings()
	next := unit.ToLogs(consumertest.NewNop())
	logs, err := unit.NewLogs(spec, unit.DefaultTransport(), telemetry, next)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = logs.Start(context.Background(), componenttest.NewNopHost())
	fmt.Println(errors.Is(err, control.ErrNoPeer))
	// Output: true
}
