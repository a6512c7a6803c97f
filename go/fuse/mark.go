package fuse

import (
	"context"

	"github.com/strait-data/strait/go/unit"
)

// mark are the processors whose work is done: the next one of the part first.
type mark struct {
	id   string
	rest *mark
}

type markKey struct{}

// marked is a context for what the unit of a part hands on.
func marked(ctx context.Context, done *mark) context.Context {
	if done == nil {
		return ctx
	}
	return context.WithValue(ctx, markKey{}, done)
}

// markOf is the mark for processors in this order.
func markOf(ids []string) (done *mark) {
	for i := len(ids) - 1; i >= 0; i-- {
		done = &mark{ids[i], done}
	}
	return done
}

// markOfMembers is the mark for members of a unit behind its head.
func markOfMembers(members []unit.Member) *mark {
	ids := make([]string, 0, len(members))
	for _, m := range members {
		ids = append(ids, m.ID)
	}
	return markOf(ids)
}

// passes says that the work of a processor is done, and gives the context without it. What is left
// of a mark is written also where nothing is: what is behind the part must not see it.
func passes(ctx context.Context, id string) (context.Context, bool) {
	done, _ := ctx.Value(markKey{}).(*mark)
	if done == nil || done.id != id {
		return ctx, false
	}
	return context.WithValue(ctx, markKey{}, done.rest), true
}
