package partition_test

import (
	"encoding/json"
	"fmt"

	"github.com/strait-data/strait/go/partition"
)

// Two Rust processors behind each other are one part.
func ExampleOf() {
	parts := partition.Of([]partition.Pipeline{piped("a", "g1", "r1 r2", "g2")})
	out, err := json.Marshal(parts.Parts[0].Members)
	fmt.Println(string(out), err)
	// Output: [{"kind":"processor","id":"r1"},{"kind":"processor","id":"r2"}] <nil>
}
