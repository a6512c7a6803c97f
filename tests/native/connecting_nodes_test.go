package native

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/testdata"
	"go.opentelemetry.io/collector/pipeline"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/otapconnector"
)

// The engine's nodes in an `otap` connector: between a signal and itself, to all pipelines behind
// it or to one of them.

// routes are the nodes of a connector that chooses by service: the shop's logs go to logs/goods,
// the depot's to logs/depot, and all others everywhere.
var routes = map[string]any{
	"nodes": map[string]any{"by_service": node("content_router", map[string]any{
		"routing_key":    map[string]any{"resource_attribute": "service.name"},
		"routes":         map[string]any{"shop": "goods", "depot": "stock"},
		"default_output": "rest",
	})},
	"connections": []any{
		map[string]any{"from": "in", "to": "by_service"},
		map[string]any{"from": `by_service["goods"]`, "to": "logs/goods"},
		map[string]any{"from": `by_service["stock"]`, "to": "logs/depot"},
		map[string]any{"from": `by_service["rest"]`, "to": "out"},
	},
}

// behind are pipelines of logs that a connector is a receiver of, and their ends.
func behind(names ...string) (connector.LogsRouterAndConsumer, map[string]*sink) {
	pipelines, sinks := map[pipeline.ID]consumer.Logs{}, map[string]*sink{}
	for _, name := range names {
		sinks[name] = new(sink)
		pipelines[pipeline.NewIDWithName(pipeline.SignalLogs, name)] = sinks[name]
	}
	return connector.NewLogsRouter(pipelines), sinks
}

func connecting(t *testing.T, nodes any, next consumer.Logs) connector.Logs {
	t.Helper()
	f := otapconnector.NewFactory()
	cfg := configured(t, f, map[string]any{"nodes": nodes})
	c, err := f.CreateLogsToLogs(t.Context(), connectortest.NewNopSettings(f.Type()), cfg, next)
	require.NoError(t, err)
	running(t, c)
	return c
}

// Guarantees: random logs go whole to the pipelines that the graph chooses for them and to no
// others; a batch that the node refuses goes nowhere, and its caller hears why.
func TestAConnectorOfNodesRoutesAsItsModel(t *testing.T) {
	next, sinks := behind("goods", "depot", "rest")
	c := connecting(t, routes, next)
	require.False(t, c.Capabilities().MutatesData)
	rapid.Check(t, func(t *rapid.T) {
		d := crossable(t, otaptest.Options{NoDuplicates: true})
		services := map[string]bool{}
		for _, rl := range d.ResourceLogs().All() {
			name := rapid.SampledFrom([]string{"shop", "shop", "depot", "other"}).Draw(t, "service")
			rl.Resource().Attributes().PutStr("service.name", name)
			services[name] = true
		}
		if d.LogRecordCount() == 0 {
			return
		}
		err := c.ConsumeLogs(context.Background(), otaptest.Clone(d))
		if len(services) > 1 {
			require.True(t, consumererror.IsPermanent(err), "%v", err)
		} else {
			require.NoError(t, err)
		}
		to := map[string]string{"shop": "goods", "depot": "depot", "other": ""}
		for name, s := range sinks {
			var want []string
			for service := range services {
				if len(services) == 1 && (to[service] == name || to[service] == "") {
					want = each([]plog.Logs{d})
				}
			}
			got := each(s.take())
			slices.Sort(want)
			slices.Sort(got)
			require.Equal(t, want, got, name)
		}
	})
}

// Guarantees: what a pipeline says of a batch that was sent to it is the caller's, and the others
// hear nothing of it; of a batch for all of them the caller hears who fails.
func TestAChosenPipelinesAnswerIsTheCallers(t *testing.T) {
	next, sinks := behind("goods", "depot")
	c := connecting(t, routes, next)
	fails := func(err error) func(context.Context, plog.Logs) error {
		return func(context.Context, plog.Logs) error { return err }
	}
	of := func(service string) plog.Logs {
		d := oneShop(4)
		d.ResourceLogs().At(0).Resource().Attributes().PutStr("service.name", service)
		return d
	}
	sinks["depot"].answer = fails(consumererror.NewPermanent(errTest))
	require.NoError(t, c.ConsumeLogs(t.Context(), of("shop")))
	require.Equal(t, []int{4, 0}, []int{sinks["goods"].count(), sinks["depot"].count()})
	for _, service := range []string{"depot", "elsewhere"} {
		err := c.ConsumeLogs(t.Context(), of(service))
		require.ErrorIs(t, err, errTest)
		require.True(t, consumererror.IsPermanent(err))
	}
	sinks["depot"].answer = fails(errTest)
	err := c.ConsumeLogs(t.Context(), of("depot"))
	require.ErrorIs(t, err, errTest)
	require.False(t, consumererror.IsPermanent(err))
}

