package hostcalls_test

import (
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/hostcalls"
)

// What a component's Start does once its Rust side may ask, and its Shutdown undoes.
func ExampleAnswer() {
	c := hostcalls.Component{
		Kind: component.KindExtension, ID: component.MustNewID("token_provider"),
	}
	stop := hostcalls.Answer(control.NextHandle(), c, componenttest.NewNopHost())
	defer stop()
	fmt.Println(c.ID, "may ask")
	// Output: token_provider may ask
}
