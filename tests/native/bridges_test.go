package native

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
)

// Units whose batches go to others in Rust: several receivers or exporters of one pipeline, one of
// several pipelines, connectors.

const bridged = `
receivers: {feeder: {listen: %q}, feeder/b: {listen: %q}}
exporters:
  outlet: {to: %q, sending_queue: {enabled: false}}
  outlet/queue: {to: %q}
  outlet/nowhere: {}
connectors: {tally: }
extensions: {watch: }
processors:
  mask_cards:
  faulty:
  otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}
service:
  extensions: [watch]
  pipelines:
    logs:
      receivers: [feeder, feeder/b]
      processors: [mask_cards, faulty]
      exporters: [outlet, tally]
    logs/b: {receivers: [feeder], processors: [otap], exporters: [outlet, outlet/queue]}
    traces: {receivers: [tally, feeder], exporters: [outlet/nowhere]}
`

// Guarantees: of pipelines that share receivers, exporters and connectors, all of them in Rust,
// nothing crosses; each exporter gets what each pipeline gives it, who sends hears of all of them,
// and each component has its numbers and its status.
func TestBridgedPipelinesStayInRust(t *testing.T) {
	one, other, b, queued := free(t), free(t), newBackend(t), newBackend(t)
	c := runCollector(t, fmt.Sprintf(bridged, one, other, b.address, queued.address))
	b.answer()
	queued.answer()
	const batches = 5
	for n := range batches {
		require.Equal(t, "taken", feed(t, one, fedPlan(n, "t")))
		require.Equal(t, "taken", feed(t, other, fedPlan(100+n, "t")))
	}
	require.Contains(t, feed(t, one, fedPlan(200, "l")), "Permanent", "of two that have lost it")
	require.Equal(t, "Permanent grpc Some(3) http None after None rejected 1: told to fail for good",
		feed(t, other, ordered("permanent grpc 3 rejected 1")))
	taken := b.numbers()
	want := map[string]int{}
	for n := range batches {
		want[fmt.Sprint(n)], want[fmt.Sprint(100+n)] = 2, 1
	}
	require.Equal(t, want, taken, "once for each pipeline")
	require.Eventually(t, func() bool {
		_, taken := queued.seen()
		return len(taken) == batches
	}, patience, time.Millisecond)
	for of, n := range c.sums(t, "otelcol_strait_batches", "otelcol.component.id") {
		require.Zero(t, n, of)
	}
	ok := 2 * int64(batches)
	require.Equal(t, map[string]int64{
		"otelcol_processor_incoming_items of mask_cards":    ok + 2,
		"otelcol_processor_outgoing_items of mask_cards":    ok + 2,
		"otelcol_processor_incoming_items of faulty":        ok + 2,
		"otelcol_processor_outgoing_items of faulty":        ok + 1,
		"otelcol_processor_incoming_items of otap":          batches + 1,
		"otelcol_processor_outgoing_items of otap":          batches + 1,
		"otelcol_receiver_accepted_log_records of feeder":   batches,
		"otelcol_receiver_refused_log_records of feeder":    1,
		"otelcol_receiver_failed_log_records of feeder":     0,
		"otelcol_receiver_accepted_log_records of feeder/b": batches,
		"otelcol_receiver_refused_log_records of feeder/b":  1,
		"otelcol_receiver_failed_log_records of feeder/b":   0,
	}, c.items(t))
	exported := c.exported(t)
	require.EqualValues(t, 3*batches, exported["otelcol_exporter_sent_log_records[exporter=outlet]"])
	require.EqualValues(t, ok+1, exported["otelcol_exporter_sent_spans[exporter=outlet/nowhere]"],
		"the connector says so of each batch that came to it")
	for _, one := range []string{
		"Receiver feeder", "Receiver feeder/b", "Processor mask_cards", "Processor faulty",
		"Processor otap", "Connector tally", "Exporter outlet", "Exporter outlet/queue",
	} {
		require.Equal(t, "StatusOK", c.status(one), one)
	}
	require.Equal(t, "taken", feed(t, other, ordered("unwell t")))
	c.awaits(t, "Processor faulty", "StatusRecoverableError: told to be unwell")
	require.Equal(t, "StatusOK", c.status("Processor mask_cards"))
	c.end(t)
}

