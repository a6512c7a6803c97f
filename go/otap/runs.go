package otap

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
)

// Cursor is a place in pdata: the next item to send. The zero Cursor is the first one.
type Cursor struct{ Resource, Scope, Item int }

// after returns the place behind the first item at the cursor or after it.
func after[D any](c Cursor, w walker[D]) Cursor {
	for r := c.Resource; r < w.resources(); r++ {
		for s := c.Scope; s < w.scopes(r); s++ {
			if c.Item < w.items(r, s) {
				return Cursor{r, s, c.Item + 1}
			}
			c.Item = 0
		}
		c.Scope, c.Item = 0, 0
	}
	return Cursor{Resource: w.resources()}
}

// errEnough ends a walk that has taken in more than fits.
var errEnough = errors.New("more than fits a slot")

// walk measures pdata from the cursor on, and leaves in next where it stopped.
func (b *Batch[D]) walk(from Cursor, limit int) error {
	w := b.walker
	scopeID := -1
	b.more, b.next = false, Cursor{}
	for r := from.Resource; r < w.resources(); r++ {
		scopes := w.scopes(r)
		s := 0
		if r == from.Resource {
			s = from.Scope
		}
		newResource := true
		if scopes == 0 {
			if err := b.withoutItems(r, -1); err != nil {
				return err
			}
		}
		for ; s < scopes; s++ {
			scopeID++
			first := 0
			if r == from.Resource && s == from.Scope {
				first = from.Item
			}
			n := w.items(r, s) - first
			if n <= 0 {
				if err := b.withoutItems(r, s); err != nil {
					return err
				}
				continue
			}
			rows := b.tables.root.rows
			room := limit - rows
			if room == 0 || scopeID >= MaxIDs || r-from.Resource >= MaxIDs {
				b.more, b.next = true, Cursor{r, s, first}
				return nil
			}
			x := run{
				resource: r, scope: s, first: first, n: min(n, room), row: rows,
				newResource: newResource,
			}
			x.values[sharedResourceID] = uint32(r - from.Resource)
			x.values[sharedScopeID] = uint32(scopeID)
			if err := b.walkRun(&x); err != nil {
				return err
			}
			newResource = false
			if x.n < n {
				b.more, b.next = true, Cursor{r, s, first + x.n}
				return nil
			}
		}
	}
	return nil
}

// withoutItems decides on a resource, or a scope of it, without items. No row could say that it is
// there; only a unit that reads neither resources nor scopes leaves it with the original.
func (b *Batch[D]) withoutItems(resource, scope int) error {
	t := &b.tables
	switch {
	case !b.proj.ReadsContainers():
		t.bare++
		return nil
	case t.text.repair && b.proj != nil:
		return ErrNotProjectable
	case t.text.repair:
		t.bare++
		return nil
	}
	path := b.resourcePath(resource)
	if scope >= 0 {
		path = b.scopePath(resource, scope)
	}
	return &PathError{path, ErrNoItems}
}

// block is how many items are walked column by column before the next ones: few enough to stay in
// the nearest cache until the last column has been read.
const block = 32

// walkRun measures the items of one run, with their scope and, if it is new, their resource.
func (b *Batch[D]) walkRun(x *run) error {
	t, w := &b.tables, b.walker
	resource, resourceURL := w.resource(x.resource)
	if x.newResource {
		if err := b.resource(x, resource); err != nil {
			return err
		}
	}
	scope, scopeURL := w.scope(x.resource, x.scope)
	if t.ofScopes.sent() {
		key, err := t.ofScopes.take(x.values[sharedScopeID], scope.Attributes())
		if err != nil {
			return b.fail(x, -1, "scope.attributes", key, err)
		}
	}
	if where, err := t.root.share(x, resource, resourceURL, scope, scopeURL); err != nil {
		if where == sharedPaths[sharedResourceURL] {
			return &PathError{b.resourcePath(x.resource) + ".schema_url", err}
		}
		return b.fail(x, -1, where, "", err)
	}
	t.root.begin(x)
	w.begin(x.resource, x.scope)
	for from := 0; from < x.n; from += block {
		bad := w.block(t, x.first+from, min(block, x.n-from))
		switch {
		case bad == nil:
		case bad.err == errEnough:
			return errEnough
		default:
			return b.fail(x, bad.item, bad.where, bad.key, bad.err)
		}
	}
	return nil
}

// share takes in what the run's rows share.
func (t *table) share(
	x *run, resource pcommon.Resource, resourceURL string,
	scope pcommon.InstrumentationScope, scopeURL string,
) (where string, err error) {
	for _, text := range [...]struct {
		shared int
		s      string
	}{
		{sharedResourceURL, resourceURL},
		{sharedScopeName, scope.Name()},
		{sharedScopeVersion, scope.Version()},
		{sharedScopeURL, scopeURL},
	} {
		if err := t.shareText(x, text.shared, text.s); err != nil {
			return sharedPaths[text.shared], err
		}
	}
	t.shareNumber(x, sharedResourceDropped, resource.DroppedAttributesCount())
	t.shareNumber(x, sharedScopeDropped, scope.DroppedAttributesCount())
	return "", nil
}

func (b *Batch[D]) resource(x *run, r pcommon.Resource) error {
	t := &b.tables
	if n := entity.ResourceEntityRefs(r).Len(); n > 0 && b.proj == nil {
		if !t.text.repair {
			return &PathError{
				b.resourcePath(x.resource) + ".resource.entity_refs", ErrEntityRefs,
			}
		}
		t.entityRefs += n
	}
	if t.ofResources.sent() {
		key, err := t.ofResources.take(x.values[sharedResourceID], r.Attributes())
		if err != nil {
			return &PathError{
				fmt.Sprintf(
					"%s.resource.attributes[%s]", b.resourcePath(x.resource), quoted(key),
				),
				err,
			}
		}
	}
	return nil
}
