package unit

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/consumer"

	"github.com/strait-data/strait/go/unit/call"
	"github.com/strait-data/strait/go/unit/edge"
)

// Next is what is behind an edge out of a unit: a consumer of one signal. ToLogs, ToTraces and
// ToMetrics make one.
type Next struct {
	signal Signal
	with   with
	exit   func(u *Unit, number uint16, records bool, with with) call.AnyExit
}

// with is what becomes of a batch's context.
type with func(context.Context) context.Context

// With leads to the same consumer, which sees the contexts that f makes of the batches'.
func (n Next) With(f func(context.Context) context.Context) Next {
	n.with = f
	return n
}

// ToLogs leads to a consumer of logs.
func ToLogs(next consumer.Logs) Next { return to(Logs, edge.Logs, next.ConsumeLogs) }

// ToTraces leads to a consumer of traces.
func ToTraces(next consumer.Traces) Next { return to(Traces, edge.Traces, next.ConsumeTraces) }

// ToMetrics leads to a consumer of metrics.
func ToMetrics(next consumer.Metrics) Next { return to(Metrics, edge.Metrics, next.ConsumeMetrics) }

func to[T any](signal Signal, s *edge.Signal[T], next func(context.Context, T) error) Next {
	exit := func(u *Unit, number uint16, records bool, with with) call.AnyExit {
		through := next
		if with != nil {
			through = func(ctx context.Context, d T) error { return next(with(ctx), d) }
		}
		return call.NewExit(u.spec.ID, edge.NewOut(s, number, records, through), &u.stats)
	}
	return Next{signal: signal, exit: exit}
}

// exits joins the edges out with what is behind them, which are as many, in the same order.
func (u *Unit) exits(nexts []Next, records bool) ([]call.AnyExit, error) {
	edges := u.spec.towards(Out)
	if len(edges) != len(nexts) {
		return nil, fmt.Errorf("%s: %d edges out, %d consumers", u.spec.ID, len(edges), len(nexts))
	}
	exits := make([]call.AnyExit, 0, len(edges))
	for i, e := range edges {
		if e.Signal != nexts[i].signal {
			return nil, fmt.Errorf("%s: edge %d carries %s, its consumer takes %s",
				u.spec.ID, e.Number, e.Signal, nexts[i].signal)
		}
		exits = append(exits, nexts[i].exit(u, e.Number, records, nexts[i].with))
	}
	return exits, nil
}
