package otap_test

import (
	"encoding/binary"
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

// The model keeps every map as a list of pairs, and does what format.md says word by word.

type pair struct {
	key string
	val pcommon.Value
}

type model struct {
	ld   plog.Logs
	keep []bool
	ops  []otaptest.Op
}

func (m *model) stays(row int) bool { return m.keep == nil || m.keep[row] }

// edited returns the pairs of a map after the operations on it.
func (m *model) edited(src pcommon.Map, target uint32, owner int) []pair {
	var ps []pair
	for k, v := range src.All() {
		c := pcommon.NewValueEmpty()
		v.CopyTo(c)
		ps = append(ps, pair{k, c})
	}
	for _, o := range m.ops {
		if o.Target != target || (o.Owner != otaptest.Every && int(o.Owner) != owner) {
			continue
		}
		at := slices.IndexFunc(ps, func(p pair) bool { return p.key == o.Key })
		switch {
		case o.Action == otaptest.Set && at >= 0:
			ps[at].val = value(o)
		case o.Action == otaptest.Set && o.Owner != otaptest.Every:
			ps = append(ps, pair{o.Key, value(o)})
		case o.Action == otaptest.Delete:
			ps = slices.DeleteFunc(ps, func(p pair) bool { return p.key == o.Key })
		case o.Action == otaptest.Rename && at >= 0 && o.Text != o.Key:
			ps[at].key = "\x00old" // so that it survives what is removed now
			ps = slices.DeleteFunc(ps, func(p pair) bool { return p.key == o.Text })
			ps[slices.IndexFunc(ps, func(p pair) bool { return p.key == "\x00old" })].key = o.Text
		}
	}
	return ps
}

func value(o otaptest.Op) pcommon.Value {
	v := pcommon.NewValueEmpty()
	switch o.Kind {
	case 1:
		v.SetStr(o.Text)
	case 2:
		v.SetInt(int64(o.Number))
	case 4:
		v.SetBool(o.Number == 1)
	case 5:
		v.SetEmptyMap().PutStr("k", "v") // what the test's CBOR says
	case 7:
		v.SetEmptyBytes().FromRaw([]byte(o.Text))
	}
	return v
}

func put(m pcommon.Map, ps []pair) {
	var b xpdata.MapBuilder
	for _, p := range ps {
		p.val.CopyTo(b.AppendEmpty(p.key))
	}
	b.UnsafeIntoMap(m)
}

// run builds the expected logs anew.
func (m *model) run() plog.Logs {
	out := otaptest.Clone(m.ld)
	row, scope := 0, 0
	for r, rl := range out.ResourceLogs().All() {
		put(
			rl.Resource().Attributes(),
			m.edited(rl.Resource().Attributes(), otaptest.TargetResource, r),
		)
		for _, sl := range rl.ScopeLogs().All() {
			put(
				sl.Scope().Attributes(),
				m.edited(sl.Scope().Attributes(), otaptest.TargetScope, scope),
			)
			scope++
			sl.LogRecords().RemoveIf(func(lr plog.LogRecord) bool {
				if m.stays(row) {
					m.record(lr, row)
				}
				row++
				return !m.stays(row - 1)
			})
		}
	}
	if m.keep != nil {
		m.prune(out)
	}
	return out
}

// prune removes what lost all its records; what had none stays.
func (m *model) prune(out plog.Logs) {
	r := -1
	out.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		r++
		before, s := m.ld.ResourceLogs().At(r).ScopeLogs(), -1
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			s++
			return sl.LogRecords().Len() == 0 && before.At(s).LogRecords().Len() > 0
		})
		return rl.ScopeLogs().Len() == 0 && before.Len() > 0
	})
}

func (m *model) record(lr plog.LogRecord, row int) {
	put(lr.Attributes(), m.edited(lr.Attributes(), otaptest.TargetLog, row))
	for _, o := range m.ops {
		if o.Owner != otaptest.Every && int(o.Owner) != row {
			continue
		}
		switch o.Target {
		case otaptest.TargetBody:
			value(o).CopyTo(lr.Body())
		case otaptest.TargetSeverity:
			lr.SetSeverityNumber(plog.SeverityNumber(int32(o.Number)))
		case otaptest.TargetSeverityText:
			lr.SetSeverityText(o.Text)
		case otaptest.TargetEvent:
			lr.SetEventName(o.Text)
		}
	}
}

