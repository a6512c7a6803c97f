package otaptest

import (
	"fmt"
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Diff compares two logs strictly: every field, order, duplicates, and the bits of floats. It
// returns the first difference, or "".
func Diff(want, got plog.Logs) string {
	a, b := want.ResourceLogs(), got.ResourceLogs()
	if a.Len() != b.Len() {
		return fmt.Sprintf("resources: want %d, got %d", a.Len(), b.Len())
	}
	for i := range a.Len() {
		if d := diffResource(a.At(i), b.At(i)); d != "" {
			return fmt.Sprintf("resource %d: %s", i, d)
		}
	}
	return ""
}

func diffResource(a, b plog.ResourceLogs) string {
	if d := first(
		field("schema_url", a.SchemaUrl(), b.SchemaUrl()),
		field(
			"dropped", a.Resource().DroppedAttributesCount(), b.Resource().DroppedAttributesCount(),
		),
		DiffMap(a.Resource().Attributes(), b.Resource().Attributes()),
		field("scopes", a.ScopeLogs().Len(), b.ScopeLogs().Len()),
	); d != "" {
		return d
	}
	for i := range a.ScopeLogs().Len() {
		if d := diffScope(a.ScopeLogs().At(i), b.ScopeLogs().At(i)); d != "" {
			return fmt.Sprintf("scope %d: %s", i, d)
		}
	}
	return ""
}

func diffScope(a, b plog.ScopeLogs) string {
	if d := first(
		field("schema_url", a.SchemaUrl(), b.SchemaUrl()),
		field("name", a.Scope().Name(), b.Scope().Name()),
		field("version", a.Scope().Version(), b.Scope().Version()),
		field("dropped", a.Scope().DroppedAttributesCount(), b.Scope().DroppedAttributesCount()),
		DiffMap(a.Scope().Attributes(), b.Scope().Attributes()),
		field("records", a.LogRecords().Len(), b.LogRecords().Len()),
	); d != "" {
		return d
	}
	for i := range a.LogRecords().Len() {
		if d := diffRecord(a.LogRecords().At(i), b.LogRecords().At(i)); d != "" {
			return fmt.Sprintf("record %d: %s", i, d)
		}
	}
	return ""
}

func diffRecord(a, b plog.LogRecord) string {
	return first(
		field("timestamp", a.Timestamp(), b.Timestamp()),
		field("observed", a.ObservedTimestamp(), b.ObservedTimestamp()),
		field("severity", a.SeverityNumber(), b.SeverityNumber()),
		field("severity_text", a.SeverityText(), b.SeverityText()),
		field("event_name", a.EventName(), b.EventName()),
		field("flags", a.Flags(), b.Flags()),
		field("dropped", a.DroppedAttributesCount(), b.DroppedAttributesCount()),
		field("trace_id", a.TraceID(), b.TraceID()),
		field("span_id", a.SpanID(), b.SpanID()),
		prefix("body", DiffValue(a.Body(), b.Body())),
		prefix("attributes", DiffMap(a.Attributes(), b.Attributes())),
	)
}

func first(ds ...string) string {
	if i := slices.IndexFunc(ds, func(s string) bool { return s != "" }); i >= 0 {
		return ds[i]
	}
	return ""
}

func prefix(name, d string) string {
	if d == "" {
		return ""
	}
	return name + ": " + d
}

func field[T comparable](name string, a, b T) string {
	if a == b {
		return ""
	}
	return fmt.Sprintf("%s: want %v, got %v", name, a, b)
}

// DiffMap compares two maps, duplicates and order included.
func DiffMap(a, b pcommon.Map) string {
	if a.Len() != b.Len() {
		return fmt.Sprintf("%d attributes, got %d", a.Len(), b.Len())
	}
	ks, vs := pairs(a)
	kb, vb := pairs(b)
	for i := range ks {
		if d := first(
			field("key", ks[i], kb[i]), prefix(fmt.Sprintf("%q", ks[i]), DiffValue(vs[i], vb[i])),
		); d != "" {
			return d
		}
	}
	return ""
}

func pairs(m pcommon.Map) (ks []string, vs []pcommon.Value) {
	for k, v := range m.All() {
		ks, vs = append(ks, k), append(vs, v)
	}
	return ks, vs
}

// DiffValue compares two values.
func DiffValue(a, b pcommon.Value) string {
	if a.Type() != b.Type() {
		return fmt.Sprintf("type: want %v, got %v", a.Type(), b.Type())
	}
	switch a.Type() {
	case pcommon.ValueTypeMap:
		return DiffMap(a.Map(), b.Map())
	case pcommon.ValueTypeSlice:
		x, y := a.Slice(), b.Slice()
		if x.Len() != y.Len() {
			return fmt.Sprintf("%d elements, got %d", x.Len(), y.Len())
		}
		for i := range x.Len() {
			if d := DiffValue(x.At(i), y.At(i)); d != "" {
				return fmt.Sprintf("[%d]: %s", i, d)
			}
		}
		return ""
	case pcommon.ValueTypeBytes:
		return field("bytes", string(a.Bytes().AsRaw()), string(b.Bytes().AsRaw()))
	case pcommon.ValueTypeDouble:
		return field("double", math.Float64bits(a.Double()), math.Float64bits(b.Double()))
	case pcommon.ValueTypeStr:
		return field("str", a.Str(), b.Str())
	case pcommon.ValueTypeInt:
		return field("int", a.Int(), b.Int())
	case pcommon.ValueTypeBool:
		return field("bool", a.Bool(), b.Bool())
	}
	return ""
}

// Prune removes scopes and resources without records, which records cannot carry.
func Prune(ld plog.Logs) {
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool { return sl.LogRecords().Len() == 0 })
		return rl.ScopeLogs().Len() == 0
	})
}

// Clone returns a copy.
func Clone(ld plog.Logs) plog.Logs {
	c := plog.NewLogs()
	ld.CopyTo(c)
	return c
}
