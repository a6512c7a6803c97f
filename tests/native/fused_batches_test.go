package native

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
)

// The batches that an exporter in a part makes of what is in its queue, against those of the
// Collector's exporter helper: the same data, of every signal, merged and split by items and by
// bytes.

// drop is where `outlet` takes batches, all of which are taken, and kept in their order.
type drop struct {
	address string
	open    chan struct{} // closed: answers are given
	opening sync.Once

	mu    sync.Mutex
	taken [][]byte
}

func newDrop(t *testing.T) *drop {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &drop{address: l.Addr().String(), open: make(chan struct{})}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = client.Close() }() // it may have gone
				content, err := io.ReadAll(client)
				if err != nil {
					return
				}
				<-d.open
				d.mu.Lock()
				defer d.mu.Unlock()
				d.taken = append(d.taken, content)
				_, _ = client.Write([]byte("taken")) // its sender may have left
			})
		}
	})
	t.Cleanup(func() {
		d.answer()
		require.NoError(t, l.Close())
		serving.Wait()
	})
	return d
}

// answer has answers given from now on.
func (d *drop) answer() { d.opening.Do(func() { close(d.open) }) }

// merging is how batches are merged and split, and what is sent through them.
type merging struct {
	signal, sizer, by string
	least, most       int
	tenants           int // whose batches are kept apart; 0: nobody's
	sent              []any
}

func drawMerging(r *rand.Rand) merging {
	m := merging{
		signal: []string{"logs", "traces", "metrics"}[r.IntN(3)],
		sizer:  []string{"requests", "items", "bytes"}[r.IntN(3)],
		by:     []string{"items", "bytes"}[r.IntN(2)], tenants: max(0, r.IntN(6)-2),
	}
	scale := 1
	if m.by == "bytes" {
		scale = 60
	}
	m.least = r.IntN(12 * scale)
	if r.IntN(4) > 0 {
		m.most = max(m.least, scale) + r.IntN(8*scale)
	}
	for seed := r.IntN(1 << 30); len(m.sent) < 3+r.IntN(8); seed++ {
		switch m.signal {
		case "logs":
			d := drawn(otaptest.Logs, seed)
			otaptest.Prune(d)
			number(d, len(m.sent))
			m.add(d, d.LogRecordCount())
		case "traces":
			d := drawn(otaptest.Traces, seed)
			pruneTraces(d)
			m.add(d, d.SpanCount())
		default:
			d := drawn(otaptest.Metrics, seed)
			pruneMetrics(d)
			m.add(d, d.DataPointCount())
		}
	}
	return m
}

// drawn is data of a signal.
func drawn[D any](of func(*rapid.T, otaptest.Options) D, seed int) D {
	options := otaptest.Options{NoDuplicates: true}
	return rapid.Custom(func(t *rapid.T) D { return of(t, options) }).Example(seed)
}

// pruneTraces takes out what has no items: Go sends none of that on, and the helper loses its way
// where one is larger than what it splits.
func pruneTraces(d ptrace.Traces) {
	d.ResourceSpans().RemoveIf(func(r ptrace.ResourceSpans) bool {
		r.ScopeSpans().RemoveIf(func(s ptrace.ScopeSpans) bool { return s.Spans().Len() == 0 })
		return r.ScopeSpans().Len() == 0
	})
}

// pruneMetrics is pruneTraces for metrics.
func pruneMetrics(d pmetric.Metrics) {
	d.ResourceMetrics().RemoveIf(func(r pmetric.ResourceMetrics) bool {
		r.ScopeMetrics().RemoveIf(func(s pmetric.ScopeMetrics) bool {
			s.Metrics().RemoveIf(func(m pmetric.Metric) bool { return pointsOf(m) == 0 })
			return s.Metrics().Len() == 0
		})
		return r.ScopeMetrics().Len() == 0
	})
}

func pointsOf(m pmetric.Metric) int {
	d := pmetric.NewMetrics()
	m.CopyTo(d.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty())
	return d.DataPointCount()
}

// add adds a batch that has items: others do not cross.
func (m *merging) add(d any, items int) {
	if items > 0 {
		m.sent = append(m.sent, d)
	}
}

// number has every log say which one it is.
func number(d plog.Logs, batch int) {
	at := 0
	for _, resource := range d.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				record.Body().SetStr(fmt.Sprint(batch, ".", at, strings.Repeat("x", at%4*40)))
				at++
			}
		}
	}
}

// merger is a Collector that the batches were sent through, whose queue no answer empties.
type merger struct {
	*collector
	*drop
	told []string // what callers heard
}

