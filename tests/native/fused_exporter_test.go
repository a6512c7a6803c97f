package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// An exporter in a part, with the queue, the retries and the timeout that are in Rust, against the
// same one behind the Collector's exporter helper.

// backend is where `outlet` takes its batches: what it counts it knows by their bodies. The first
// log's body says what becomes of a batch, attempt by attempt, the last letter for all that follow:
// t, it is taken; l, it is lost; r, later; s, there is no answer.
type backend struct {
	address string
	open    chan struct{} // closed: answers are given
	opening sync.Once
	takes   bool // all batches, whatever they say

	mu       sync.Mutex
	attempts map[string]int
	taken    map[string]int
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &backend{
		address: l.Addr().String(), open: make(chan struct{}),
		attempts: map[string]int{}, taken: map[string]int{},
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { b.serve(client) })
		}
	})
	t.Cleanup(func() {
		b.answer()
		require.NoError(t, l.Close())
		serving.Wait()
	})
	return b
}

// answer has answers given from now on.
func (b *backend) answer() { b.opening.Do(func() { close(b.open) }) }

// serve answers for one attempt.
func (b *backend) serve(client net.Conn) {
	defer func() { _ = client.Close() }() // it may have gone
	lines, err := io.ReadAll(client)
	id := string(lines)
	body, _, _ := strings.Cut(id, "\n")
	_, plan, found := strings.Cut(body, " ")
	if err != nil || !found {
		return
	}
	b.mu.Lock()
	at := min(b.attempts[id], len(plan)-1)
	b.attempts[id]++
	b.mu.Unlock()
	<-b.open
	what := plan[at]
	if b.takes {
		what = 't'
	}
	switch what {
	case 's':
		time.Sleep(stalls)
	case 't':
		b.mu.Lock()
		b.taken[id]++
		b.mu.Unlock()
		_, _ = client.Write([]byte("taken")) // its sender may have left
	case 'l':
		_, _ = client.Write([]byte("lost"))
	default:
		_, _ = client.Write([]byte("later"))
	}
}

func (b *backend) seen() (attempts, taken map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.attempts), maps.Clone(b.taken)
}

// helper is how an exporter sends, as a configuration says it.
type helper struct {
	queue                         bool
	size, consumers               int
	sizer                         string
	waits, blocks, retries, gives bool // gives: it gives up after the first attempt
	timeout                       time.Duration
	least, most                   int // of the batches that it makes; 0: there is none
	by                            string
	flush                         time.Duration
}

// merges says whether it makes batches.
func (h helper) merges() bool { return h.queue && h.by != "" }

// stalls is longer than the timeout of those that have one.
const stalls = 2 * time.Second

func drawHelper(r *rand.Rand) helper {
	h := helper{
		queue: r.IntN(4) > 0, size: 3 + r.IntN(12), consumers: 1 + r.IntN(3),
		sizer: []string{"requests", "items", "bytes"}[r.IntN(3)], waits: r.IntN(3) == 0,
		retries: r.IntN(3) > 0, gives: r.IntN(3) == 0, blocks: r.IntN(4) == 0,
		timeout: []time.Duration{0, stalls / 2}[r.IntN(2)],
	}
	if h.queue && r.IntN(2) == 0 {
		// None is sent because it is old: that would be a matter of time.
		h.flush, h.by, h.least = time.Hour, "items", r.IntN(10)
		if r.IntN(3) > 0 {
			h.most = max(h.least, 1) + r.IntN(6)
		}
		h.size += h.least // what is merged is in the queue
		if h.waits {
			h.timeout = 0 // all are in the queue before the first has its end
		}
	}
	return h
}

