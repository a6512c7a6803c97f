package native

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Members of a part that err, panic, hang, leak or end: who is told, and that nobody else is
// harmed.

const wrongMembers = `
receivers: {feeder: {listen: %q}, feed: }
exporters:
  outlet:
    says: permanent grpc 5
    timeout: 300ms
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
    fails: {%s}
  keep:
extensions: {watch: }
processors: {faulty: {fails: {%s}}, mask_cards: }
service:
  extensions: [watch]
  pipelines:
    logs: {receivers: [feeder], processors: [faulty, mask_cards], exporters: [outlet]}
    logs/neighbour: {receivers: [feed], processors: [mask_cards], exporters: [keep]}
`

// Guarantees: a member of a part that panics, fails or takes too long costs its batch, and its
// sender hears which one it was; the next batch goes on, and so does the neighbour; a shutdown that
// fails or panics ends the others in order.
func TestMembersOfAPartGoWrong(t *testing.T) {
	listen := free(t)
	c := runCollector(t, fmt.Sprintf(wrongMembers, listen, "shutdown: panic", "shutdown: error"))
	neighbour := func() {
		require.NoError(t, c.feeds["feed"].ConsumeLogs(t.Context(), logs(3)))
	}
	said := func(body string) string {
		return feed(t, listen, fmt.Appendf(nil, `[{"body": %q, "severity": 9, "attributes": []}]`, body))
	}
	for _, wrong := range []struct{ body, class, message string }{
		{"panic", "Permanent grpc None", "panic in process: told to panic"},
		{"permanent", "Permanent grpc None", "told to fail for good"},
		{"retryable", "Retryable grpc None", "told to fail for now"},
		{"", "Permanent grpc Some(5)", "told to fail for good"},
		{"hang", "Deadline grpc None", "context deadline exceeded"},
	} {
		told := said(wrong.body)
		require.Contains(t, told, wrong.class, wrong.body)
		require.Contains(t, told, wrong.message, wrong.body)
		require.Equal(t, "taken", said("text"), "after %q", wrong.body)
		neighbour()
	}
	require.Equal(t, "taken", said("leak"))
	for _, one := range []string{
		"Receiver feeder", "Processor faulty", "Processor mask_cards", "Exporter outlet",
	} {
		require.Equal(t, "StatusOK", c.status(one), one)
	}
	exported := c.exported(t)
	const failed = "otelcol_exporter_send_failed_log_records" +
		"[error.permanent=%t error.type=%s exporter=outlet]"
	require.EqualValues(t, 1, exported[fmt.Sprintf(failed, true, "NotFound")])
	require.EqualValues(t, 1, exported[fmt.Sprintf(failed, false, "Deadline_Exceeded")])
	require.EqualValues(t, 6, exported["otelcol_exporter_sent_log_records[exporter=outlet]"])
	neighbour()
	c.end(t)
}

// Guarantees: a part of which one member cannot be made does not start, and the Collector says
// which member it was.
func TestAPartWithoutAMemberDoesNotStart(t *testing.T) {
	for _, how := range []string{"error", "panic"} {
		for i, member := range []string{"outlet", "faulty"} {
			fails := []string{"", ""}
			fails[i] = "create: " + how
			c := tryCollector(t, fmt.Sprintf(wrongMembers, free(t), fails[0], fails[1]))
			err := c.failure()
			require.ErrorContains(t, err, "told to ", "%s %s", member, how)
			require.ErrorContains(t, err, member)
		}
	}
}

const wrongReceivers = `
receivers: {source: {steps: [{signal: traces, text: hello}], fails: {run: %s}}}
exporters: {outlet: {sending_queue: {enabled: false}}, keep: }
extensions: {watch: }
processors: {otap: {nodes: [{retry: {}}]}}
service:
  extensions: [watch]
  pipelines:
    traces: {receivers: [source], processors: [otap], exporters: [outlet]}
    logs: {receivers: [source], exporters: [keep]}
`

// Guarantees: the receiver of a part that ends, fails or panics is that component's status for
// good, and no other's; what it had sent was exported.
func TestTheReceiverOfAPartEnds(t *testing.T) {
	for how, message := range map[string]string{
		"end":   "source: it has ended by itself, and receives nothing any more",
		"error": "source: run: told to fail in run",
		"panic": "source: panic in run: told to panic in run",
	} {
		c := runCollector(t, fmt.Sprintf(wrongReceivers, how))
		c.awaits(t, "Receiver source", "StatusPermanentError: "+message)
		for _, other := range []string{"Processor otap", "Exporter outlet"} {
			require.Equal(t, "StatusOK", c.status(other), other)
		}
		require.EqualValues(t, 1, c.exported(t)["otelcol_exporter_sent_spans[exporter=outlet]"])
		c.end(t)
	}
}
