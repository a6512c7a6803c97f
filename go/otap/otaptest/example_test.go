package otaptest_test

import (
	"fmt"

	"github.com/strait-data/strait/go/otap/otaptest"
)

// Diff says where two batches differ, and nothing where they are equal to the bit.
func ExampleDiff() {
	logs := otaptest.L(10)
	fmt.Println(otaptest.Diff(logs, otaptest.Clone(logs)) == "")
	// Output: true
}
