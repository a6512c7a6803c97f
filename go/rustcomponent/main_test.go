package rustcomponent

import (
	"testing"

	"go.uber.org/goleak"
)

// What needs the Rust side is tested in tests/native, tests/config and tests/extension; this is the
// rest.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
