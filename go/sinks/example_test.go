package sinks_test

import (
	"go.uber.org/zap"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/sinks"
)

// What the instance behind a handle logs in Rust comes out of the component's own logger until
// released.
func ExampleLogs() {
	release := sinks.Logs(control.NextHandle(), zap.NewNop())
	defer release()
}
