package rustconfig

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"pgregory.net/rapid"
)

// tree draws what YAML makes, and what a program may put into a Conf.
func tree(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().
			AsAny(),
		rapid.Int().AsAny(), rapid.Int64().AsAny(), rapid.Uint64().AsAny(), rapid.Int8().AsAny(),
		rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).AsAny(),
		rapid.String().
			AsAny(),
		rapid.StringMatching(`[a-z/~"\\<é]{0,6}`).AsAny(), rapid.SliceOf(rapid.String()).AsAny(),
	}
	if depth > 0 {
		below := tree(depth - 1)
		leaves = append(leaves, rapid.SliceOfN(below, 0, 4).AsAny(),
			rapid.MapOfN(rapid.StringMatching(`[a-z/~. ]{0,4}`), below, 0, 4).AsAny())
	}
	return rapid.OneOf(leaves...)
}

// Guarantees: whatever the values are, what crosses reads as encoding/json would have written them.
func TestValuesCross(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := tree(4).Draw(t, "value")
		e := encoder{originals: map[string]string{}}
		e.encode(value, nil)
		require.Empty(t, e.errors)
		want, err := json.Marshal(value)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(e.out))
	})
}

// Guarantees: a map with keys that are no text, which confmap never makes, is refused as a whole.
func TestKeysAreText(t *testing.T) {
	e := encoder{originals: map[string]string{}}
	e.encode(map[string]any{"a": map[any]any{"b": 1}, "c": map[any]any{1: 2}}, nil)
	require.EqualError(t, e.errors, "decoding failed due to the following error(s):\n\n"+
		"'c' needs a map with string keys, has the key 1")
}

// Guarantees: a secret that a program puts into a Conf is handed on, not its mask.
func TestSecretsCross(t *testing.T) {
	v, err := valuesOf(
		confmap.NewFromStringMap(map[string]any{"token": configopaque.String("hunter2")}), nil,
	)
	require.NoError(t, err)
	require.JSONEq(t, `{"token": "hunter2"}`, string(v.Config))
}

// Guarantees: what has no JSON form is named by its place, everything at once and in order.
func TestWhatCannotCrossIsNamed(t *testing.T) {
	_, err := valuesOf(confmap.NewFromStringMap(map[string]any{
		"z": math.Inf(1), "list": []any{1, math.NaN()}, "deep": map[string]any{"start": time.Now()},
		"call": func() {},
	}), nil)
	require.EqualError(t, err, `decoding failed due to the following error(s):

'call' unsupported type 'func()'
'deep.start' expected type 'string', got unconvertible type 'time.Time' (put the date into quotes)
'list[1]' expected a finite number, found NaN
'z' expected a finite number, found +Inf`)
}

// Guarantees: what was to be a secret text and is none is masked where it is shown, and handed on
// as what it is, so that it is refused and not taken for an empty text.
func TestAWrongSecretIsHandedOnAsItIs(t *testing.T) {
	const shown = `{"nodes": [{"salt": 404}, {"salt": ["hunter2"]}, {"salt": "hunter2"}]}`
	a := decoded{
		Shown:   json.RawMessage(shown),
		Secrets: []string{"/nodes/0/salt", "/nodes/1/salt", "/nodes/2/salt"},
	}
	tree, err := a.tree()
	require.NoError(t, err)
	handed, err := JSON("nodes", tree["nodes"])
	require.NoError(t, err)
	require.JSONEq(t, `[{"salt": 404}, {"salt": ["hunter2"]}, {"salt": "hunter2"}]`, string(handed))
	conf := confmap.New()
	require.NoError(t, conf.Marshal(struct {
		Nodes any `mapstructure:"nodes"`
	}{tree["nodes"]}))
	masked := map[string]any{"salt": "[REDACTED]"}
	require.Equal(t, map[string]any{"nodes": []any{masked, masked, masked}}, conf.ToStringMap())
}