// Guarantees: a connector of nodes passes on each signal; a chain leads to all pipelines.
func TestAConnectorOfNodesPassesOnEverySignal(t *testing.T) {
	f := otapconnector.NewFactory()
	cfg := configured(t, f, map[string]any{"nodes": chain(node("retry", nil))})
	set, ends := connectortest.NewNopSettings(f.Type()), new(consumertest.TracesSink)
	traces, err := f.CreateTracesToTraces(t.Context(), set, cfg, ends)
	require.NoError(t, err)
	running(t, traces)
	require.NoError(t, traces.ConsumeTraces(t.Context(), testdata.GenerateTraces(3)))
	require.Equal(t, testdata.GenerateTraces(3), ends.AllTraces()[0])

	points := new(consumertest.MetricsSink)
	metrics, err := f.CreateMetricsToMetrics(t.Context(), set, cfg, points)
	require.NoError(t, err)
	running(t, metrics)
	require.NoError(t, metrics.ConsumeMetrics(t.Context(), testdata.GenerateMetrics(3)))
	require.Equal(t, testdata.GenerateMetrics(3), points.AllMetrics()[0])

	next, sinks := behind("a", "b")
	logs := connecting(t, chain(atLeast(9)), next)
	require.NoError(t, logs.ConsumeLogs(t.Context(), oneShop(5)))
	require.Equal(t, []int{5, 5}, []int{sinks["a"].count(), sinks["b"].count()})
}

// Guarantees: spans too go to the pipeline that the graph chooses for them, as they are.
func TestAConnectorOfNodesRoutesSpans(t *testing.T) {
	f := otapconnector.NewFactory()
	sinks := map[string]*consumertest.TracesSink{"web": {}, "others": {}}
	pipelines := map[pipeline.ID]consumer.Traces{}
	for name, s := range sinks {
		pipelines[pipeline.NewIDWithName(pipeline.SignalTraces, name)] = s
	}
	nodes := map[string]any{
		"nodes": map[string]any{"by_team": node("content_router", map[string]any{
			"routing_key": map[string]any{"resource_attribute": "team"},
			"routes":      map[string]any{"web": "web"}, "default_output": "rest",
		})},
		"connections": []any{
			map[string]any{"from": "in", "to": "by_team"},
			map[string]any{"from": `by_team["web"]`, "to": "traces/web"},
			map[string]any{"from": `by_team["rest"]`, "to": "traces/others"},
		},
	}
	cfg := configured(t, f, map[string]any{"nodes": nodes})
	set, next := connectortest.NewNopSettings(f.Type()), connector.NewTracesRouter(pipelines)
	c, err := f.CreateTracesToTraces(t.Context(), set, cfg, next)
	require.NoError(t, err)
	running(t, c)
	for team, to := range map[string]string{"web": "web", "shop": "others"} {
		d := testdata.GenerateTraces(5)
		d.ResourceSpans().At(0).Resource().Attributes().PutStr("team", team)
		require.NoError(t, c.ConsumeTraces(t.Context(), d))
		require.Equal(t, []ptrace.Traces{d}, sinks[to].AllTraces())
	}
}

// Guarantees: what a node merges takes the way that the graph chooses for it, and each caller whose
// logs are in it hears what became of them.
func TestMergedBatchesTakeTheirWay(t *testing.T) {
	next, sinks := behind("goods", "depot")
	merged := map[string]any{
		"nodes": map[string]any{
			"merge": node("batch", map[string]any{
				"otap":               map[string]any{"min_size": 30, "sizer": "items"},
				"otlp":               map[string]any{"min_size": 1 << 20, "sizer": "bytes"},
				"max_batch_duration": "1h",
			}),
			"by_service": routes["nodes"].(map[string]any)["by_service"],
		},
		"connections": append(slices.Clone(routes["connections"].([]any)[1:]),
			map[string]any{"from": "in", "to": "merge"},
			map[string]any{"from": "merge", "to": "by_service"}),
	}
	c := connecting(t, merged, next)
	for round := range 4 {
		if round == 3 {
			sinks["goods"].answer = func(context.Context, plog.Logs) error { return errTest }
		}
		errs := make(chan error, 3)
		for range cap(errs) {
			go func() { errs <- c.ConsumeLogs(t.Context(), oneShop(10)) }()
		}
		for range cap(errs) {
			if err := soon(t, errs); round == 3 {
				require.ErrorContains(t, err, errTest.Error())
			} else {
				require.NoError(t, err)
			}
		}
		require.Zero(t, sinks["depot"].count())
	}
	require.Equal(t, 90, sinks["goods"].count())
}

