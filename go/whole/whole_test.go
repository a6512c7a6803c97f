package whole_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/goleak"

	"github.com/strait-data/strait/go/whole"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type config struct {
	Count whole.Number   `mapstructure:"count"`
	Wait  whole.Duration `mapstructure:"wait"`
}

func read(t *testing.T, yaml string) (config, error) {
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	c := config{Count: 7, Wait: whole.Duration(time.Second)}
	return c, conf.Unmarshal(&c)
}

// Guarantees: what arrives is what was written.
func TestNumbersArrive(t *testing.T) {
	for yaml, want := range map[string]config{
		"{}":                         {7, whole.Duration(time.Second)},
		"count: 0":                   {0, whole.Duration(time.Second)},
		"count: -1":                  {-1, whole.Duration(time.Second)},
		"count: 9223372036854775807": {1<<63 - 1, whole.Duration(time.Second)},
		"count: 4294968320":          {1<<32 + 1024, whole.Duration(time.Second)},
		"count: 2e3":                 {2000, whole.Duration(time.Second)},
		"wait: 1.5h":                 {7, whole.Duration(90 * time.Minute)},
		"wait: 1500":                 {7, 1500},
		"wait: -2s":                  {7, whole.Duration(-2 * time.Second)},
	} {
		found, err := read(t, yaml)
		require.NoError(t, err, yaml)
		require.Equal(t, want, found, yaml)
	}
}

// Guarantees: what would have to be changed to fit is an error with its key and what was found.
func TestWhatDoesNotFitIsRefused(t *testing.T) {
	const number, duration = "'count' expected type 'whole.Number', ", "'wait' expected type " +
		"'whole.Duration', "
	for yaml, want := range map[string]string{
		"count: 2.5": "'count' expected a whole number, found 2.5",
		"count: 18446744073709551615": "'count' expected a whole number from -9223372036854775808 " +
			"to 9223372036854775807, found 18446744073709551615",
		"count: 1e30":                "found 1e+30",
		"count: .nan":                "found NaN",
		"count: .inf":                "found +Inf",
		"count: 9223372036854775808": "found 9223372036854775808",
		"count: many":                number + "got unconvertible type 'string'",
		"count: [1]":                 number + "got unconvertible type '[]interface {}'",
		"wait: 2.5":                  "'wait' expected a whole number, found 2.5",
		"wait: 18446744073709551615": "found 18446744073709551615",
		"wait: 3000000h":             `time: invalid duration "3000000h"`,
		"wait: true":                 duration + "got unconvertible type 'bool'",
	} {
		_, err := read(t, yaml)
		require.ErrorContains(t, err, want, yaml)
	}
}

// Guarantees: print-config shows what would be read as the same.
func TestNumbersAreShown(t *testing.T) {
	out := confmap.New()
	require.NoError(t, out.Marshal(config{3, whole.Duration(90 * time.Second)}))
	require.Equal(t, map[string]any{"count": whole.Number(3), "wait": "1m30s"}, out.ToStringMap())
}
