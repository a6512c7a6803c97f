package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"

	"github.com/strait-data/strait/go/otap/otaptest"
)

// Parts of a Collector's pipelines: processors in a row in Rust, or behind a receiver there, whose
// batches cross once.

func attributeKey(name string) attribute.Key { return attribute.Key(name) }

// processors that a graph may have, in YAML, with and without fusing.
var processors = map[string]string{
	"mask_cards":   "{runtime: {rust: {fuse: %t}}}",
	"mask_cards/b": "{keep_last: 2, runtime: {rust: {fuse: %t}}}",
	"faulty":       "{runtime: {rust: {fuse: %t}}}",
	"otap/delete":  "{fuse: %t, nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}",
	"otap/keep": "{fuse: %t, nodes: [{filter: {logs: {include: {severity_number: " +
		"{min: 5, match_undefined: false}}}}}]}",
	"otap/two": "{fuse: %t, nodes: {nodes: {x: {attribute: {actions: [{action: upsert, key: y, " +
		"value: 1}]}}, z: {attribute: {actions: [{action: delete, key: index}]}}}, " +
		"connections: [{from: in, to: x}, {from: x, to: z}, {from: z, to: out}]}}",
	"otap/passes": "{fuse: %t, nodes: [{retry: {}}]}",
	"same":        "{}",
}

// graph is the pipelines of a configuration.
type graph struct {
	pipelines map[string]string
	feeds     int
}

// pick draws some of a list, each at most once, in any order.
func pick(r *rand.Rand, from []string, least, most int) []string {
	from = append([]string(nil), from...)
	r.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
	return from[:least+r.IntN(most-least+1)]
}

func join(names []string) string { return strings.Join(names, ", ") }

// drawGraph draws pipelines that share receivers, processors and exporters, and one that a
// connector feeds.
func drawGraph(r *rand.Rand) graph {
	names := []string{
		"faulty", "mask_cards", "mask_cards/b", "otap/delete", "otap/keep", "otap/two", "same",
	}
	g := graph{pipelines: map[string]string{}, feeds: 2}
	add := func(name string, receivers, exporters []string) {
		g.pipelines[name] = fmt.Sprintf("{receivers: [%s], processors: [%s], exporters: [%s]}",
			join(receivers), join(pick(r, names, 0, 6)), join(exporters))
	}
	keeps := []string{"keep", "keep/b"}
	for i := range 1 + r.IntN(3) {
		exporters := pick(r, keeps, 1, 2)
		if i == 0 {
			exporters = append(exporters, "join")
		}
		add(fmt.Sprintf("logs/%d", i), pick(r, []string{"feed/0", "feed/1"}, 1, 2), exporters)
	}
	add("logs/joined", []string{"join"}, pick(r, keeps, 1, 2))
	add("logs/fed", []string{"feeder"}, pick(r, keeps, 1, 2))
	g.pipelines["traces/fed"] = "{receivers: [feeder], processors: [otap/passes], exporters: [keep]}"
	return g
}

// yaml is the configuration, whose feeder listens there.
func (g graph) yaml(fuse bool, listen string) string {
	return g.yamlOf(fmt.Sprintf("receivers:\n  feed/0:\n  feed/1:\n"+
		"  feeder: {listen: %q, runtime: {rust: {fuse: %t}}}\n"+
		"exporters: {keep: , keep/b: }\nconnectors: {join: }\n", listen, fuse), fuse)
}

// yamlOf is the configuration of these receivers, exporters and connectors.
func (g graph) yamlOf(ends string, fuse bool) string {
	var b strings.Builder
	b.WriteString(ends + "extensions: {watch: }\nprocessors:\n")
	for id, body := range processors {
		if strings.Contains(body, "%t") {
			body = fmt.Sprintf(body, fuse)
		}
		fmt.Fprintf(&b, "  %s: %s\n", id, body)
	}
	b.WriteString("service:\n  extensions: [watch]\n  pipelines:\n")
	for id, body := range g.pipelines {
		fmt.Fprintf(&b, "    %s: %s\n", id, body)
	}
	return b.String()
}