const branching = `
receivers: {feeder: {listen: %q}}
exporters: {outlet: {to: %q, sending_queue: {enabled: false}}, keep: , keep/b: }
processors: {mask_cards: , same: }
service:
  pipelines:
    logs: {receivers: [feeder], processors: [mask_cards], exporters: [outlet, keep]}
    traces: {receivers: [feeder], exporters: [keep]}
`

// Guarantees: of a batch that goes to Rust and to Go each gets it once, with what came with it, and
// its sender hears of both.
func TestABatchGoesToRustAndToGo(t *testing.T) {
	listen, b := free(t), newBackend(t)
	b.answer()
	c := runCollector(t, fmt.Sprintf(branching, listen, b.address))
	defer c.end(t)
	for n := range 3 {
		require.Equal(t, "taken", feed(t, listen, fedPlan(n, "t")))
	}
	require.Contains(t, feed(t, listen, fedPlan(3, "l")), "it is lost")
	taken := b.numbers()
	require.Equal(t, map[string]int{"0": 1, "1": 1, "2": 1}, taken)
	keep := c.keeps["keep"]
	require.Equal(t, 4, keep.count())
	require.Equal(t, []string{"blue"}, client.FromContext(keep.ctxs[0]).Metadata.Get("tenant"))
	crossed := c.sums(t, "otelcol_strait_batches", "otelcol.component.id")
	require.Equal(t, map[string]int64{
		"otelcol_strait_batches of feeder": 4, "otelcol_strait_batches of outlet": 0,
	}, crossed)
}

// Guarantees: an exporter that Rust sends to by a bridge is the same for what Go gives it: one
// queue and one set of numbers.
func TestADoorIsForGoToo(t *testing.T) {
	listen, b := free(t), newBackend(t)
	c := runCollector(t, fmt.Sprintf(`
receivers: {feeder: {listen: %q}, feed: }
exporters: {outlet: {to: %q, sending_queue: {num_consumers: 1}}}
processors: {same: }
service:
  pipelines:
    logs: {receivers: [feeder], exporters: [outlet]}
    logs/go: {receivers: [feed], processors: [same], exporters: [outlet]}
`, listen, b.address))
	defer c.end(t)
	for n := range 3 {
		require.Equal(t, "taken", feed(t, listen, fedPlan(n, "t")))
		require.NoError(t, c.feeds["feed"].ConsumeLogs(t.Context(), planned(10+3*n, "t")))
	}
	size := "otelcol_exporter_queue_size[data_type=logs exporter=outlet]"
	require.EqualValues(t, 6, c.exported(t)[size])
	b.answer()
	require.Eventually(t, c.isQuiet(t), patience, time.Millisecond)
	_, taken := b.seen()
	require.Len(t, taken, 6)
	sent := c.exported(t)["otelcol_exporter_sent_log_records[exporter=outlet]"]
	require.EqualValues(t, 3+3*2, sent)
}

// numbers are how often batches of one log were taken, by the numbers in their bodies.
func (b *backend) numbers() map[string]int {
	taken := map[string]int{}
	_, all := b.seen()
	for bodies, times := range all {
		number, _, _ := strings.Cut(bodies, " ")
		taken[number] += times
	}
	return taken
}

// drawBridged draws pipelines whose receivers, connector and exporters share each other.
func drawBridged(r *rand.Rand, fuse bool, one, other, to string) string {
	names := []string{"faulty", "mask_cards", "mask_cards/b", "otap/delete", "otap/keep", "same"}
	rest := graph{pipelines: map[string]string{}}
	add := func(name string, receivers, exporters []string) {
		rest.pipelines[name] = fmt.Sprintf("{receivers: [%s], processors: [%s], exporters: [%s]}",
			join(receivers), join(pick(r, names, 0, 3)), join(exporters))
	}
	ends := []string{"outlet", "outlet/b", "keep", "keep/b"}
	receivers := []string{"feeder", "feeder/b", "feed/0"}
	for i := range 1 + r.IntN(3) {
		exporters := pick(r, ends, 1, 3)
		if i == 0 {
			exporters = append(exporters, "tally")
		}
		add(fmt.Sprintf("logs/%d", i), pick(r, receivers, 1, 3), exporters)
	}
	add("logs/all", receivers, pick(r, ends, 1, 2))
	rest.pipelines["traces/tally"] = []string{
		"{receivers: [tally, feeder], processors: [otap/passes], exporters: [keep]}",
		"{receivers: [tally, feeder, feeder/b], exporters: [outlet/nowhere]}",
	}[r.IntN(2)]
	return rest.yamlOf(fmt.Sprintf("receivers:\n  feed/0:\n"+
		"  feeder: {listen: %[1]q, runtime: {rust: {fuse: %[4]t}}}\n"+
		"  feeder/b: {listen: %[2]q, runtime: {rust: {fuse: %[4]t}}}\n"+
		"exporters:\n  keep:\n  keep/b:\n"+
		"  outlet: {to: %[3]q, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}, "+
		"runtime: {rust: {fuse: %[4]t}}}\n"+
		"  outlet/b: {to: %[3]q, sending_queue: {wait_for_result: true}, "+
		"retry_on_failure: {enabled: false}, runtime: {rust: {fuse: %[4]t}}}\n"+
		"  outlet/nowhere: {sending_queue: {enabled: false}, runtime: {rust: {fuse: %[4]t}}}\n"+
		"connectors: {tally: {runtime: {rust: {fuse: %[4]t}}}}\n", one, other, to, fuse), fuse)
}

