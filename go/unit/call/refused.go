package call

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strait-data/strait/go/otap"
)

// Refused is the error of a call of which some items cannot cross
// (docs/decisions/0006-one-bad-item.md). The others were delivered, or are told of in the error
// that this one is joined with. It is permanent: the same items would be refused again.
type Refused struct {
	// Items is how many were refused, and Of how many there were: log records, spans, data points.
	Items, Of int
	// Bare is how many resources and scopes without items were refused.
	Bare int
	// Named are the first of them, with the place and the reason.
	Named []*otap.PathError

	reasons [len(refusals)]int
}

// maxNamed is how many refused items an error names; the rest is counted.
const maxNamed = 10

// refusals are the reasons for which items are refused, as the metric names them.
var refusals = [...]struct {
	name string
	err  error
}{
	{"text", otap.ErrText},
	{"depth", otap.ErrDepth},
	{"entity_refs", otap.ErrEntityRefs},
	{"no_items", otap.ErrNoItems},
	{"size", otap.ErrTooLarge},
}

// refusal returns why something cannot cross, where err says so; else nil.
func refusal(err error) *otap.PathError {
	e, ok := errors.AsType[*otap.PathError](err)
	if !ok || reasonOf(e) < 0 {
		return nil
	}
	return e
}

func reasonOf(err error) int {
	for i := range refusals {
		if errors.Is(err, refusals[i].err) {
			return i
		}
	}
	return -1
}

// add takes in n items that are refused for one reason.
func (r *Refused) add(n int, why *otap.PathError) {
	if i := reasonOf(why); i >= 0 {
		r.reasons[i] += n
	}
	if why.Path != "" && len(r.Named) < maxNamed {
		r.Named = append(r.Named, why)
	}
}

// addBare takes in n resources and scopes without items.
func (r *Refused) addBare(n int, places []*otap.PathError) {
	r.Bare += n
	r.reasons[reasonOf(otap.ErrNoItems)] += n
	for _, e := range places {
		r.add(0, e)
	}
}

// Error names the first items, and counts the others.
func (r *Refused) Error() string {
	var b strings.Builder
	if r.Items > 0 {
		fmt.Fprintf(&b, "%d of %d items refused", r.Items, r.Of)
	}
	if r.Bare > 0 {
		if r.Items > 0 {
			b.WriteString(", and ")
		}
		fmt.Fprintf(&b, "%d resources or scopes without items refused", r.Bare)
	}
	for i, e := range r.Named {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		b.WriteString(e.Error())
	}
	if more := r.Items + r.Bare - len(r.Named); more > 0 {
		fmt.Fprintf(&b, "; and %d more", more)
	}
	return b.String()
}

// Unwrap returns the reasons.
func (r *Refused) Unwrap() (all []error) {
	for i, n := range r.reasons {
		if n > 0 {
			all = append(all, refusals[i].err)
		}
	}
	return all
}

// GRPCStatus tells a sender that the fault is in its data: a receiver answers 400 by HTTP.
func (r *Refused) GRPCStatus() *status.Status {
	return status.New(codes.InvalidArgument, r.Error())
}

// tell counts the refusals, when the caller is told of them.
func (r *Refused) tell(s *Stats) *Refused {
	for i, n := range r.reasons {
		s.Refused[i].Add(uint64(n))
	}
	return r
}
