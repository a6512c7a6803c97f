package otap

import (
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/record"
)

// scopeKey names a ScopeLogs; 1<<16 is a null id.
type scopeKey struct{ resource, scope uint32 }

// madeResource is a ResourceLogs and the first row that belongs to it.
type madeResource struct {
	logs plog.ResourceLogs
	row  int
}

// groups makes the resources and scopes, and notes the ScopeLogs of each row.
func (d *LogsDecoder) groups(ld plog.Logs) ([]plog.LogRecordSlice, error) {
	r := &d.root
	d.group, d.counts, d.firsts = extend(d.group[:0], r.rows), d.counts[:0], d.firsts[:0]
	resources := make(map[uint32]madeResource)
	known := make(map[scopeKey]int32)
	var scopes []plog.LogRecordSlice
	last, lastKey := int32(-1), scopeKey{}
	for i := range r.rows {
		k := scopeKey{idOr(&r.resID, i), idOr(&r.scopeID, i)}
		if last < 0 || k != lastKey {
			at, ok := known[k]
			if !ok {
				res, ok := resources[k.resource]
				if !ok {
					res = madeResource{ld.ResourceLogs().AppendEmpty(), i}
					resources[k.resource] = res
					if err := d.resource(i, k.resource, res.logs); err != nil {
						return nil, err
					}
				}
				if err := r.agree(res.row, i, false); err != nil {
					return nil, err
				}
				sl := res.logs.ScopeLogs().AppendEmpty()
				if err := d.scope(i, k.scope, sl); err != nil {
					return nil, err
				}
				at = int32(len(scopes))
				known[k] = at
				scopes, d.counts = append(scopes, sl.LogRecords()), append(d.counts, 0)
				d.firsts = append(d.firsts, i)
			}
			last, lastKey = at, k
		}
		if err := r.agree(d.firsts[last], i, true); err != nil {
			return nil, err
		}
		d.group[i] = last
		d.counts[last]++
	}
	return scopes, nil
}

// agree checks that two rows of one resource, or of one scope of it, say the same about it: only
// one of them is read.
func (r *logsReader) agree(a, b int, scope bool) error {
	if a == b {
		return nil
	}
	column := ""
	switch {
	case !r.resURL.same(a, b):
		column = "resource.schema_url"
	case r.resDropped.or(a) != r.resDropped.or(b):
		column = "resource.dropped_attributes_count"
	case !scope:
	case !r.name.same(a, b):
		column = "scope.name"
	case !r.version.same(a, b):
		column = "scope.version"
	case !r.scopeURL.same(a, b):
		column = "schema_url"
	case r.scopeDropped.or(a) != r.scopeDropped.or(b):
		column = "scope.dropped_attributes_count"
	}
	if column == "" {
		return nil
	}
	return record.ValueErrorf(
		"S-10", "column "+column, "rows %d and %d have one id and differ", a, b,
	)
}

func idOr(n *numbers[uint16], i int) uint32 {
	if id, ok := n.get(i); ok {
		return uint32(id)
	}
	return 1 << 16
}