// drawBatch draws logs with cards in them, and now and then an order for `faulty`.
func drawBatch(r *rand.Rand) plog.Logs {
	d := logs(2 + r.IntN(20)) // no resource without logs
	for _, rl := range d.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				if r.IntN(3) == 0 {
					lr.Body().SetStr("card 4111 1111 1111 1111")
				}
				if r.IntN(4) == 0 {
					lr.Attributes().PutStr("card", "5500-0000-0000-0004")
				}
			}
		}
	}
	orders := []string{"permanent", "retryable", "panic", "drop"}
	if i := r.IntN(12); i < len(orders) {
		d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr(orders[i])
	}
	return d
}

// asHeard is what a caller hears.
func asHeard(err error) string {
	if err == nil {
		return "ok"
	}
	return fmt.Sprintf("permanent %t: %v", consumererror.IsPermanent(err), err)
}

// asTexts are batches as texts, sorted: the Collector fans out to pipelines in any order.
func asTexts(t *testing.T, batches []plog.Logs) []string {
	t.Helper()
	var all []string
	for _, d := range batches {
		b, err := new(plog.JSONMarshaler).MarshalLogs(sorted(d))
		require.NoError(t, err)
		all = append(all, string(b))
	}
	slices.Sort(all)
	return all
}

// Guarantees: pipelines whose parts are fused do what they do with each processor by itself:
// random graphs, with failures, give the same logs in the same order, the same words to the same
// callers, and each processor the same numbers.
func TestFusedIsAsUnfused(t *testing.T) {
	counted := 0
	for seed := range uint64(25) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			g := drawGraph(r)
			atFused, atApart := free(t), free(t)
			yaml := g.yaml(true, atFused)
			fused, apart := runCollector(t, yaml), runCollector(t, g.yaml(false, atApart))
			for range 12 {
				d := drawBatch(r)
				for id, next := range fused.feeds {
					want := asHeard(apart.feeds[id].ConsumeLogs(t.Context(), otaptest.Clone(d)))
					got := asHeard(next.ConsumeLogs(t.Context(), otaptest.Clone(d)))
					require.Equal(t, want, got, yaml)
				}
				fed := drawFed(t, r)
				require.Equal(t, feed(t, atApart, fed), feed(t, atFused, fed), yaml)
			}
			for id, s := range apart.keeps {
				require.Equal(t, asTexts(t, s.take()), asTexts(t, fused.keeps[id].take()), "%s: %s", id, yaml)
			}
			require.Equal(t, apart.traces.AllTraces(), fused.traces.AllTraces())
			want, got := apart.items(t), fused.items(t)
			require.Equal(t, want, got, yaml)
			counted += len(want)
			fused.end(t)
			apart.end(t)
		})
	}
	require.NotZero(t, counted)
}

// items is what processors were given and gave, and receivers sent.
func (c *collector) items(t *testing.T) map[string]int64 {
	t.Helper()
	all := c.sums(t, "otelcol_processor_", "processor")
	maps.Copy(all, c.sums(t, "otelcol_receiver_", "receiver"))
	return all
}

// feed gives the receiver that listens there a batch, and is what that heard of it.
func feed(t testing.TB, address string, batch []byte) string {
	t.Helper()
	told, err := tryFeed(t.Context(), address, batch)
	require.NoError(t, err)
	require.NotEmpty(t, told)
	return told
}

