package kinds

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soakEnv asks for ten minutes of load. `make soak` sets it.
const soakEnv = "STRAIT_SOAK"

const (
	sendersOfAWay = 2
	batchesShort  = 150 // of each sender
	memoryGrows   = 64 << 20
)

// way is one pipeline of testdata/soak.yaml, by its name there.
type way struct {
	name                 string
	receiver             string // its type
	processors, exporter []string
	// says are what a batch may say besides "hello", which is delivered.
	says []string
	// atSink: what is delivered comes to the sink.
	atSink bool
}

// ways are each kind, in a part and alone.
var ways = []way{
	{
		name: "part", receiver: "otlp", processors: []string{"faulty/part", "faulty/part2"},
		exporter: []string{"otlp_grpc/part"}, atSink: true,
		says: []string{"drop", "permanent", "retryable", refuse},
	},
	{
		name: "alone", receiver: "otlp", processors: []string{"faulty/alone", "faulty/alone2"},
		exporter: []string{"otlp_grpc/alone"}, atSink: true,
		says: []string{"drop", "permanent", "retryable", refuse},
	},
	{
		name: "exporter", receiver: "otlp", exporter: []string{"outlet/exporter"},
		says: []string{"permanent", "retryable"},
	},
	{
		name: "end", receiver: "otlp", processors: []string{"faulty/end"},
		exporter: []string{"outlet/end"}, says: []string{"drop", "permanent", "retryable"},
	},
	{
		name: "receiver", receiver: "feeder", exporter: []string{"otlp_grpc/receiver"}, atSink: true,
		says: []string{refuse},
	},
	{
		name: "whole", receiver: "feeder", processors: []string{"faulty/whole"},
		exporter: []string{"outlet/whole"}, says: []string{"drop", "permanent", "retryable"},
	},
	{
		name: "tally", receiver: "otlp", atSink: true,
		says: []string{"nothing", "permanent", "retryable"},
	},
	{name: "count", receiver: "otlp", atSink: true},
}

// ledger is what became of the items of one way, as who sent them knows it.
type ledger struct {
	mu                                sync.Mutex
	sent, delivered, dropped, refused int64
	behind                            int64 // of the refused, those that the exporter refused
}

// enter notes an answer, which has to be what the batch asked for.
func (l *ledger) enter(w way, says string, items int64, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent += items
	refused := says == "permanent" || says == "retryable" || says == refuse
	if refused != (err != nil) {
		return fmt.Errorf("%s: a batch that says %q was answered %w", w.name, says, err)
	}
	switch {
	case says == "drop" || says == "nothing":
		l.dropped += items
	case !refused:
		l.delivered += items
	default:
		l.refused += items
		if says == refuse || len(w.processors) == 0 {
			l.behind += items
		}
	}
	return nil
}

// draw is what the next batch says: nine of ten are delivered.
func (w way) draw() string {
	if n := rand.IntN(10 * max(1, len(w.says))); n < len(w.says) {
		return w.says[n]
	}
	return "hello"
}

// load sends until it has sent enough, or for so long.
func (w way) load(ctx context.Context, to string, l *ledger, until time.Time) error {
	s, err := w.sender(to)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if until.IsZero() && n == batchesShort || !until.IsZero() && time.Now().After(until) {
			return s.close()
		}
		says := w.draw()
		items, err := s.send(ctx, says)
		if errors.Is(err, errBroken) {
			return errors.Join(err, s.close())
		}
		if err := l.enter(w, says, items, err); err != nil {
			return errors.Join(err, s.close())
		}
	}
}

// Guarantees: under load each kind of component in Rust, in a part and alone, accounts for every
// item: what was sent was delivered, refused, or dropped by design, as its sender hears, as it
// arrives, and as the Collector's own metrics say; and the process does not grow. Ten minutes of it
// under STRAIT_SOAK.
func TestEveryItemIsAccountedFor(t *testing.T) {
	to := startCounting(t)
	at := free(t)
	_, port, err := net.SplitHostPort(at)
	require.NoError(t, err)
	env := map[string]string{"SINK": to.address, "METRICS_PORT": port}
	ins := map[string]string{}
	for _, w := range ways {
		ins[w.name] = free(t)
		env["IN_"+strings.ToUpper(w.name)] = ins[w.name]
	}
	c := start(t, "testdata/soak.yaml", env)
	for _, w := range ways {
		require.NoError(t, c.Ready(t.Context(), ins[w.name]))
	}
	ledgers := map[string]*ledger{}
	for _, w := range ways {
		ledgers[w.name] = &ledger{}
	}
	round := func(length time.Duration) {
		var until time.Time
		if length > 0 {
			until = time.Now().Add(length)
		}
		var senders sync.WaitGroup
		for _, w := range ways {
			for range sendersOfAWay {
				senders.Go(func() {
					if err := w.load(t.Context(), ins[w.name], ledgers[w.name], until); err != nil {
						t.Error(err)
					}
				})
			}
		}
		senders.Wait()
		require.False(t, t.Failed(), c.Output())
	}
	warm, long := time.Duration(0), time.Duration(0)
	if os.Getenv(soakEnv) != "" {
		warm, long = time.Minute, 9*time.Minute
	}
	round(warm)
	before := resident(t, c)
	round(long)
	require.Less(t, resident(t, c), before+memoryGrows)

	shown := scrape(t, at)
	requireParts(t, shown)
	for _, w := range ways {
		l := ledgers[w.name]
		require.Equal(t, l.sent, l.delivered+l.dropped+l.refused, w.name)
		if w.atSink {
			require.Equal(t, l.delivered, to.items(w.name), "%s: arrived", w.name)
		}
		w.measured(t, l, shown)
		t.Logf("%-8s sent %d: delivered %d, dropped %d, refused %d",
			w.name, l.sent, l.delivered, l.dropped, l.refused)
	}
	require.NoError(t, c.Stop(t.Context()))
}

// requireParts sees which components have a crossing of their own: those that are alone, and the
// first of a part. A pipeline that is one part has none.
func requireParts(t *testing.T, shown metrics) {
	t.Helper()
	for id, crosses := range map[string]bool{
		"faulty/part": true, "faulty/part2": false, "faulty/alone": true, "faulty/alone2": true,
		"outlet/exporter": true, "faulty/end": true, "outlet/end": false, "feeder/receiver": true,
		"feeder/whole": false, "faulty/whole": false, "outlet/whole": false, "tally": true,
	} {
		n := shown.sum("otelcol_strait_batches", "otelcol_component_id", id)
		require.Equal(t, crosses, n > 0, "%s: %v batches", id, n)
	}
}

// measured compares the Collector's own metrics with the ledger.
func (w way) measured(t *testing.T, l *ledger, shown metrics) {
	t.Helper()
	is := func(want int64, metric, kind, id string) {
		t.Helper()
		require.EqualValues(t, want, shown.sum(metric, kind, id), "%s of %s", metric, id)
	}
	receiver := w.receiver + "/" + w.name
	is(l.delivered+l.dropped, "otelcol_receiver_accepted_log_records", "receiver", receiver)
	is(l.refused, "otelcol_receiver_refused_log_records", "receiver", receiver)
	for i, id := range w.processors {
		in, out := l.sent, l.delivered+l.behind
		if i > 0 {
			in = out
		}
		is(in, "otelcol_processor_incoming_items", "processor", id)
		is(out, "otelcol_processor_outgoing_items", "processor", id)
	}
	for _, id := range w.exporter {
		is(l.delivered, "otelcol_exporter_sent_log_records", "exporter", id)
		is(l.behind, "otelcol_exporter_send_failed_log_records", "exporter", id)
	}
}
