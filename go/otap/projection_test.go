package otap_test

import (
	"errors"
	"slices"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// plan draws a projectable plan.
func plan(t *rapid.T) otap.Plan {
	cols := []string{
		"time_unix_nano",
		"observed_time_unix_nano",
		"trace_id",
		"span_id",
		"severity_number",
		"severity_text",
		"body",
		"dropped_attributes_count",
		"flags",
		"event_name",
	}
	some := func(label string, from []string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 4, rapid.ID).Draw(t, label)
	}
	keys := []string{"a", "b", "http.method", "card", "ключ"}
	return otap.Plan{
		Projectable:  true,
		Columns:      some("columns", cols),
		Keys:         some("keys", keys),
		ResourceKeys: some("resource keys", keys),
		ScopeKeys: some(
			"scope keys", keys,
		),
		AllResourceAttributes: rapid.Bool().Draw(t, "all of resources"),
		Filters:               rapid.Bool().Draw(t, "filters"),
	}
}

// readsContainers says whether a unit with this plan would have to read what has no items.
func readsContainers(p otap.Plan) bool {
	return p.AllResourceAttributes || p.AllScopeAttributes ||
		len(p.ResourceKeys)+len(p.ScopeKeys) > 0
}

// project is the model: the logs with nothing but what the plan names. Resources and scopes merge
// when nothing of them is sent.
func project(ld plog.Logs, p otap.Plan) plog.Logs {
	out := plog.NewLogs()
	resources := len(p.ResourceKeys) > 0 || p.AllResourceAttributes
	var orl plog.ResourceLogs
	var osl plog.ScopeLogs
	none := true
	for _, rl := range ld.ResourceLogs().All() {
		newResource := resources
		for _, sl := range rl.ScopeLogs().All() {
			newScope := len(p.ScopeKeys) > 0
			for _, lr := range sl.LogRecords().All() {
				if none || newResource {
					orl = out.ResourceLogs().AppendEmpty()
					some(
						rl.Resource().Attributes(), orl.Resource().Attributes(), p.ResourceKeys,
						p.AllResourceAttributes,
					)
				}
				if none || newResource || newScope {
					osl = orl.ScopeLogs().AppendEmpty()
					some(sl.Scope().Attributes(), osl.Scope().Attributes(), p.ScopeKeys, false)
				}
				none, newResource, newScope = false, false, false
				one(lr, osl.LogRecords().AppendEmpty(), p)
			}
		}
	}
	return out
}

func one(lr, o plog.LogRecord, p otap.Plan) {
	for _, c := range p.Columns {
		switch c {
		case "time_unix_nano":
			o.SetTimestamp(lr.Timestamp())
		case "observed_time_unix_nano":
			o.SetObservedTimestamp(lr.ObservedTimestamp())
		case "trace_id":
			o.SetTraceID(lr.TraceID())
		case "span_id":
			o.SetSpanID(lr.SpanID())
		case "severity_number":
			o.SetSeverityNumber(lr.SeverityNumber())
		case "severity_text":
			o.SetSeverityText(lr.SeverityText())
		case "body":
			lr.Body().CopyTo(o.Body())
		case "dropped_attributes_count":
			o.SetDroppedAttributesCount(lr.DroppedAttributesCount())
		case "flags":
			o.SetFlags(lr.Flags())
		case "event_name":
			o.SetEventName(lr.EventName())
		}
	}
	some(lr.Attributes(), o.Attributes(), p.Keys, false)
}

func some(from, to pcommon.Map, keys []string, all bool) {
	var b xpdata.MapBuilder
	for k, v := range from.All() {
		if all || slices.Contains(keys, k) {
			v.CopyTo(b.AppendEmpty(k))
		}
	}
	b.UnsafeIntoMap(to)
}

func TestProjectionIsTheModel(t *testing.T) {
	l := newLink(otap.Options{})
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{NoDuplicates: true})
		p := plan(t)
		if readsContainers(p) {
			otaptest.Prune(ld)
		}
		pr, err := otap.NewProjection(p)
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.enc.MeasureProjected(ctx, &record.Header{}, ld, pr)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		if b.Items() == 0 {
			return
		}
		slot := otaptest.Slot(b.Size())
		if err := b.Write(slot); err != nil {
			t.Fatal(err)
		}
		var raw record.Batch
		if err := raw.Read(slot); err != nil || raw.Flags&record.FlagProjected == 0 {
			t.Fatalf("flags %#x, %v", raw.Flags, err)
		}
		if d := otaptest.Diff(project(ld, p), l.receive(t, slot)); d != "" {
			t.Fatal(d)
		}
	})
}