func (m merging) run(t *testing.T, fuse bool) merger {
	t.Helper()
	var told []string
	listen, d := free(t), newDrop(t)
	c := runCollector(t, fmt.Sprintf(`
receivers: {feed: , feeder: {listen: %q}}
exporters:
  outlet:
    to: %q
    timeout: 1h
    sending_queue:
      sizer: %s
      queue_size: 10000000
      num_consumers: 1
      batch: {flush_timeout: 1h, sizer: %s, min_size: %d, max_size: %d%s}
    runtime: {rust: {fuse: %t}}
processors: {otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}}
service:
  pipelines:
    logs: {receivers: [feed], processors: [otap], exporters: [outlet]}
    traces: {receivers: [feeder], exporters: [outlet]}
    metrics: {receivers: [feeder], exporters: [outlet]}
`, listen, d.address, m.sizer, m.by, m.least, m.most, m.partition(), fuse))
	for i, one := range m.sent {
		switch one := one.(type) {
		case plog.Logs:
			err := c.feeds["feed"].ConsumeLogs(m.of(t, i), otaptest.Clone(one))
			told = append(told, classOf(err))
		case ptrace.Traces:
			b, err := new(ptrace.ProtoMarshaler).MarshalTraces(one)
			require.NoError(t, err)
			told = append(told, feed(t, listen, append([]byte("t"), b...)))
		case pmetric.Metrics:
			b, err := new(pmetric.ProtoMarshaler).MarshalMetrics(one)
			require.NoError(t, err)
			told = append(told, feed(t, listen, append([]byte("m"), b...)))
		}
	}
	return merger{c, d, told}
}

func (m merging) partition() string {
	if m.tenants == 0 {
		return ""
	}
	return ", partition: {metadata_keys: [tenant, Other]}"
}

// of is the context of a batch: each one's sender is one of the tenants, or none of them.
func (m merging) of(t *testing.T, batch int) context.Context {
	if m.tenants == 0 || batch%(m.tenants+1) == m.tenants {
		return t.Context()
	}
	metadata := map[string][]string{
		"Tenant": {fmt.Sprint(batch % (m.tenants + 1))}, "ignored": {fmt.Sprint(batch)},
	}
	return client.NewContext(t.Context(), client.Info{Metadata: client.NewMetadata(metadata)})
}

// held is what the queue holds.
func (m merging) held(t *testing.T, c *collector) int64 {
	size := fmt.Sprintf("otelcol_exporter_queue_size[data_type=%s exporter=outlet]", m.signal)
	return c.exported(t)[size]
}

// delivered ends a Collector, and is what was delivered by then.
func (m merging) delivered(t *testing.T, of merger) (delivered []string) {
	t.Helper()
	of.answer()
	of.end(t)
	for _, one := range of.taken {
		delivered = append(delivered, m.asPdata(t, one))
	}
	if m.tenants > 0 {
		slices.Sort(delivered) // which partition's rest is sent first is not said
	}
	return delivered
}

// asPdata is a delivery as pdata writes it.
func (m merging) asPdata(t *testing.T, delivery []byte) string {
	t.Helper()
	switch m.signal {
	case "traces":
		d, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(delivery)
		require.NoError(t, err)
		b, err := new(ptrace.JSONMarshaler).MarshalTraces(d)
		require.NoError(t, err)
		return string(b)
	case "metrics":
		d, err := new(pmetric.ProtoUnmarshaler).UnmarshalMetrics(delivery)
		require.NoError(t, err)
		b, err := new(pmetric.JSONMarshaler).MarshalMetrics(d)
		require.NoError(t, err)
		return string(b)
	default:
		return string(delivery)
	}
}

// Guarantees: what an exporter in a part merges and splits is what the Collector's exporter helper
// makes of the same batches, delivery by delivery, and its queue is as large: bytes are those of
// pdata.
func TestAFusedExporterMergesAndSplitsAsTheHelper(t *testing.T) {
	for seed := range uint64(48) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := drawMerging(rand.New(rand.NewPCG(seed, 4)))
			fused, apart := m.run(t, true), m.run(t, false)
			require.Equal(t, apart.told, fused.told, "%+v", m)
			// What no batch can have has left the queue, soon.
			alike := func() bool { return m.held(t, fused.collector) == m.held(t, apart.collector) }
			require.Eventually(t, alike, patience, time.Millisecond, "%+v", m)
			require.Equal(t, m.delivered(t, apart), m.delivered(t, fused), "%+v", m)
		})
	}
}

// Guarantees: what has not become large enough is sent when it is old.
func TestAFusedExporterSendsWhatIsOld(t *testing.T) {
	b := newBackend(t)
	b.answer()
	h := helper{
		queue: true, size: 100, consumers: 1, sizer: "items", by: "items", least: 50,
		flush: 50 * time.Millisecond,
	}
	c := runExporter(t, h, b.address, true)
	require.NoError(t, c.feeds["feed"].ConsumeLogs(t.Context(), planned(0, "t")))
	sent := func() bool { return h.account(c.exported(t)) == 1 }
	require.Eventually(t, sent, patience, time.Millisecond)
	_, taken := b.seen()
	require.Equal(t, map[string]int{"0.0 t\n\n": 1}, taken)
	c.end(t)
}