// ops draws valid operations for the logs.
func ops(t *rapid.T, ld plog.Logs) (out []otaptest.Op) {
	scopes := 0
	for _, rl := range ld.ResourceLogs().All() {
		scopes += rl.ScopeLogs().Len()
	}
	for range rapid.IntRange(0, 6).Draw(t, "ops") {
		o := otaptest.Op{
			Target: rapid.SampledFrom(otaptest.Targets).Draw(t, "target"),
			Action: otaptest.Set,
			Owner:  otaptest.Every,
			Kind:   1,
		}
		owners := map[uint32]int{
			otaptest.TargetResource: ld.ResourceLogs().Len(),
			otaptest.TargetScope:    scopes,
		}
		n, ok := owners[o.Target]
		if !ok {
			n = ld.LogRecordCount()
		}
		if n > 0 && rapid.Bool().Draw(t, "one") {
			o.Owner = uint32(rapid.IntRange(0, n-1).Draw(t, "owner"))
		}
		switch {
		case otaptest.HasKey(o.Target):
			o.Key = rapid.SampledFrom(otaptest.Keys).Draw(t, "key")
			o.Action = rapid.Uint8Range(1, 3).Draw(t, "action")
			if o.Action == otaptest.Set {
				o.Kind = rapid.SampledFrom([]uint8{0, 1, 2, 4, 5, 7}).Draw(t, "kind")
			}
		case o.Target == otaptest.TargetBody:
			o.Kind = rapid.SampledFrom([]uint8{0, 1, 2, 4, 5, 7}).Draw(t, "kind")
		case o.Target == otaptest.TargetSeverity:
			o.Kind = 2
		}
		switch o.Kind {
		case 1:
			o.Text = rapid.SampledFrom(append([]string{"new"}, otaptest.Keys...)).Draw(t, "text")
		case 2:
			o.Number = uint64(int64(rapid.Int32().Draw(t, "int")))
		case 4:
			o.Number = rapid.Uint64Range(0, 1).Draw(t, "bool")
		case 5:
			o.Text = "\xa1\x61k\x61v"
		case 7:
			o.Text = "\xff\x00"
		}
		out = append(out, o)
	}
	return out
}

func TestDifferenceIsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{})
		m := &model{ld: ld, ops: ops(t, ld)}
		if rapid.Bool().Draw(t, "filters") {
			m.keep = rapid.SliceOfN(rapid.Bool(), ld.LogRecordCount(), ld.LogRecordCount()).
				Draw(t, "keep")
		}
		want := m.run()
		got := otaptest.Clone(ld)
		b := otaptest.Difference(ld.LogRecordCount(), m.keep, m.ops)
		if err := otap.ApplyDifference(got, b); err != nil {
			t.Fatal(err)
		}
		if d := otaptest.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

// A bad difference is refused and changes nothing, whatever byte is wrong (S-15).
func TestBadDifferenceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ld := otaptest.Logs(t, otaptest.Options{})
		b := otaptest.Difference(ld.LogRecordCount(), nil, ops(t, ld))
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		got := otaptest.Clone(ld)
		if err := otap.ApplyDifference(got, b); err != nil {
			if errors.Is(err, record.ErrContent) == errors.Is(err, record.ErrValue) {
				t.Fatalf("expected an error of the content or of a value, and of one only: %v", err)
			}
			if d := otaptest.Diff(ld, got); d != "" {
				t.Fatalf("changed in spite of %v: %s", err, d)
			}
		}
	})
}

