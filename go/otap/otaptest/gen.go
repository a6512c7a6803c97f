package otaptest

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
	"pgregory.net/rapid"
)

// Keys are the attribute keys that Logs mostly takes from; the empty one is among them.
var Keys = []string{"a", "b", "http.method", "card", "", "ключ"}

// Options narrow what Logs makes.
type Options struct {
	// NoDuplicates makes no map with the same key twice.
	NoDuplicates bool
	// Bad makes some of what cannot cross: text that is not UTF-8, values that nest too deep,
	// entity references.
	Bad bool
	// MaxRecords is the limit of records in one scope; 0 is 8.
	MaxRecords int
}

// Logs draws logs of every shape that pdata can hold with text in UTF-8: all value kinds nested,
// empty keys and values, duplicate keys, extreme numbers, empty resources and scopes.
func Logs(t *rapid.T, o Options) plog.Logs {
	if o.MaxRecords == 0 {
		o.MaxRecords = 8
	}
	g := gen{t, o}
	ld := plog.NewLogs()
	nested(g, 3, o.MaxRecords,
		func() plog.ResourceLogs {
			rl := ld.ResourceLogs().AppendEmpty()
			g.resource(rl.Resource(), rl.SetSchemaUrl)
			return rl
		},
		func(rl plog.ResourceLogs) plog.ScopeLogs {
			sl := rl.ScopeLogs().AppendEmpty()
			g.scope(sl.Scope(), sl.SetSchemaUrl)
			return sl
		},
		func(sl plog.ScopeLogs) { g.record(sl.LogRecords().AppendEmpty()) })
	return ld
}

// nested draws what all signals have in common: up to 3 resources, in each up to so many scopes,
// and in each of these up to so many items.
func nested[R, S any](
	g gen, scopes, items int, resource func() R, scope func(R) S, item func(S),
) {
	for range g.n("resources", 3) {
		r := resource()
		for range g.n("scopes", scopes) {
			s := scope(r)
			for range g.n("items", items) {
				item(s)
			}
		}
	}
}

func (g gen) resource(r pcommon.Resource, setURL func(string)) {
	setURL(g.text("resource url"))
	r.SetDroppedAttributesCount(g.u32("resource dropped"))
	g.attrs(r.Attributes())
	if g.o.Bad && g.one("entity", 10) {
		entity.ResourceEntityRefs(r).AppendEmpty().SetType("host")
	}
}

func (g gen) scope(s pcommon.InstrumentationScope, setURL func(string)) {
	setURL(g.text("scope url"))
	s.SetName(g.text("scope name"))
	s.SetVersion(g.text("scope version"))
	s.SetDroppedAttributesCount(g.u32("scope dropped"))
	g.attrs(s.Attributes())
}

type gen struct {
	t *rapid.T
	o Options
}

func (g gen) n(label string, n int) int { return rapid.IntRange(0, n).Draw(g.t, label) }

func (g gen) one(label string, oneIn int) bool { return g.n(label, oneIn-1) == 0 }

func (g gen) text(label string) string {
	if g.o.Bad && g.one("bad text", 30) {
		return "a\xff\xfeb"
	}
	some := []string{"x", "INFO", "https://example.com/1.0", "naïve 漢字 🙂"}
	return rapid.OneOf(rapid.Just(""), rapid.SampledFrom(some), rapid.String()).Draw(g.t, label)
}

func (g gen) u32(label string) uint32 {
	return rapid.OneOf(rapid.Just(uint32(0)), rapid.Just(uint32(math.MaxUint32)), rapid.Uint32()).
		Draw(g.t, label)
}

func (g gen) time(label string) pcommon.Timestamp {
	extreme := rapid.SampledFrom([]uint64{0, math.MaxUint64, 1 << 63})
	return pcommon.Timestamp(rapid.OneOf(extreme, rapid.Uint64()).Draw(g.t, label))
}

func (g gen) record(lr plog.LogRecord) {
	lr.SetTimestamp(g.time("time"))
	lr.SetObservedTimestamp(g.time("observed"))
	severity := rapid.OneOf(rapid.Int32Range(0, 24), rapid.Int32()).Draw(g.t, "severity")
	lr.SetSeverityNumber(plog.SeverityNumber(severity))
	lr.SetSeverityText(g.text("severity text"))
	lr.SetEventName(g.text("event"))
	lr.SetFlags(plog.LogRecordFlags(g.u32("flags")))
	lr.SetDroppedAttributesCount(g.u32("dropped"))
	if g.one("trace id", 2) {
		lr.SetTraceID(
			pcommon.TraceID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(g.t, "trace id bytes")),
		)
	}
	if g.one("span id", 2) {
		lr.SetSpanID(pcommon.SpanID(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(g.t, "span id bytes")))
	}
	g.value(lr.Body(), 0)
	g.attrs(lr.Attributes())
}

func (g gen) attrs(m pcommon.Map) { g.pairs(m, 4, 0) }

func (g gen) pairs(m pcommon.Map, n, depth int) {
	var b xpdata.MapBuilder
	seen := map[string]bool{}
	for range g.n("attributes", n) {
		k := rapid.OneOf(rapid.SampledFrom(Keys), rapid.String()).Draw(g.t, "key")
		if seen[k] && g.o.NoDuplicates {
			continue
		}
		seen[k] = true
		if g.o.Bad && g.one("bad key", 30) {
			k += "\xff"
		}
		g.value(b.AppendEmpty(k), depth)
	}
	b.UnsafeIntoMap(m)
}

func (g gen) value(v pcommon.Value, depth int) {
	kinds := 8
	if depth > 4 {
		kinds = 6
	}
	switch g.n("kind", kinds) {
	case 0: // empty
	case 1, 2:
		v.SetStr(g.text("str"))
	case 3:
		v.SetInt(rapid.Int64().Draw(g.t, "int"))
	case 4:
		v.SetDouble(math.Float64frombits(rapid.Uint64().Draw(g.t, "double bits")))
	case 5:
		v.SetBool(rapid.Bool().Draw(g.t, "bool"))
	case 6:
		v.SetEmptyBytes().FromRaw(rapid.SliceOf(rapid.Byte()).Draw(g.t, "bytes"))
	case 7:
		m := v.SetEmptyMap()
		g.pairs(m, 3, depth+1)
	case 8:
		s := v.SetEmptySlice()
		if g.o.Bad && depth == 0 && g.one("deep", 5) {
			for range g.n("levels", 1) + 63 { // with the first one 64 or 65
				s = s.AppendEmpty().SetEmptySlice()
			}
			return
		}
		for range g.n("elements", 3) {
			g.value(s.AppendEmpty(), depth+1)
		}
	}
}
