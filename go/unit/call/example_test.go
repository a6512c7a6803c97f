package call_test

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/unit/call"
	"github.com/strait-data/strait/go/unit/edge"
)

// notStarted is the lanes of a unit that does not run.
type notStarted struct{}

func (notStarted) Enter() (*call.Lane, error) { return nil, errors.New("not running") }
func (notStarted) Leave(*call.Lane)           {}

// A caller joins an edge in and an edge out. What has no items needs no lane.
func ExampleNewCaller() {
	in, err := edge.NewIn(edge.Logs, edge.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	out := edge.NewOut(edge.Logs, 0, false, func(_ context.Context, d plog.Logs) error {
		fmt.Println("passed on:", d.ResourceLogs().Len(), "resource")
		return nil
	})
	stats := new(call.Stats)
	c := call.NewCaller(in, call.NewExit("mask_cards", out, stats), notStarted{}, stats)
	d := plog.NewLogs()
	scope := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	fmt.Println(c.Call(context.Background(), d))
	scope.LogRecords().AppendEmpty()
	fmt.Println(c.Call(context.Background(), d))
	// Output:
	// passed on: 1 resource
	// <nil>
	// not running
}