func (h helper) yaml() string {
	queue := "{enabled: false}"
	if h.queue {
		size := h.size
		if h.sizer == "bytes" {
			size *= 40
		}
		if h.waits || h.blocks || h.merges() && h.sizer != "items" {
			size = 100_000 // what overflows is not a matter of the order then
		}
		queue = fmt.Sprintf("{sizer: %s, queue_size: %d, num_consumers: %d, wait_for_result: %t, "+
			"block_on_overflow: %t%s}", h.sizer, size, h.consumers, h.waits, h.blocks, h.batches())
	}
	interval, elapsed := "1ms", "0s" // for ever: each plan has an end
	if h.gives {
		interval, elapsed = "1s", "1s" // no attempt is over at once
	}
	return fmt.Sprintf("sending_queue: %s, timeout: %s, retry_on_failure: {enabled: %t, "+
		"initial_interval: %s, randomization_factor: 0, multiplier: 1.2, max_interval: 1s, "+
		"max_elapsed_time: %s}", queue, h.timeout, h.retries, interval, elapsed)
}

// batches says how it makes them.
func (h helper) batches() string {
	if !h.merges() {
		return ""
	}
	return fmt.Sprintf(", batch: {flush_timeout: %s, sizer: %s, min_size: %d, max_size: %d}",
		h.flush, h.by, h.least, h.most)
}

// sizeOf is how much a batch takes in its queue.
func (h helper) sizeOf(d plog.Logs) int {
	switch h.sizer {
	case "items":
		return d.LogRecordCount()
	case "bytes":
		return new(plog.ProtoMarshaler).LogsSize(d)
	default:
		return 1
	}
}

// rest is what is left of as many items, once those were sent that are large enough.
func (h helper) rest(items int) int {
	if h.most > 0 && items > h.most {
		items = (items-1)%h.most + 1
	}
	if items >= h.least {
		return 0
	}
	return items
}

// runExporter starts a Collector with an exporter to a backend behind two processors.
func runExporter(t *testing.T, h helper, to string, fuse bool) *collector {
	t.Helper()
	return runCollector(t, fmt.Sprintf(`
receivers: {feed: }
exporters: {outlet: {to: %q, %s, runtime: {rust: {fuse: %t}}}}
processors: {mask_cards: , otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}}
service:
  pipelines:
    logs: {receivers: [feed], processors: [mask_cards, otap], exporters: [outlet]}
`, to, h.yaml(), fuse))
}

// planned is a batch with a number and a plan, and as many items as its number says.
func planned(n int, plan string) plog.Logs {
	d := plog.NewLogs()
	records := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range 1 + n%3 {
		records.AppendEmpty().Body().SetStr(fmt.Sprintf("%d.%d %s", n, i, plan))
	}
	return d
}

// classOf is what a caller may do about an error.
func classOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case consumererror.IsPermanent(err):
		return "permanent"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	default:
		return "retryable"
	}
}

// exported is what the exporter has counted, by name and attributes.
func (c *collector) exported(t testing.TB) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, c.reader.Collect(context.Background(), &all))
	found := map[string]int64{}
	add := func(name string, points []metricdata.DataPoint[int64]) {
		for _, point := range points {
			var attributes []string
			for _, kv := range point.Attributes.ToSlice() {
				attributes = append(attributes, string(kv.Key)+"="+kv.Value.Emit())
			}
			found[fmt.Sprint(name, attributes)] += point.Value
		}
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if !strings.HasPrefix(m.Name, "otelcol_exporter_") {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				add(m.Name, data.DataPoints)
			case metricdata.Gauge[int64]:
				add(m.Name, data.DataPoints)
			}
		}
	}
	return found
}

// account adds up what has an end: sent, failed, refused; where callers wait for the result the
// helper counts what failed as refused too.
func (h helper) account(exported map[string]int64) (n int64) {
	ends := []string{"_sent_", "_send_failed_"}
	if !h.waits {
		ends = append(ends, "_enqueue_failed_")
	}
	for name, value := range exported {
		for _, end := range ends {
			if strings.Contains(name, end) {
				n += value
			}
		}
	}
	return n
}

// isQuiet says that nothing is in flight, and nothing in a queue.
func (c *collector) isQuiet(t testing.TB) func() bool {
	return func() bool {
		for name, value := range c.exported(t) {
			holds := strings.Contains(name, "in_flight") || strings.Contains(name, "queue_size")
			if holds && value != 0 {
				return false
			}
		}
		return true
	}
}

