package control_test

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/control"
)

// A failure that Rust reports is an error that the Collector understands.
func ExampleFailure_AsError() {
	f := &control.Failure{
		Class: control.Permanent, Message: "no such table", Component: "lookup/prod",
	}
	err := f.AsError()
	fmt.Println(err, consumererror.IsPermanent(err))

	var back *control.Failure
	fmt.Println(errors.As(err, &back), back.Component)
	// Output:
	// Permanent error: lookup/prod: no such table true
	// true lookup/prod
}

// A program without its Rust part says so, and what to do about it.
func ExampleBind() {
	if _, err := control.Bind(); errors.Is(err, control.ErrNoPeer) {
		fmt.Println("no Rust part")
	}
}
