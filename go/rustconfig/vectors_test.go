package rustconfig_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vector is one line of durations.json, which the Rust side reads too.
type vector struct {
	Text string `json:"text"`
	// Nanos is nil where the text is no duration.
	Nanos   *int64 `json:"nanos,omitempty"`
	Printed string `json:"printed,omitempty"`
}

var durationTexts = []string{
	"0", "+0", "-0", "0s", "1s", "5s", "30s", "1478s", "-5s", "+5s", "5.0s", "5.6s", "5.s", ".5s",
	"1.0s", "1.00s", "1.004s", "1.0040s",
	"100.00100s", "10ns", "11us", "12µs", "12μs", "13ms", "14s", "15m", "16h", "3h30m", "10.5s4m",
	"-2m3.4s",
	"1h2m3s4ms5us6ns", "39h9m14.425s", "52763797000ns", "0.3333333333333333333h", "9007199254740993ns",
	"9223372036854775807ns", "9223372036854775.807us", "9223372036s854ms775us807ns",
	"-9223372036854775808ns",
	"-9223372036854775.808us", "-9223372036s854ms775us808ns", "-2562047h47m16.854775808s",
	"0.100000000000000000000h", "0.830103483285477580700h", "1m30s", "1.5h",
	"100ms", "90m", "24h", "1us", "999ns", "1.1us", "2.2ms",
	"0.000001ns", "1ns0.5ns", "999.999999999s", "1h0.000000001s",
	"", "3", "-", "s", ".", "-.", ".s", "+.s", "1d", "1w", "1 s", " 1s", "1s ", "1S",
	"5ss", "five", "1e3s", "--1s", "+-1s", "1m-1s", "0x1s", "\x00",
	"9223372036854775810ns", "9223372036854775808ns", "-9223372036854775809ns",
	"9223372036854776us", "3000000h", "9223372036854775.808us",
	"9223372036854ms775us808ns", "1é", "1s\u00b5",
}

// Guarantees: the durations that the Rust side is tested with are those of Go's time package.
func TestDurationVectors(t *testing.T) {
	const path = "../../dataplane/component/vectors/durations.json"
	var lines [][]byte
	for _, text := range durationTexts {
		v := vector{Text: text}
		if d, err := time.ParseDuration(text); err == nil {
			nanos := d.Nanoseconds()
			v.Nanos, v.Printed = &nanos, d.String()
		}
		line, err := json.Marshal(v)
		require.NoError(t, err)
		lines = append(lines, line)
	}
	want := append(append([]byte("[\n  "), bytes.Join(lines, []byte(",\n  "))...), "\n]\n"...)
	if *update {
		require.NoError(t, os.WriteFile(path, want, 0o644))
	}
	found, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(
		t,
		string(want),
		string(found),
		"make it anew: go test ./rustconfig -run Vectors -update",
	)
}
