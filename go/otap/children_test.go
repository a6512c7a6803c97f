package otap

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/record"
)

// parents makes a parent_id column.
func parents(ids []uint16) *numbers[uint16] {
	return &numbers[uint16]{cells{col: &record.Column{Len: len(ids)}}, ids}
}

// Guarantees: the rows of each parent are found, in the table's order, whatever the index held
// before.
func TestChildrenOfEachParent(t *testing.T) {
	var c children
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.Uint16Range(0, 3), rapid.Uint16Range(65530, 65535), rapid.Uint16())
		ids := rapid.SliceOfN(id, 0, 20).Draw(t, "parents")
		want := map[uint16][]int32{}
		for i, p := range ids {
			want[p] = append(want[p], int32(i))
		}
		if err := c.index(parents(ids), len(ids)); err != nil {
			t.Fatal(err)
		}
		for _, p := range append(ids, 0, 1, 65534, 65535, rapid.Uint16().Draw(t, "another")) {
			if got := c.of(p); !slices.Equal(got, want[p]) {
				t.Fatalf("parent %d of %v: rows %v, expected %v", p, ids, got, want[p])
			}
		}
	})
}

// Guarantees: what an index costs follows from the parents that are there, not from all that there
// could be.
func TestChildrenAreIndexedByWhatIsThere(t *testing.T) {
	var c children
	if err := c.index(parents([]uint16{65533, 65535, 65533}), 3); err != nil {
		t.Fatal(err)
	}
	if n := cap(c.first); n > 16 {
		t.Errorf("%d entries for three parents", n)
	}
}

// Guarantees: a row without a parent is an error; it would be lost.
func TestAttributesOfNobodyAreRefused(t *testing.T) {
	p := parents([]uint16{1, 2})
	p.col.Validity, p.col.Nulls = []byte{1}, 1
	var c children
	if err := c.index(p, 2); !errors.Is(err, record.ErrValue) {
		t.Errorf("got %v, expected an error of a value", err)
	}
}

// Guarantees: rows of one resource or scope that say different things about it are refused: one of
// them would be lost.
func TestRowsOfOneResourceMustAgree(t *testing.T) {
	text := func(rows ...string) strs {
		x := strs{cells: cells{col: &record.Column{Len: len(rows)}}, off: []int32{0}}
		x.values = x.col
		for _, s := range rows {
			x.s += s
			x.off = append(x.off, int32(len(x.s)))
		}
		return x
	}
	ids := func(ids ...uint16) numbers[uint16] { return *parents(ids) }
	for name, x := range map[string]struct {
		r  sharedReader
		ok bool
	}{
		"alike": {sharedReader{
			resourceID: ids(1, 1, 1), scopeID: ids(2, 2, 3),
			scopeName:   text("a", "a", "b"),
			resourceURL: text("u", "u", "u"),
		}, true},
		"two resources": {sharedReader{
			resourceID: ids(1, 2, 1), scopeID: ids(1, 2, 1),
			resourceURL: text("u", "v", "u"),
		}, true},
		"a scope's name": {sharedReader{
			resourceID: ids(1, 1, 1), scopeID: ids(2, 2, 2),
			scopeName: text("a", "a", "b"),
		}, false},
		"a later run": {sharedReader{
			resourceID: ids(1, 2, 1), scopeID: ids(1, 2, 1),
			scopeVersion: text("a", "a", "b"),
		}, false},
		"another scope's": {sharedReader{
			resourceID: ids(1, 1, 1), scopeID: ids(1, 1, 2),
			resourceURL: text("a", "a", "b"),
		}, false},
		"a schema url": {sharedReader{
			resourceID: ids(1, 1, 1), scopeID: ids(2, 2, 2),
			scopeURL: text("a", "", "a"),
		}, false},
		"without ids alike": {sharedReader{
			scopeName: text("a", "a", "a"),
		}, true},
	} {
		var g groups
		if err := g.group(&x.r, 3); (err == nil) != x.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
