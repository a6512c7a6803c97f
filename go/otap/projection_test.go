package otap_test

import (
	"errors"
	"slices"
	"strings"
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
	p := otap.Plan{
		Projectable: true, Filters: rapid.Bool().Draw(t, "filters"),
		Tables: map[string]otap.TablePlan{"logs": {Columns: some("columns", cols)}},
	}
	for _, table := range []string{"log_attrs", "resource_attrs", "scope_attrs"} {
		if !rapid.Bool().Draw(t, table) {
			continue
		}
		p.Tables[table] = otap.TablePlan{
			Columns: []string{"key", "value"}, Keys: some(table+" keys", keys),
			All: table != "log_attrs" && rapid.Bool().Draw(t, "all of "+table),
		}
	}
	return p
}

// reads says whether a unit with this plan looks at some of a table.
func reads(t otap.TablePlan) bool { return t.All || len(t.Keys) > 0 }

// readsContainers says whether a unit with this plan would have to read what has no items.
func readsContainers(p otap.Plan) bool {
	return reads(p.Tables["resource_attrs"]) || reads(p.Tables["scope_attrs"])
}

// project is the model: the logs with nothing but what the plan names. Resources and scopes merge
// when nothing of them is sent.
func project(ld plog.Logs, p otap.Plan) plog.Logs {
	out := plog.NewLogs()
	ofResources, ofScopes := p.Tables["resource_attrs"], p.Tables["scope_attrs"]
	var orl plog.ResourceLogs
	var osl plog.ScopeLogs
	none := true
	for _, rl := range ld.ResourceLogs().All() {
		newResource := reads(ofResources)
		for _, sl := range rl.ScopeLogs().All() {
			newScope := reads(ofScopes)
			for _, lr := range sl.LogRecords().All() {
				if none || newResource {
					orl = out.ResourceLogs().AppendEmpty()
					some(rl.Resource().Attributes(), orl.Resource().Attributes(), ofResources)
				}
				if none || newResource || newScope {
					osl = orl.ScopeLogs().AppendEmpty()
					some(sl.Scope().Attributes(), osl.Scope().Attributes(), ofScopes)
				}
				none, newResource, newScope = false, false, false
				one(lr, osl.LogRecords().AppendEmpty(), p)
			}
		}
	}
	return out
}

func one(lr, o plog.LogRecord, p otap.Plan) {
	for _, c := range p.Tables["logs"].Columns {
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
	some(lr.Attributes(), o.Attributes(), p.Tables["log_attrs"])
}

func some(from, to pcommon.Map, t otap.TablePlan) {
	var b xpdata.MapBuilder
	for k, v := range from.All() {
		if t.All || slices.Contains(t.Keys, k) {
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
			Tables: map[string]otap.TablePlan{
				"logs":      {Columns: []string{"severity_number", "severity_text", "body"}},
				"log_attrs": {Columns: []string{"key", "value"}, Keys: []string{"k"}},
			},
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
		otap.Plan{Projectable: true, Edits: true, Tables: map[string]otap.TablePlan{
			"log_attrs": {Columns: []string{"key"}, Keys: []string{"user.id"}},
		}},
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

// values are the attributes of logs with these keys, values and all; of all where there is none.
func values(keys ...string) map[string]otap.TablePlan {
	return map[string]otap.TablePlan{
		"log_attrs": {Columns: []string{"key", "value"}, Keys: keys, All: len(keys) == 0},
	}
}

func TestWhatCannotBeProjected(t *testing.T) {
	for name, p := range map[string]otap.Plan{
		"not projectable":            {Reason: "it keeps batches"},
		"filter and the empty key":   {Projectable: true, Filters: true, Tables: values("")},
		"filter and every attribute": {Projectable: true, Filters: true, Tables: values()},
	} {
		_, err := otap.NewProjection(p)
		if !errors.Is(err, otap.ErrNotProjectable) || !strings.Contains(err.Error(), p.Reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tables := range map[string]map[string]otap.TablePlan{
		"unknown column":           {"logs": {Columns: []string{"colour"}}},
		"a column of another":      {"log_attrs": {Columns: []string{"key", "body"}, All: true}},
		"unknown table":            {"spans": {Columns: []string{"name"}}},
		"values without their key": {"scope_attrs": {Columns: []string{"value"}, All: true}},
		"keys of logs":             {"logs": {Columns: []string{"body"}, Keys: []string{"a"}}},
	} {
		_, err := otap.NewProjection(otap.Plan{Projectable: true, Tables: tables})
		if err == nil || errors.Is(err, otap.ErrNotProjectable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysThatOccurTwiceAreNotProjected(t *testing.T) {
	ld := plog.NewLogs()
	var b xpdata.MapBuilder
	b.AppendEmpty("k").SetInt(1)
	b.AppendEmpty("k").SetInt(2)
	b.AppendEmpty("other").SetInt(2)
	scope := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	b.UnsafeIntoMap(scope.LogRecords().AppendEmpty().Attributes())
	for key, bad := range map[string]bool{"k": true, "other": false} {
		pr, err := otap.NewProjection(otap.Plan{Projectable: true, Tables: values(key)})
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
	pr, err := otap.NewProjection(otap.Plan{Projectable: true, Tables: values()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = newLink(otap.Options{}).enc.MeasureProjected(ctx, &record.Header{}, ld, pr)
	if !errors.Is(err, otap.ErrNotProjectable) {
		t.Errorf("all attributes: %v", err)
	}
}
