package kinds

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Guarantees: what components in Rust measure stands among the Collector's own metrics, each with
// the attributes of its component, also where both run as one part.
func TestWhatRustMeasuresHasItsComponent(t *testing.T) {
	at := free(t)
	_, port, err := net.SplitHostPort(at)
	require.NoError(t, err)
	env := map[string]string{"OTLP_IN": free(t), "METRICS_PORT": port}
	c := start(t, "testdata/measured.yaml", env)
	require.NoError(t, c.Ready(t.Context(), env["OTLP_IN"]))
	require.NoError(t, c.Ready(t.Context(), at))
	connection, err := grpc.NewClient(env["OTLP_IN"],
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { require.NoError(t, connection.Close()) }()
	d := plog.NewLogs()
	records := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.AppendEmpty().Body().SetStr("measure 5")
	client := plogotlp.NewGRPCClient(connection)
	_, err = client.Export(t.Context(), plogotlp.NewExportRequestFromLogs(d))
	require.NoError(t, err)

	response, err := http.Get("http://" + at + "/metrics")
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for _, id := range []string{"faulty", "faulty/b"} {
		found := regexp.MustCompile(`(?m)^measuring_counter\{(.*otelcol_component_id="` + id +
			`".*)\} 5$`).FindStringSubmatch(string(body))
		require.NotNil(t, found, "%s", body)
		for _, label := range []string{
			`otelcol_component_kind="processor"`, `otelcol_pipeline_id="logs"`, `tenant="blue"`,
			`shard="1"`,
		} {
			require.True(t, strings.Contains(found[1], label), "%s in %s", label, found[1])
		}
	}
	require.NoError(t, c.Stop(t.Context()))
}
