package native

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// An exporter in a part whose queue is in a storage of the Collector's, against the same one behind
// the Collector's exporter helper: the two have the same queue. tests/kinds kills the process.

// stored is how a queue in a storage is, as a configuration says it.
type stored struct {
	sizer   string
	size    int
	batches int
}

func drawStored(r *rand.Rand) stored {
	s := stored{
		sizer: []string{"requests", "items", "bytes"}[r.IntN(3)], batches: 3 + r.IntN(8),
		size: 3 + r.IntN(12),
	}
	if s.sizer == "bytes" {
		s.size *= 40
	}
	return s
}

// run starts a Collector whose exporter has its queue in a folder, and may merge and split it.
func (s stored) run(t *testing.T, folder string, to *backend, fuse, merge bool) *collector {
	t.Helper()
	batch := ""
	if merge {
		batch = ", batch: {flush_timeout: 20ms, sizer: items, min_size: 4, max_size: 5}"
	}
	return runCollector(t, fmt.Sprintf(`
receivers: {feed: }
extensions: {file_storage: {directory: %q}, watch: }
exporters:
  outlet:
    to: %q
    timeout: 0s
    retry_on_failure: {initial_interval: 1h, max_interval: 1h, max_elapsed_time: 0s}
    sending_queue: {storage: file_storage, num_consumers: 1, sizer: %s, queue_size: %d%s}
    runtime: {rust: {fuse: %t}}
processors: {mask_cards: , otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}}
service:
  extensions: [file_storage, watch]
  pipelines:
    logs: {receivers: [feed], processors: [mask_cards, otap], exporters: [outlet]}
`, folder, to.address, s.sizer, s.size, batch, fuse))
}

// lived is what is seen of a queue in two lives of its Collector.
type lived struct {
	Told            []string
	Held, HeldAgain int64
	Tried           map[string]int
	Taken           []string // each log, in the second life
}

// live fills a queue while its backend takes nothing, ends the Collector, and begins another one
// with what is left. Rust looks into the storage after the Collector's start, so that its queue has
// what is wanted soon.
func (s stored) live(t *testing.T, fuse [2]bool, want *lived) (l lived) {
	t.Helper()
	folder := t.TempDir()
	refuses, takes := newBackend(t), newBackend(t)
	takes.takes = true
	first := s.run(t, folder, refuses, fuse[0], false)
	for n := range s.batches {
		err := first.feeds["feed"].ConsumeLogs(t.Context(), planned(n, "r"))
		l.Told = append(l.Told, classOf(err))
	}
	l.Held = first.exported(t)[queueSize]
	refuses.answer()
	tried := func() bool {
		l.Tried, _ = refuses.seen()
		return len(l.Tried) > 0
	}
	require.Eventually(t, tried, patience, time.Millisecond)
	first.end(t)
	l.Tried, _ = refuses.seen()

	second := s.run(t, folder, takes, fuse[1], s.batches%2 == 0)
	held := func() bool {
		l.HeldAgain = second.exported(t)[queueSize]
		return want == nil || l.HeldAgain == want.HeldAgain
	}
	require.Eventually(t, held, patience, time.Millisecond)
	takes.answer()
	empty := func() bool { return second.exported(t)[queueSize] == 0 }
	require.Eventually(t, empty, patience, time.Millisecond)
	second.end(t)
	_, taken := takes.seen()
	for delivery, times := range taken {
		for line := range strings.Lines(delivery) {
			if line != "\n" { // the end of a delivery
				l.Taken = append(l.Taken, strings.Repeat(line, times))
			}
		}
	}
	slices.Sort(l.Taken)
	return l
}

// Guarantees: a queue in a storage is the same whether Rust has it or Go's helper, before a
// Collector's end and after it: what it takes, how large it is, and what is delivered by the next
// Collector.
func TestAStoredQueueIsAsBehindTheHelper(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := drawStored(rand.New(rand.NewPCG(seed, 5)))
			want := s.live(t, [2]bool{false, false}, nil)
			for _, fuse := range [][2]bool{{true, true}, {true, false}, {false, true}} {
				require.Equal(t, want, s.live(t, fuse, &want), "%+v %v", s, fuse)
			}
		})
	}
}

// keep writes into the storage of the exporter's queue.
func keep(t *testing.T, folder string, values map[string][]byte) {
	t.Helper()
	client, err := files(t, folder).(storage.Extension).GetClient(
		t.Context(), component.KindExporter, component.MustNewID("outlet"), "logs")
	require.NoError(t, err)
	for key, value := range values {
		require.NoError(t, client.Set(t.Context(), key, value))
	}
	require.NoError(t, client.Close(t.Context()))
}

// Guarantees: what is damaged in a queue's storage costs itself and no more: the queue goes on.
func TestADamagedQueueGoesOn(t *testing.T) {
	// Read 0, write 2, and 7 was being sent.
	index := []byte{0x19, 0, 0, 0, 0, 0, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0,
		0x2a, 8, 7, 0, 0, 0, 0, 0, 0, 0}
	for name, values := range map[string]map[string][]byte{
		"an entry":         {"qmv0": index, "0": []byte("nonsense"), "7": {0x0d, 1, 0, 0, 0, 0x1a, 9}},
		"the index":        {"qmv0": []byte("nonsense")},
		"an entry is gone": {"qmv0": index},
	} {
		t.Run(name, func(t *testing.T) {
			folder, b := t.TempDir(), newBackend(t)
			keep(t, folder, values)
			b.answer()
			c := stored{sizer: "requests", size: 10}.run(t, folder, b, true, false)
			require.NoError(t, c.feeds["feed"].ConsumeLogs(t.Context(), planned(0, "t")))
			empty := func() bool { return c.exported(t)[queueSize] == 0 }
			require.Eventually(t, empty, patience, time.Millisecond)
			c.end(t)
			_, taken := b.seen()
			require.Equal(t, map[string]int{"0.0 t\n\n": 1}, taken)
		})
	}
}

// Guarantees: a queue that only an older helper's index leads to is refused, and stays as it is.
func TestAnOlderQueueIsNotTouched(t *testing.T) {
	folder := t.TempDir()
	keep(t, folder, map[string][]byte{"wi": {1, 0, 0, 0, 0, 0, 0, 0}, "0": []byte("kept")})
	c := stored{sizer: "requests", size: 10}.run(t, folder, newBackend(t), true, false)
	said := func() bool {
		return strings.Contains(c.status("Exporter outlet"), "an older Collector has written it")
	}
	require.Eventually(t, said, patience, time.Millisecond)
	c.end(t)
	client, err := files(t, folder).(storage.Extension).GetClient(
		t.Context(), component.KindExporter, component.MustNewID("outlet"), "logs")
	require.NoError(t, err)
	value, err := client.Get(t.Context(), "0")
	require.NoError(t, err)
	require.Equal(t, "kept", string(value))
	require.NoError(t, client.Close(t.Context()))
}

// Guarantees: a storage that is none is told at the start, as the helper tells it.
func TestAQueueNeedsItsStorage(t *testing.T) {
	for id, expected := range map[string]string{
		"file_storage": "no storage client extension found", "watch": "is not a storage extension",
	} {
		c := tryCollector(t, fmt.Sprintf(`
receivers: {feed: }
extensions: {watch: }
exporters: {outlet: {sending_queue: {storage: %s}}}
processors: {mask_cards: }
service:
  extensions: [watch]
  pipelines: {logs: {receivers: [feed], processors: [mask_cards], exporters: [outlet]}}
`, id))
		require.ErrorContains(t, c.failure(), expected)
	}
}