// Guarantees: random graphs that share receivers, exporters and a connector do with bridges what
// they do without: the same deliveries, the same logs in Go, the same fate for each batch, and the
// same numbers.
func TestBridgedIsAsUnbridged(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			type side struct {
				*collector
				one, other string
				backend    *backend
			}
			var sides [2]side
			var yaml string
			state := r.Uint64()
			for i, fuse := range []bool{true, false} {
				s := side{one: free(t), other: free(t), backend: newBackend(t)}
				s.backend.answer()
				of := rand.New(rand.NewPCG(state, 1))
				yaml = drawBridged(of, fuse, s.one, s.other, s.backend.address)
				s.collector = runCollector(t, yaml)
				sides[i] = s
			}
			for n := range 10 {
				plan := []string{"t", "t", "t", "l"}[r.IntN(4)]
				fed := fedPlan(n, plan)
				if orders := []string{"permanent grpc 3", "panic", "drop"}; r.IntN(8) == 0 {
					fed = ordered(orders[r.IntN(3)])
				}
				var told [2][]string
				for i, s := range sides {
					told[i] = []string{
						fate(feed(t, s.one, fed)), fate(feed(t, s.other, fed)),
						classOf(s.feeds["feed/0"].ConsumeLogs(t.Context(), planned(50+n, plan))),
					}
				}
				require.Equal(t, told[1], told[0], yaml)
			}
			_, want := sides[1].backend.seen()
			_, got := sides[0].backend.seen()
			require.Equal(t, want, got, yaml)
			for id, s := range sides[1].keeps {
				got := sides[0].keeps[id].take()
				require.Equal(t, asTexts(t, s.take()), asTexts(t, got), "%s: %s", id, yaml)
			}
			var items [2]map[string]int64
			for i, s := range sides {
				require.Eventually(t, s.isQuiet(t), patience, time.Millisecond)
				items[i] = s.items(t)
				maps.Copy(items[i], s.exported(t))
			}
			require.Equal(t, items[1], items[0], yaml)
			for _, s := range sides {
				s.end(t)
			}
		})
	}
}

// ordered is a batch of one log for the receiver `feeder` that says what is to become of it.
func ordered(order string) []byte {
	return fmt.Appendf(nil, `[{"body": %q, "severity": 9, "attributes": []}]`, order)
}

// fate is what became of a batch, by what its sender heard.
func fate(told string) string {
	var class string
	_, _ = fmt.Sscan(told, &class)
	return class
}

// Guarantees: receivers that send at once through shared units lose nothing, and have nothing
// twice; the Collector ends with all of it delivered.
func TestManySendersOverBridges(t *testing.T) {
	one, other, b, queued := free(t), free(t), newBackend(t), newBackend(t)
	c := runCollector(t, fmt.Sprintf(bridged, one, other, b.address, queued.address))
	b.answer()
	queued.answer()
	const senders, batches = 8, 25
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for n := range batches {
				at := []string{one, other}[sender%2]
				told, err := tryFeed(t.Context(), at, fedPlan(sender*batches+n, "t"))
				if told != "taken" {
					t.Errorf("told %q, %v", told, err)
				}
			}
		})
	}
	all.Wait()
	c.end(t)
	taken := b.numbers()
	require.Len(t, taken, senders*batches)
	for n, times := range taken {
		var id int
		_, err := fmt.Sscan(n, &id)
		require.NoError(t, err)
		require.Equal(t, 2-id/batches%2, times, n)
	}
	require.Len(t, queued.numbers(), senders/2*batches)
}
