package otap

import "github.com/strait-data/strait/go/record"

// groups are the resources and scopes that the rows of a table belong to, in order of appearance.
type groups struct {
	resources []int // the first row of each
	scopes    []scopeGroup
	scopeOf   []int32 // by row
}

// scopeGroup is one scope.
type scopeGroup struct {
	resource  int // its place among the resources
	row, rows int // the first, and how many
}

// scopeKey names a scope; 1<<16 is a null id.
type scopeKey struct{ resource, scope uint32 }

// group finds the groups of all rows.
func (g *groups) group(s *sharedReader, rows int) error {
	g.resources, g.scopes, g.scopeOf = g.resources[:0], g.scopes[:0], extend(g.scopeOf[:0], rows)
	resources, scopes := make(map[uint32]int), make(map[scopeKey]int32)
	last, lastKey := int32(-1), scopeKey{}
	for i := range rows {
		k := scopeKey{idOr(&s.resourceID, i), idOr(&s.scopeID, i)}
		if last < 0 || k != lastKey {
			at, ok := scopes[k]
			if !ok {
				r, ok := resources[k.resource]
				if !ok {
					r = len(g.resources)
					resources[k.resource] = r
					g.resources = append(g.resources, i)
				}
				if err := s.agree(g.resources[r], i, false); err != nil {
					return err
				}
				at = int32(len(g.scopes))
				scopes[k] = at
				g.scopes = append(g.scopes, scopeGroup{resource: r, row: i})
			}
			last, lastKey = at, k
		}
		scope := &g.scopes[last]
		if err := s.agree(scope.row, i, true); err != nil {
			return err
		}
		g.scopeOf[i] = last
		scope.rows++
	}
	return nil
}

// sharedReader reads what the rows of one scope share.
type sharedReader struct {
	resourceID, scopeID                            numbers[uint16]
	resourceDropped, scopeDropped                  numbers[uint32]
	resourceURL, scopeName, scopeVersion, scopeURL strs
}

func newSharedReader(r *tableReader, at *[sharedCount]int) sharedReader {
	return sharedReader{
		resourceID:      numbersOf[uint16](r, at[sharedResourceID]),
		scopeID:         numbersOf[uint16](r, at[sharedScopeID]),
		resourceDropped: numbersOf[uint32](r, at[sharedResourceDropped]),
		scopeDropped:    numbersOf[uint32](r, at[sharedScopeDropped]),
		resourceURL:     r.columns[at[sharedResourceURL]],
		scopeName:       r.columns[at[sharedScopeName]],
		scopeVersion:    r.columns[at[sharedScopeVersion]],
		scopeURL:        r.columns[at[sharedScopeURL]],
	}
}

// agree checks that two rows of one resource, or of one scope of it, say the same about it: only
// one of them is read.
func (s *sharedReader) agree(a, b int, scope bool) error {
	if a == b {
		return nil
	}
	column := -1
	switch {
	case !s.resourceURL.same(a, b):
		column = sharedResourceURL
	case s.resourceDropped.or(a) != s.resourceDropped.or(b):
		column = sharedResourceDropped
	case !scope:
	case !s.scopeName.same(a, b):
		column = sharedScopeName
	case !s.scopeVersion.same(a, b):
		column = sharedScopeVersion
	case !s.scopeURL.same(a, b):
		column = sharedScopeURL
	case s.scopeDropped.or(a) != s.scopeDropped.or(b):
		column = sharedScopeDropped
	}
	if column < 0 {
		return nil
	}
	return record.ValueErrorf(
		"S-10", "column "+sharedPaths[column], "rows %d and %d have one id and differ", a, b,
	)
}

func idOr(n *numbers[uint16], i int) uint32 {
	if id, ok := n.get(i); ok {
		return uint32(id)
	}
	return 1 << 16
}