// The column that a filter tests is there even when all its values are default, id and resource
// too, and no dictionary is empty. Attributes that no log has are not there.
func TestProjectionSendsWhatFiltersTest(t *testing.T) {
	ld := plog.NewLogs()
	lrs := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	lrs.AppendEmpty()
	lrs.AppendEmpty()
	pr, err := otap.NewProjection(
		otap.Plan{
			Projectable: true,
			Filters:     true,
			Columns:     []string{"severity_number", "severity_text", "body"},
			Keys:        []string{"k"},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(otap.Options{})
	b, err := l.enc.MeasureProjected(ctx, &record.Header{}, ld, pr)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	slot := otaptest.Slot(b.Size())
	if err := b.Write(slot); err != nil {
		t.Fatal(err)
	}
	var raw record.Batch
	if err := raw.Read(slot); err != nil {
		t.Fatal(err)
	}
	tables, err := new(record.Loader).Load(&raw, l.pre.Schemas)
	if err != nil || len(tables) != 1 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, tb := range tables {
		names := []string{"id", "resource", "severity_number", "severity_text", "body"}
		for _, n := range names {
			c := tb.Column(n)
			if c == nil {
				t.Errorf("payload %d has no column %s", tb.Payload, n)
				continue
			}
			if c.Dictionary != nil && c.Dictionary.Len == 0 {
				t.Errorf("column %s has an empty dictionary", n)
			}
			if n == "severity_number" && c.Nulls != 0 {
				t.Errorf("severity 0 is null")
			}
		}
	}
}

func TestKeysOnlyLeavesValuesOut(t *testing.T) {
	pr, err := otap.NewProjection(
		otap.Plan{Projectable: true, Edits: true, KeysOnly: true, Keys: []string{"user.id"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(otap.Options{})
	b, err := l.enc.MeasureProjected(ctx, &record.Header{}, otaptest.L(10), pr)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	slot := otaptest.Slot(b.Size())
	if err := b.Write(slot); err != nil {
		t.Fatal(err)
	}
	scopes := l.receive(t, slot).ResourceLogs().At(0).ScopeLogs()
	for _, lr := range scopes.At(0).LogRecords().All() {
		if v, ok := lr.Attributes().
			Get("user.id"); !ok || lr.Attributes().Len() != 1 || v.Type() != pcommon.ValueTypeStr ||
			v.Str() != "" {
			t.Fatalf("got %v", lr.Attributes().AsRaw())
		}
	}
}

func TestWhatCannotBeProjected(t *testing.T) {
	for name, p := range map[string]otap.Plan{
		"not projectable":            {},
		"filter and the empty key":   {Projectable: true, Filters: true, Keys: []string{""}},
		"filter and every attribute": {Projectable: true, Filters: true, AllAttributes: true},
	} {
		if _, err := otap.NewProjection(p); !errors.Is(err, otap.ErrNotProjectable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := otap.NewProjection(otap.Plan{Projectable: true, Columns: []string{"colour"}})
	if err == nil || errors.Is(err, otap.ErrNotProjectable) {
		t.Errorf("unknown column: %v", err)
	}
	ld := plog.NewLogs()
	var b xpdata.MapBuilder
	b.AppendEmpty("k").SetInt(1)
	b.AppendEmpty("k").SetInt(2)
	b.AppendEmpty("other").SetInt(2)
	scope := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	b.UnsafeIntoMap(scope.LogRecords().AppendEmpty().Attributes())
	for key, bad := range map[string]bool{"k": true, "other": false} {
		pr, err := otap.NewProjection(otap.Plan{Projectable: true, Keys: []string{key}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := newLink(otap.Options{}).enc.MeasureProjected(ctx, &record.Header{}, ld, pr)
		if errors.Is(err, otap.ErrNotProjectable) != bad {
			t.Errorf("key %s: %v", key, err)
		}
		if m != nil {
			m.Release()
		}
	}
	pr, err := otap.NewProjection(otap.Plan{Projectable: true, AllAttributes: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = newLink(otap.Options{}).enc.MeasureProjected(ctx, &record.Header{}, ld, pr)
	if !errors.Is(err, otap.ErrNotProjectable) {
		t.Errorf("all attributes: %v", err)
	}
}
