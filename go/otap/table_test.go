package otap

import (
	"context"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// written is a table that was written alone into a slot, and is read again.
func written(
	t *rapid.T, decide func(bool) record.Key, build func() (*arrow.Schema, error), superset bool,
	plan func(*record.Plan, *record.Schema), write func(*record.Plan),
) *record.Table {
	preambles := otaptest.NewPreambles()
	registry := record.NewRegistry(preambles)
	schema, err := registry.Get(context.Background(), decide(superset), superset, build)
	if err != nil {
		t.Fatal(err)
	}
	var p record.Plan
	h := record.Header{Signal: record.SignalTraces, Encoding: record.EncodingRecords}
	if err := p.Reset(&h); err != nil {
		t.Fatal(err)
	}
	plan(&p, schema)
	size, err := p.Size()
	if err != nil {
		t.Fatal(err)
	}
	slot := otaptest.Slot(size)
	if err := p.Begin(slot); err != nil {
		t.Fatal(err)
	}
	write(&p)
	var b record.Batch
	if err := b.Read(slot); err != nil {
		t.Fatal(err)
	}
	tables, err := new(record.Loader).Load(&b, preambles.Schemas)
	if err != nil {
		t.Fatal(err)
	}
	return &tables[0]
}

// spanRows are some columns of spans, of a kind each: with a value per row or one per run, within a
// struct, and some that must not be null.
type spanRows struct {
	n                                      int
	start, duration, kind, parents, status []uint64
	names                                  []string
	version                                string
}

func drawSpanRows(t *rapid.T) *spanRows {
	n := rapid.IntRange(1, 70).Draw(t, "rows")
	some := func(label string) []uint64 {
		number := rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64())
		return rapid.SliceOfN(number, n, n).Draw(t, label)
	}
	name := rapid.SampledFrom([]string{"", "GET", "POST"})
	return &spanRows{
		n: n, start: some("start"), duration: some("duration"), kind: some("kind"),
		parents: some("parent"), status: some("status"),
		names: rapid.SliceOfN(name, n, n).Draw(t, "names"), version: name.Draw(t, "version"),
	}
}

// stage takes the rows in as one run.
func (s *spanRows) stage(t *rapid.T, tab *table) {
	r := run{n: s.n}
	r.values[sharedScopeID] = 3
	if err := tab.shareText(&r, sharedScopeVersion, s.version); err != nil {
		t.Fatal(err)
	}
	tab.begin(&r)
	take(stage[uint64](tab, spansStartTimeUnixNano, 0, s.n), func(i int) uint64 {
		return s.start[i]
	})
	take(stage[uint64](tab, spansDurationTimeUnixNano, 0, s.n), func(i int) uint64 {
		return s.duration[i]
	})
	take(stage[int32](tab, spansKind, 0, s.n), func(i int) int32 { return int32(s.kind[i]) })
	take(stage[[8]byte](tab, spansParentSpanID, 0, s.n), func(i int) [8]byte {
		return [8]byte{byte(s.parents[i])}
	})
	take(stage[int32](tab, spansStatusCode, 0, s.n), func(i int) int32 {
		return int32(s.status[i])
	})
	for _, col := range tab.rowTexts {
		for i, name := range s.names {
			if col != spansName {
				name = ""
			}
			if err := tab.texts(col).put(i, name, tab.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	tab.rows = s.n
}

// check compares what was read.
func (s *spanRows) check(t *rapid.T, r *tableReader) {
	starts := numbersOf[int64](r, spansStartTimeUnixNano)
	durations := numbersOf[int64](r, spansDurationTimeUnixNano)
	kinds, codes := numbersOf[int32](r, spansKind), numbersOf[int32](r, spansStatusCode)
	ids, scopes := numbersOf[uint16](r, spansID), numbersOf[uint16](r, spansScopeID)
	parent := fixedBytes{r.columns[spansParentSpanID].cells, 8}
	for i := range s.n {
		before := parent.get(i)
		if uint64(starts.or(i)) != s.start[i] || uint64(durations.or(i)) != s.duration[i] ||
			kinds.or(i) != int32(s.kind[i]) || codes.or(i) != int32(s.status[i]) ||
			ids.or(i) != uint16(i) || scopes.or(i) != 3 ||
			(before == nil) != (byte(s.parents[i]) == 0) ||
			(before != nil && before[0] != byte(s.parents[i])) ||
			r.columns[spansScopeVersion].or(i) != s.version {
			t.Fatalf("row %d differs", i)
		}
		if name, ok := r.columns[spansName].get(i); !ok || name != s.names[i] {
			t.Fatalf("row %d: name %q, %v, expected %q", i, name, ok, s.names[i])
		}
	}
}

// Guarantees: tables are written and read by their descriptions alone. One of a signal that has no
// walker yet comes back equal, in any encoding.
func TestATableOfAnotherSignal(t *testing.T) {
	tab := newTable(payloadSpans)
	rapid.Check(t, func(t *rapid.T) {
		var x text
		tab.reset(&x)
		tab.want = 1<<len(tab.columns) - 1
		tab.force = 1<<spansID | 1<<spansResource | 1<<spansScopeID
		for col, c := range tab.schema.columns {
			if c.required {
				tab.force |= 1 << col
			}
		}
		rows := drawSpanRows(t)
		rows.stage(t, tab)
		got := written(
			t, tab.decide, tab.arrowSchema, rapid.Bool().Draw(t, "superset"),
			func(p *record.Plan, s *record.Schema) { tab.published = s; tab.plan(p) }, tab.write,
		)
		reader, arena := newTableReader(payloadSpans), arena{}
		if err := reader.open(got, &arena); err != nil {
			t.Fatal(err)
		}
		if err := arena.fill(); err != nil {
			t.Fatal(err)
		}
		rows.check(t, &reader)
	})
}

// Guarantees: attributes name their owners with as many bits as the table's description says.
func TestOwnersOfEitherWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload, most := uint16(payloadLogAttrs), uint32(1<<16-1)
		if rapid.Bool().Draw(t, "of span events") {
			payload, most = payloadSpanEventAttrs, 1<<32-1
		}
		var x text
		a := attrs{schema: schemaOf(payload)}
		a.reset(&x, nil)
		var want []uint32
		owners := rapid.SliceOfN(rapid.Uint32Range(0, most), 1, 9).Draw(t, "owners")
		for _, owner := range owners {
			m := pcommon.NewMap()
			for _, key := range []string{"a", "b", "c"}[rapid.IntRange(0, 3).Draw(t, "without"):] {
				m.PutStr(key, key)
				want = append(want, owner)
			}
			if _, err := a.take(owner, m); err != nil {
				t.Fatal(err)
			}
		}
		if len(want) == 0 {
			return
		}
		got := written(
			t, a.decide, a.arrowSchema, rapid.Bool().Draw(t, "superset"),
			func(p *record.Plan, s *record.Schema) { a.published = s; a.plan(p) }, a.write,
		)
		var found []uint32
		for i := range want {
			parents := got.Columns[attributesParentID].Values
			if payload == payloadLogAttrs {
				found = append(found, uint32(record.Fixed[uint16](parents, got.Rows)[i]))
			} else {
				found = append(found, record.Fixed[uint32](parents, got.Rows)[i])
			}
			if a.ownerOf(i) != want[i] {
				t.Fatalf("row %d is of owner %d, expected %d", i, a.ownerOf(i), want[i])
			}
		}
		if !slices.Equal(found, want) {
			t.Fatalf("owners %v, expected %v", found, want)
		}
	})
}