// A difference that is not laid out as the format says ends the link; a wrong operation ends its
// call only (S-15).
func TestDifferenceRefuses(t *testing.T) {
	ld := otaptest.L(4)
	le := binary.LittleEndian
	ok := []otaptest.Op{{
		Target: otaptest.TargetLog, Action: otaptest.Rename, Kind: 1, Owner: otaptest.Every,
		Key: "user.id", Text: "u",
	}}
	with := func(f func(o *otaptest.Op)) []byte {
		o := ok[0]
		f(&o)
		return otaptest.Difference(4, nil, []otaptest.Op{o})
	}
	edit := func(f func(b []byte)) []byte {
		b := otaptest.Difference(4, []bool{true, true, false, true}, ok)
		f(b)
		return b
	}
	content := map[string][]byte{
		"empty":          nil,
		"magic":          edit(func(b []byte) { b[0] = 0 }),
		"rows in":        edit(func(b []byte) { le.PutUint32(b[36:], 5) }),
		"rows kept":      edit(func(b []byte) { le.PutUint32(b[40:], 2) }),
		"no bitmap":      edit(func(b []byte) { le.PutUint32(b[44:], 0) }),
		"bitmap offset":  edit(func(b []byte) { le.PutUint32(b[44:], 52) }),
		"bitmap outside": edit(func(b []byte) { le.PutUint32(b[44:], 1<<31) }),
		"bits behind":    edit(func(b []byte) { b[55] = 0x80; le.PutUint32(b[40:], 4) }),
		"op count":       edit(func(b []byte) { le.PutUint32(b[12:], 1<<30) }),
		"op offset":      edit(func(b []byte) { le.PutUint32(b[16:], 57) }),
		"data length":    edit(func(b []byte) { le.PutUint32(b[24:], 1<<30) }),
	}
	values := map[string][]byte{
		"target 0":    with(func(o *otaptest.Op) { o.Target = 0 }),
		"the time":    with(func(o *otaptest.Op) { o.Target = 30 << 8 }),
		"rename body": with(func(o *otaptest.Op) { o.Target, o.Key = otaptest.TargetBody, "" }),
		"delete body": with(
			func(o *otaptest.Op) {
				o.Target, o.Key, o.Action = otaptest.TargetBody, "", otaptest.Delete
			},
		),
		"key of a body": with(
			func(o *otaptest.Op) { o.Target, o.Action = otaptest.TargetBody, otaptest.Set },
		),
		"owner": with(func(o *otaptest.Op) { o.Owner = 4 }),
		"scope owner": with(
			func(o *otaptest.Op) { o.Target, o.Owner = otaptest.TargetScope, 2 },
		),
		"key not UTF-8":  with(func(o *otaptest.Op) { o.Key = "\xff" }),
		"text not UTF-8": with(func(o *otaptest.Op) { o.Text = "\xff" }),
		"rename to int":  with(func(o *otaptest.Op) { o.Kind = 2 }),
		"type":           with(func(o *otaptest.Op) { o.Action, o.Kind = otaptest.Set, 8 }),
		"bool 2": with(
			func(o *otaptest.Op) { o.Action, o.Kind, o.Number = otaptest.Set, 4, 2 },
		),
		"cbor": with(
			func(o *otaptest.Op) { o.Action, o.Kind, o.Text = otaptest.Set, 5, "\xa1" },
		),
		"cbor empty": with(
			func(o *otaptest.Op) { o.Action, o.Kind, o.Text = otaptest.Set, 5, "" },
		),
		"cbor kind": with(
			func(o *otaptest.Op) { o.Action, o.Kind, o.Text = otaptest.Set, 5, "\x80" },
		),
		"severity": with(func(o *otaptest.Op) {
			o.Target, o.Action, o.Key = otaptest.TargetSeverity, otaptest.Set, ""
			o.Kind, o.Number = 2, 1<<40
		}),
	}
	refuses(t, ld, record.ErrContent, content)
	refuses(t, ld, record.ErrValue, values)
}

// refuses applies differences that are refused for a kind of error, and change nothing.
func refuses(t *testing.T, ld plog.Logs, kind error, cases map[string][]byte) {
	for name, b := range cases {
		got := otaptest.Clone(ld)
		if err := otap.ApplyDifference(got, b); !errors.Is(err, kind) {
			t.Errorf("%s: got %v, expected %v", name, err, kind)
		}
		if d := otaptest.Diff(ld, got); d != "" {
			t.Errorf("%s: changed: %s", name, d)
		}
	}
}