// drawPlan draws what becomes of a batch. One that stalls does so once, where there is a timeout.
func drawPlan(r *rand.Rand, h helper) string {
	plans := []string{"t", "t", "l", "rt", "rrrt", "rl"}
	if h.timeout > 0 {
		plans = append(plans, "st", "rst", "sl")
	}
	return plans[r.IntN(len(plans))]
}

const queueSize = "otelcol_exporter_queue_size[data_type=logs exporter=outlet]"

// runPlans sends batches while the backend gives no answer, then lets it, and waits until each has
// its end; what callers heard, by their batches. Where batches are merged, they come one after the
// other, and what is left of them is sent with one more.
func runPlans(
	t *testing.T, c *collector, b *backend, h helper, plans []string,
) map[int]string {
	t.Helper()
	told := map[int]string{}
	var mu sync.Mutex
	var items, held, rest int
	var calls sync.WaitGroup
	ended := func(items int) {
		done := func() bool { return h.account(c.exported(t)) >= int64(items) }
		require.Eventually(t, done, patience, time.Millisecond)
	}
	send := func(n int, d plog.Logs) {
		size := d.LogRecordCount()
		items += size
		done := make(chan struct{})
		calls.Go(func() {
			defer close(done)
			err := c.feeds["feed"].ConsumeLogs(t.Context(), d)
			mu.Lock()
			defer mu.Unlock()
			told[n] = classOf(err)
		})
		switch {
		case h.queue && !h.waits:
			<-done // in their order: it says which overflow
			mu.Lock()
			taken := told[n] == "ok"
			mu.Unlock()
			if !taken {
				return
			}
		case h.merges():
			held += h.sizeOf(d)
			in := func() bool { return c.exported(t)[queueSize] == int64(held) }
			require.Eventually(t, in, patience, time.Millisecond)
		}
		rest = h.rest(rest + size)
	}
	for n, plan := range plans {
		send(n, planned(n, plan))
	}
	b.answer()
	if h.merges() && rest > 0 {
		ended(items - rest)
		// A batch of which a part was sent is in the queue as a whole.
		room := func() bool {
			return h.sizer != "items" || c.exported(t)[queueSize] <= int64(rest+2)
		}
		require.Eventually(t, room, patience, time.Millisecond)
		last := plog.NewLogs()
		records := last.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for i := range h.least - rest {
			records.AppendEmpty().Body().SetStr(fmt.Sprintf("last.%d t", i))
		}
		items += h.least - rest
		calls.Go(func() {
			if err := c.feeds["feed"].ConsumeLogs(t.Context(), last); err != nil && !h.waits {
				t.Errorf("the last one is refused: %v", err)
			}
		})
	}
	calls.Wait()
	ended(items)
	return told
}

// Guarantees: an exporter in a part does what the Collector's exporter helper does with it: random
// keys of the helper, random schedules of failures, stalls and overflows give the same attempts,
// the same deliveries, the same answers to callers and the same metrics.
func TestAFusedExporterIsAsBehindTheHelper(t *testing.T) {
	for seed := range uint64(32) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 3))
			h := drawHelper(r)
			plans := make([]string, 4+r.IntN(14))
			for i := range plans {
				plans[i] = drawPlan(r, h)
			}
			atFused, atApart := newBackend(t), newBackend(t)
			fused := runExporter(t, h, atFused.address, true)
			apart := runExporter(t, h, atApart.address, false)
			got, want := runPlans(t, fused, atFused, h, plans), runPlans(t, apart, atApart, h, plans)
			require.Equal(t, want, got, "%v %+v", plans, h)
			gotAttempts, gotTaken := atFused.seen()
			wantAttempts, wantTaken := atApart.seen()
			require.Equal(t, wantTaken, gotTaken, "%v %+v", plans, h)
			require.Equal(t, wantAttempts, gotAttempts, "%v %+v", plans, h)
			require.Eventually(t, fused.isQuiet(t), patience, time.Millisecond)
			require.Eventually(t, apart.isQuiet(t), patience, time.Millisecond)
			require.Equal(t, apart.exported(t), fused.exported(t), "%v %+v", plans, h)
			fused.end(t)
			apart.end(t)
		})
	}
}