// tryFeed is feed where the test is not to end at once. The receiver listens soon after it was
// started.
func tryFeed(ctx context.Context, address string, batch []byte) (told string, err error) {
	limit := time.Now().Add(patience)
	client, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	for err != nil {
		if time.Now().After(limit) {
			return "", err
		}
		time.Sleep(time.Millisecond)
		client, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if err := client.SetDeadline(limit); err != nil {
		return "", err
	}
	if _, err := client.Write(batch); err != nil {
		return "", err
	}
	if err := client.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	b, err := io.ReadAll(client)
	return string(b), err
}

// drawFed draws a batch for the receiver `feeder`: logs, and now and then traces.
func drawFed(t testing.TB, r *rand.Rand) []byte {
	t.Helper()
	if r.IntN(4) == 0 {
		d := ptrace.NewTraces()
		spans := d.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		for range 1 + r.IntN(5) {
			spans.AppendEmpty().SetName("span")
		}
		b, err := new(ptrace.ProtoMarshaler).MarshalTraces(d)
		require.NoError(t, err)
		return append([]byte("t"), b...)
	}
	type log struct {
		Body       string      `json:"body"`
		Severity   int         `json:"severity"`
		Attributes [][2]string `json:"attributes"`
		Resource   string      `json:"resource,omitempty"`
	}
	fed := make([]log, 1+r.IntN(20))
	for i := range fed {
		fed[i] = log{Body: "text", Severity: r.IntN(25), Attributes: [][2]string{{"a", "1"}}}
		if r.IntN(3) == 0 {
			fed[i].Body, fed[i].Resource = "card 4111 1111 1111 1111", "shop"
		}
		if r.IntN(4) == 0 {
			fed[i].Attributes = append(fed[i].Attributes, [2]string{"card", "5500-0000-0000-0004"})
		}
	}
	orders := []string{
		"permanent grpc 3", "retryable grpc 8 after 50", "permanent http 400 rejected 2", "panic", "drop",
	}
	if i := r.IntN(15); i < len(orders) {
		fed[0].Body = orders[i]
	}
	b, err := json.Marshal(fed)
	require.NoError(t, err)
	return b
}

const inOnePart = `
receivers: {feed: }
exporters: {keep: }
extensions: {watch: }
processors:
  mask_cards: {}
  faulty: {}
  otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}
  mask_cards/b: {}
service:
  extensions: [watch]
  pipelines:
    logs:
      receivers: [feed]
      processors: [mask_cards, faulty, otap, mask_cards/b]
      exporters: [keep]
`

// Guarantees: batches cross once for a whole part, which the rings count; what a member says of
// itself is that processor's status and no other's.
func TestAPartCrossesOnce(t *testing.T) {
	c := runCollector(t, inOnePart)
	defer c.end(t)
	const batches = 7
	for range batches {
		require.NoError(t, c.feeds["feed"].ConsumeLogs(t.Context(), logs(10)))
	}
	require.Equal(t, 10*batches, c.keeps["keep"].count())
	crossed := c.sums(t, "otelcol_strait_batches", "otelcol.component.id")
	require.Equal(t, map[string]int64{"otelcol_strait_batches of mask_cards": 2 * batches}, crossed)
	items := c.items(t)
	require.Len(t, items, 8)
	for of, n := range items {
		require.EqualValues(t, 10*batches, n, of)
	}

	require.NoError(t, c.feeds["feed"].ConsumeLogs(t.Context(), order(2, "unwell")))
	c.awaits(t, "Processor faulty", "StatusRecoverableError: told to be unwell")
	for _, other := range []string{"mask_cards", "otap", "mask_cards/b"} {
		require.Equal(t, "StatusOK", c.status("Processor "+other), other)
	}
	require.NoError(t, c.feeds["feed"].ConsumeLogs(t.Context(), order(2, "well")))
	c.awaits(t, "Processor faulty", "StatusOK")
}

const behindAReceiver = `
receivers: {feeder: {listen: %q}}
exporters: {keep: }
extensions: {watch: }
processors:
  mask_cards: {}
  faulty: {}
  otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}
  otap/passes: {nodes: [{retry: {}}]}
service:
  extensions: [watch]
  pipelines:
    logs: {receivers: [feeder], processors: [mask_cards, faulty, otap], exporters: [keep]}
    traces: {receivers: [feeder], processors: [otap/passes], exporters: [keep]}
`

// Guarantees: what a receiver sends crosses once, behind the processors of its part, with what came
// with it; each of them has its own numbers and its own status; the receiver hears whole why a
// batch was refused.
func TestAReceiversPartCrossesOnce(t *testing.T) {
	listen := free(t)
	c := runCollector(t, fmt.Sprintf(behindAReceiver, listen))
	defer c.end(t)
	fed := func(body string) string {
		const logs = `[{"body": %q, "severity": 9, "attributes": [["a", "1"]]},
			{"body": "card 4111111111111111", "severity": 9, "attributes": [["b", "2"]]}]`
		return feed(t, listen, fmt.Appendf(nil, logs, body))
	}
	const batches = 5
	for range batches {
		require.Equal(t, "taken", fed("text"))
	}
	keep := c.keeps["keep"]
	require.Equal(t, 2*batches, keep.count())
	last := keep.logs[batches-1].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	require.Zero(t, last.At(0).Attributes().Len(), "otap")
	require.NotContains(t, last.At(1).Body().Str(), "4111111111111111", "mask_cards")
	require.Equal(t, []string{"blue"}, client.FromContext(keep.ctxs[0]).Metadata.Get("tenant"))

	require.Equal(t, "Permanent grpc Some(3) http None after None rejected 1: told to fail for good",
		fed("permanent grpc 3 rejected 1"))
	require.Equal(t, "taken", fed("drop"))
	crossed := c.sums(t, "otelcol_strait_batches", "otelcol.component.id")
	require.Equal(t, map[string]int64{"otelcol_strait_batches of feeder": batches}, crossed)
	const received = "otelcol_receiver_%s_log_records of feeder"
	items := c.items(t)
	for of, want := range map[string]int64{
		fmt.Sprintf(received, "accepted"):                 2 * (batches + 1),
		fmt.Sprintf(received, "refused"):                  2,
		fmt.Sprintf(received, "failed"):                   0,
		"otelcol_processor_incoming_items of mask_cards":  2 * (batches + 2),
		"otelcol_processor_outgoing_items of mask_cards":  2 * (batches + 2),
		"otelcol_processor_incoming_items of faulty":      2 * (batches + 2),
		"otelcol_processor_outgoing_items of faulty":      2 * batches,
		"otelcol_processor_incoming_items of otap":        2 * batches,
		"otelcol_processor_outgoing_items of otap":        2 * batches,
		"otelcol_processor_incoming_items of otap/passes": 0,
		"otelcol_processor_outgoing_items of otap/passes": 0,
	} {
		require.Equal(t, want, items[of], of)
		delete(items, of)
	}
	require.Empty(t, items)

	require.Equal(t, "taken", fed("unwell"))
	c.awaits(t, "Processor faulty", "StatusRecoverableError: told to be unwell")
	for _, other := range []string{"Receiver feeder", "Processor mask_cards", "Processor otap"} {
		require.Equal(t, "StatusOK", c.status(other), other)
	}
	require.Equal(t, "taken", fed("well"))
	c.awaits(t, "Processor faulty", "StatusOK")
}

// Guarantees: nothing of a graph with parts grows with what passes it, failures among it:
// goroutines, threads, descriptors, memory. A million batches under STRAIT_SOAK.
func TestManyBatchesThroughParts(t *testing.T) {
	batches := 3_000
	if os.Getenv("STRAIT_SOAK") != "" {
		batches = 1_000_000
	}
	r := rand.New(rand.NewPCG(7, 7))
	listen := free(t)
	c := runCollector(t, drawGraph(r).yaml(true, listen))
	var sent, came int
	send := func(n int) {
		for i := range n {
			d := drawBatch(r)
			for _, next := range c.feeds {
				if next.ConsumeLogs(t.Context(), otaptest.Clone(d)) == nil {
					sent++
				}
			}
			// Each takes a port of the machine's for a minute.
			if i%4 == 0 && feed(t, listen, drawFed(t, r)) == "taken" {
				sent++
			}
			for _, s := range c.keeps {
				came += len(s.take())
			}
			c.traces.Reset()
		}
	}
	send(batches / 10)
	before := resources(t)
	send(batches - batches/10)
	after := resources(t)
	require.NotZero(t, sent)
	require.NotZero(t, came)
	require.LessOrEqual(t, after.fds, before.fds)
	require.LessOrEqual(t, after.threads, before.threads+fewThreads)
	require.LessOrEqual(t, after.goroutines, before.goroutines+fewThreads)
	require.Equal(t, before.rings, after.rings)
	require.Less(t, after.rss, before.rss+64<<20)
	c.end(t)
}