// routed is a Collector whose connector has these nodes, and is a receiver of three pipelines.
const routed = `
receivers: {feed: }
exporters: {keep/goods: , keep/depot: , keep/rest: }
connectors:
  otap:
    nodes: %s
service:
  pipelines:
    logs: {receivers: [feed], exporters: [otap]}
    logs/goods: {receivers: [otap], exporters: [keep/goods]}
    logs/depot: {receivers: [otap], exporters: [keep/depot]}
    logs/rest: {receivers: [otap], exporters: [keep/rest]}
`

// byService routes in YAML, where what is left leads here.
func byService(rest string) string {
	return fmt.Sprintf(`
      nodes:
        by_service: {content_router: {routing_key: {resource_attribute: service.name},
          routes: {shop: goods, depot: stock}, default_output: rest}}
      connections:
        - {from: in, to: by_service}
        - {from: 'by_service["goods"]', to: logs/goods}
        - {from: 'by_service["stock"]', to: logs/depot}
        - {from: 'by_service["rest"]', to: %s}`, rest)
}

// Guarantees: in a whole Collector a connector of nodes chooses among its pipelines; what it names
// wrongly, and what it leaves out, the Collector does not start with, and says why.
func TestACollectorRoutesThroughNodes(t *testing.T) {
	c := runCollector(t, fmt.Sprintf(routed, byService("logs/rest")))
	for service, name := range map[string]string{
		"shop": "keep/goods", "depot": "keep/depot", "other": "keep/rest",
	} {
		d := oneShop(7)
		d.ResourceLogs().At(0).Resource().Attributes().PutStr("service.name", service)
		require.NoError(t, c.feeds["feed"].ConsumeLogs(t.Context(), d))
		for id, s := range c.keeps {
			want := 0
			if id == name {
				want = 7
			}
			require.Equal(t, want, s.count(), "%s in %s", service, id)
			s.take()
		}
	}
	c.end(t)
	for rest, want := range map[string]string{
		"logs/others": "nodes::connections::3::to: this connector is no receiver of a pipeline " +
			"`logs/others`; it is one of: logs/depot, logs/goods, logs/rest",
		"logs/goods": "nodes::connections: no connection leads to `logs/rest`",
		"traces":     "nodes::connections::3::to: `traces` takes traces, and logs pass here",
	} {
		c := tryCollector(t, fmt.Sprintf(routed, byService(rest)))
		require.ErrorContains(t, c.failure(), want)
	}
}

// Guarantees: what is wrong with a connector's nodes is told by `validate`, with its place.
func TestAConnectorsNodesAreCheckedWhereTheyStand(t *testing.T) {
	misspelt := map[string]any{"intial_interval": "1s"}
	taken := map[string]any{"logs/a": "retry"}
	for want, nodes := range map[string]any{
		"nodes::0::noop: `noop` is of kind exporter":     chain("noop"),
		"nodes::0::fanout: `fanout` has several outputs": chain(node("fanout", nil)),
		"nodes::0::retry::intial_interval: unknown key":  chain(node("retry", misspelt)),
		"nodes::nodes::logs/a: this is how pipelines are": map[string]any{
			"nodes": taken, "connections": []any{},
		},
	} {
		cfg := otapconnector.NewFactory().CreateDefaultConfig()
		require.NoError(t, confmap.NewFromStringMap(map[string]any{"nodes": nodes}).Unmarshal(cfg))
		require.ErrorContains(t, confmap.Validate(cfg), want)
	}
}

// connectorCycle starts a connector of nodes with three ways out, has it route a batch, and stops
// it.
func connectorCycle(t *testing.T) {
	f := otapconnector.NewFactory()
	next, sinks := behind("goods", "depot")
	cfg := configured(t, f, map[string]any{"nodes": routes})
	set := connectortest.NewNopSettings(f.Type())
	set.ID = component.NewID(f.Type())
	c, err := f.CreateLogsToLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, c.ConsumeLogs(t.Context(), oneShop(5)))
	require.Equal(t, 5, sinks["goods"].count())
	require.NoError(t, c.Shutdown(t.Context()))
	require.NoError(t, c.Shutdown(t.Context()))
}
