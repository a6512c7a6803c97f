package fuse

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/unit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Guarantees: each processor of a part takes itself off the mark, in their order, and nobody else
// is taken for one; what is behind the part sees no mark, whatever was marked before.
func TestTheMark(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 5).Draw(t, "ids")
		before := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "x"}), 0, 2).Draw(t, "before")
		ctx := marked(marked(t.Context(), markOf(before)), markOf(ids))
		if len(ids) == 0 {
			return // the head of no part marks nothing
		}
		for _, id := range ids {
			_, done := passes(ctx, "other")
			require.False(t, done)
			ctx, done = passes(ctx, id)
			require.True(t, done)
		}
		for _, id := range []string{"a", "b", "c", "x"} {
			_, done := passes(ctx, id)
			require.False(t, done, "%s behind the part", id)
		}
	})
}

// configured is a configuration of a processor.
type configured struct{ typ string }

func (*configured) Kind() unit.Kind { return unit.KindProcessor }

func (c *configured) Member(id string) (unit.Member, error) {
	if c.typ == "" {
		return unit.Member{}, fmt.Errorf("no member")
	}
	return unit.Member{ID: id, Kind: unit.KindProcessor, Type: c.typ}, nil
}

func take(t *testing.T, s Stand, cfg Configured) *Place {
	t.Helper()
	conf := confmap.NewFromStringMap(map[string]any{Key: s.Map(), "key": "value"})
	p, err := Take(conf, cfg)
	require.NoError(t, err)
	require.NotNil(t, p)
	require.Equal(t, map[string]any{"key": "value"}, conf.ToStringMap())
	require.Equal(t, s.Configuration, p.stand.Configuration)
	return p
}

// aside is the stand of one that is in another's part in the pipeline logs.
func aside(number uint64, id string) Stand {
	return Stand{Configuration: number, ID: id, Aside: []string{"logs"}}
}

func alone(id string) unit.Spec {
	return unit.Spec{
		ID: id, Edges: unit.Between(unit.Logs),
		Members: []unit.Member{{ID: id, Kind: unit.KindProcessor, Type: "some"}},
	}
}

// Guarantees: a head finds the configurations of those behind it, of its own configuration of the
// Collector and no other; one that is missing, or that makes no member, is named.
func TestTheSpecOfAPart(t *testing.T) {
	number := Number()
	stand := Stand{Configuration: number, ID: "a", Fellows: []string{"processor b", "processor c"}}
	head := take(t, stand, &configured{"one"})
	_, err := head.spec(alone("a"))
	require.ErrorContains(t, err, "b, which is in the same part")
	b := take(t, aside(number, "b"), &configured{"two"})
	c := take(t, aside(Number(), "c"), &configured{"three"})
	_, err = head.spec(alone("a"))
	require.ErrorContains(t, err, "c, which is in the same part, has no configuration")
	c2 := take(t, aside(number, "c"), &configured{})
	_, err = head.spec(alone("a"))
	require.ErrorContains(t, err, "c, which is in the same part: no member")
	c3 := take(t, aside(number, "c"), &configured{"three"})
	spec, err := head.spec(alone("a"))
	require.NoError(t, err)
	require.Len(t, spec.Members, 3)
	for i, want := range []string{"a some", "b two", "c three"} {
		require.Equal(t, want, spec.Members[i].ID+" "+spec.Members[i].Type)
	}
	for _, place := range []*Place{b, c, c2, c3} {
		runtime.KeepAlive(place)
	}
}

// Guarantees: without the key there is no place; a value that is not Strait's own is refused.
func TestTheKeyIsStraitsOwn(t *testing.T) {
	p, err := Take(confmap.NewFromStringMap(map[string]any{"key": 1}), &configured{})
	require.NoError(t, err)
	require.Nil(t, p)
	for _, value := range []any{"text", 7, map[string]any{"fellows": 7}, map[string]any{"x": 1}} {
		_, err := Take(confmap.NewFromStringMap(map[string]any{Key: value}), &configured{})
		require.ErrorContains(t, err, "strait_part: this key is Strait's own")
	}
}

// Guarantees: what a configuration knows goes when nobody has a place in it any more: a Collector
// that is reloaded for months keeps nothing of what was.
func TestConfigurationsGo(t *testing.T) {
	number := Number()
	place := take(t, Stand{Configuration: number, ID: "a"}, &configured{"one"})
	known := func() bool {
		runtime.GC()
		configurations.mu.Lock()
		defer configurations.mu.Unlock()
		_, is := configurations.all[number]
		return is
	}
	require.True(t, known())
	runtime.KeepAlive(place)
	place = nil
	for known() {
		runtime.Gosched() // the test's own limit ends it
	}
}

// in is a host that the Collector hands to a processor of a pipeline.
type in struct {
	component.Host
	InstanceID *componentstatus.InstanceID
}

func hostIn(id pipeline.ID) component.Host {
	instance := componentstatus.NewInstanceID(
		component.MustNewID("some"), component.KindProcessor, id,
	)
	return in{componenttest.NewNopHost(), instance}
}

// Guarantees: where a processor is in another's part it starts nothing, passes on what was there,
// untouched, without the mark, and refuses what was not; elsewhere it starts its own unit.
func TestSteppingAside(t *testing.T) {
	logs := pipeline.NewID(pipeline.SignalLogs)
	place := take(t, aside(Number(), "b"), &configured{"two"})
	var seen []context.Context
	next := new(consumertest.LogsSink)
	p, err := NewLogs(place, alone("b"), unit.DefaultTransport(),
		componenttest.NewNopTelemetrySettings(), next)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), hostIn(logs)))
	member := &unit.Member{ID: "b", Kind: unit.KindProcessor}
	require.NotNil(t, place.all.aside("logs", member))
	d := plog.NewLogs()
	require.NoError(t, p.ConsumeLogs(marked(t.Context(), markOf([]string{"b", "c"})), d))
	require.Len(t, next.AllLogs(), 1)
	seen = append(seen, next.Contexts()...)
	_, done := passes(seen[0], "c")
	require.True(t, done, "the next one of the part is at the front")
	err = p.ConsumeLogs(t.Context(), d)
	require.ErrorContains(t, err, "b is in the part of another component in pipeline logs")
	require.NoError(t, p.Shutdown(t.Context()))
	require.Nil(t, place.all.aside("logs", member))

	p, err = NewLogs(place, alone("b"), unit.DefaultTransport(),
		componenttest.NewNopTelemetrySettings(), next)
	require.NoError(t, err)
	err = p.Start(t.Context(), hostIn(pipeline.NewIDWithName(pipeline.SignalLogs, "else")))
	require.ErrorContains(t, err, "strait build", "this program has no Rust part")
	require.NoError(t, p.Shutdown(t.Context()))
}
