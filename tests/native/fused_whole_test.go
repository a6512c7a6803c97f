package native

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Pipelines that are in Rust from their receiver to their exporter.

// Guarantees: a receiver of a whole pipeline is not held up by one batch that waits for its answer.
func TestAWholePipelineHasManyInFlight(t *testing.T) {
	listen, b := free(t), newBackend(t)
	c := runCollector(t, fmt.Sprintf(`
receivers: {feeder: {listen: %q}}
exporters: {outlet: {to: %q, sending_queue: {enabled: false}}}
service: {pipelines: {logs: {receivers: [feeder], exporters: [outlet]}}}
`, listen, b.address))
	const batches = 9
	var senders sync.WaitGroup
	for n := range batches {
		senders.Go(func() {
			if told, err := tryFeed(t.Context(), listen, fedPlan(n, "t")); told != "taken" {
				t.Errorf("told %q, %v", told, err)
			}
		})
	}
	const inFlight = "otelcol_exporter_in_flight_requests[data_type=logs exporter=outlet]"
	all := func() bool { return c.exported(t)[inFlight] == batches }
	require.Eventually(t, all, patience, time.Millisecond)
	b.answer()
	senders.Wait()
	c.end(t)
}

const wholePipelines = `
receivers: {feeder: {listen: %q}}
exporters:
  outlet: {to: %q, sending_queue: {num_consumers: 1}}
  outlet/nowhere: {sending_queue: {enabled: false}}
extensions: {watch: }
processors: {mask_cards: , otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}}
service:
  extensions: [watch]
  pipelines:
    logs: {receivers: [feeder], processors: [mask_cards, otap], exporters: [outlet]}
    traces: {receivers: [feeder], exporters: [outlet/nowhere]}
`

// fedPlan is a batch of one log for the receiver `feeder`.
func fedPlan(n int, plan string) []byte {
	return fmt.Appendf(nil, `[{"body": "%d %s", "severity": 9, "attributes": []}]`, n, plan)
}

// Guarantees: of pipelines that are in Rust from their receiver to their exporter nothing crosses;
// each component has its numbers and its status; what the queue holds at the end is delivered.
func TestWholePipelinesStayInRust(t *testing.T) {
	listen, b := free(t), newBackend(t)
	c := runCollector(t, fmt.Sprintf(wholePipelines, listen, b.address))
	const batches = 6
	for n := range batches {
		require.Equal(t, "taken", feed(t, listen, fedPlan(n, "t")), "by the queue")
	}
	spans := []byte("t\x0a\x06\x12\x04\x12\x02\x2a\x00")
	require.Equal(t, "taken", feed(t, listen, spans))
	_, taken := b.seen()
	require.Empty(t, taken)
	exported := c.exported(t)
	of := func(name, signal string) string {
		return fmt.Sprintf("otelcol_exporter_%s[data_type=%s exporter=outlet]", name, signal)
	}
	require.EqualValues(t, batches, exported[of("queue_size", "logs")])
	require.EqualValues(t, 1, exported[of("in_flight_requests", "logs")])
	require.EqualValues(t, 1, exported["otelcol_exporter_sent_spans[exporter=outlet/nowhere]"])
	crossed := c.sums(t, "otelcol_strait_batches", "otelcol.component.id")
	require.Equal(t, map[string]int64{"otelcol_strait_batches of feeder": 0}, crossed)
	require.Equal(t, map[string]int64{
		"otelcol_processor_incoming_items of mask_cards":  batches,
		"otelcol_processor_outgoing_items of mask_cards":  batches,
		"otelcol_processor_incoming_items of otap":        batches,
		"otelcol_processor_outgoing_items of otap":        batches,
		"otelcol_receiver_accepted_log_records of feeder": batches,
		"otelcol_receiver_refused_log_records of feeder":  0,
		"otelcol_receiver_failed_log_records of feeder":   0,
		"otelcol_receiver_accepted_spans of feeder":       1,
		"otelcol_receiver_refused_spans of feeder":        0,
		"otelcol_receiver_failed_spans of feeder":         0,
	}, c.items(t))
	for _, one := range []string{
		"Receiver feeder", "Processor mask_cards", "Processor otap", "Exporter outlet",
	} {
		require.Equal(t, "StatusOK", c.status(one), one)
	}
	opening := time.AfterFunc(50*time.Millisecond, b.answer)
	c.end(t)
	require.False(t, opening.Stop(), "the end waits for what is in the queue")
	_, taken = b.seen()
	require.Len(t, taken, batches)
}

// Guarantees: an exporter that is in two parts of one receiver's is two members: what each measures
// and counts has its own signal.
func TestOneExporterBehindTwoSignals(t *testing.T) {
	listen := free(t)
	c := runCollector(t, fmt.Sprintf(`
receivers: {feeder: {listen: %q}}
exporters: {outlet: {says: measure 2, sending_queue: {enabled: false}}}
service:
  pipelines:
    logs: {receivers: [feeder], exporters: [outlet]}
    traces: {receivers: [feeder], exporters: [outlet]}
`, listen))
	defer c.end(t)
	const logs = `[{"body": "measure 5", "severity": 9, "attributes": []}]`
	require.Equal(t, "taken", feed(t, listen, []byte(logs)))
	for range 2 {
		require.Equal(t, "taken", feed(t, listen, []byte("t\x0a\x06\x12\x04\x12\x02\x2a\x00")))
	}
	measured := c.sums(t, "measuring.counter", "otelcol.signal")
	require.Equal(t, map[string]int64{
		"measuring.counter of logs": 5, "measuring.counter of traces": 4,
	}, measured)
	exported := c.exported(t)
	require.EqualValues(t, 1, exported["otelcol_exporter_sent_log_records[exporter=outlet]"])
	require.EqualValues(t, 2, exported["otelcol_exporter_sent_spans[exporter=outlet]"])
}
