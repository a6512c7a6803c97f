package edge

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// pdata of every signal is a tree: resources, scopes of them, items of these. tree cuts it, without
// knowing the signal. Cutting is rare (a batch over the limits of records, an item that cannot
// cross), so it copies.

// sliceOf is what pdata's slices have in common.
type sliceOf[E any] interface {
	Len() int
	At(i int) E
	AppendEmpty() E
	RemoveIf(func(E) bool)
}

type rootSlice[E, S any] interface {
	sliceOf[E]
	MoveAndAppendTo(dest S)
}

type element[E any] interface{ CopyTo(dest E) }

type resourceElement[E any] interface {
	element[E]
	Resource() pcommon.Resource
	SchemaUrl() string
	SetSchemaUrl(url string)
}

type scopeElement[E any] interface {
	element[E]
	Scope() pcommon.InstrumentationScope
	SchemaUrl() string
	SetSchemaUrl(url string)
}

// tree is the shape of one signal: T is its pdata, R, S and I are a resource, a scope and an item
// of it, RS, SS and IS the slices of these.
type tree[
	T element[T], R resourceElement[R], S scopeElement[S], I element[I],
	RS rootSlice[R, RS], SS sliceOf[S], IS sliceOf[I],
] struct {
	empty     func() T
	resources func(T) RS
	scopes    func(R) SS
	items     func(S) IS
	// names are how a place is written: what the slices are called, from the outermost.
	names [3]string
	// thin removes what is counted of an item and not kept, and says whether nothing is left of it;
	// nil: the item itself is what is counted.
	thin func(I, *counter) bool
}

func newTree[
	T element[T], R resourceElement[R], S scopeElement[S], I element[I],
	RS rootSlice[R, RS], SS sliceOf[S], IS sliceOf[I],
](
	empty func() T, resources func(T) RS, scopes func(R) SS, items func(S) IS,
	names [3]string, thin func(I, *counter) bool,
) *tree[T, R, S, I, RS, SS, IS] {
	return &tree[T, R, S, I, RS, SS, IS]{empty, resources, scopes, items, names, thin}
}

// Cutting is how pdata of a signal is cut into pieces. Items are counted from 0, in order.
type Cutting[T any] interface {
	// Empty makes pdata without anything.
	Empty() T
	// Resources is how many resources there are, with items or without.
	Resources(d T) int
	// Slice copies items [from, to) with their containers.
	Slice(d T, from, to int) T
	// Pick copies what is counted and kept, with its containers. -1 stands for an item of which
	// nothing is counted.
	Pick(d T, keep func(int) bool) T
	// Bare copies the containers without items.
	Bare(d T) T
	// Join moves everything of the second to the end of the first.
	Join(to, from T)
	// Place names an item.
	Place(d T, item int) string
}

func (t *tree[T, R, S, I, RS, SS, IS]) Empty() T { return t.empty() }

func (t *tree[T, R, S, I, RS, SS, IS]) Resources(d T) int { return t.resources(d).Len() }

func (t *tree[T, R, S, I, RS, SS, IS]) Join(to, from T) {
	t.resources(from).MoveAndAppendTo(t.resources(to))
}

// window says which of the items that are walked in order lie in [from, to).
type window struct{ at, from, to int }

// overlap is the part of the next n items that lies in the window, relative to them.
func (w *window) overlap(n int) (from, to int) {
	from, to = max(w.from-w.at, 0), min(w.to-w.at, n)
	w.at += n
	return from, max(from, to)
}

// Slice copies a container once its first item is copied.
func (t *tree[T, R, S, I, RS, SS, IS]) Slice(d T, from, to int) T {
	out, w := t.empty(), window{from: from, to: to}
	for r := range t.resources(d).Len() {
		resource := t.resources(d).At(r)
		var into R
		started := false
		for s := range t.scopes(resource).Len() {
			scope := t.scopes(resource).At(s)
			a, b := w.overlap(t.items(scope).Len())
			if a == b {
				continue
			}
			if !started {
				started, into = true, t.resources(out).AppendEmpty()
				resource.Resource().CopyTo(into.Resource())
				into.SetSchemaUrl(resource.SchemaUrl())
			}
			copied := t.scopes(into).AppendEmpty()
			scope.Scope().CopyTo(copied.Scope())
			copied.SetSchemaUrl(scope.SchemaUrl())
			for i := a; i < b; i++ {
				t.items(scope).At(i).CopyTo(t.items(copied).AppendEmpty())
			}
		}
	}
	return out
}

// counter gives what is counted its number, and says whether it goes.
type counter struct {
	next int
	keep func(int) bool
}

func (c *counter) drop() bool {
	c.next++
	return !c.keep(c.next - 1)
}

// Pick leaves out a container without items.
func (t *tree[T, R, S, I, RS, SS, IS]) Pick(d T, keep func(int) bool) T {
	out, c := t.empty(), &counter{keep: keep}
	d.CopyTo(out)
	t.resources(out).RemoveIf(func(r R) bool {
		t.scopes(r).RemoveIf(func(s S) bool {
			t.items(s).RemoveIf(func(i I) bool {
				if t.thin != nil {
					return t.thin(i, c)
				}
				return c.drop()
			})
			return t.items(s).Len() == 0
		})
		return t.scopes(r).Len() == 0
	})
	return out
}

func (t *tree[T, R, S, I, RS, SS, IS]) Bare(d T) T {
	out := t.empty()
	d.CopyTo(out)
	t.resources(out).RemoveIf(func(r R) bool {
		if t.scopes(r).Len() == 0 {
			return false
		}
		t.scopes(r).RemoveIf(func(s S) bool { return t.items(s).Len() > 0 })
		return t.scopes(r).Len() == 0
	})
	return out
}

func (t *tree[T, R, S, I, RS, SS, IS]) Place(d T, item int) string {
	for r := range t.resources(d).Len() {
		scopes := t.scopes(t.resources(d).At(r))
		for s := range scopes.Len() {
			n := t.items(scopes.At(s)).Len()
			if item < n {
				return fmt.Sprintf("%s[%d].%s[%d].%s[%d]",
					t.names[0], r, t.names[1], s, t.names[2], item)
			}
			item -= n
		}
	}
	return t.names[2]
}
