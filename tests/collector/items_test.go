package collector

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/strait-data/strait/tests/otelcol"
)

const oneBadItem = `
receivers:
  otlp: {protocols: {http: {endpoint: "${env:OTLP_IN}"}}}
processors:
  otap/batch: {nodes: [{batch: {otap: {min_size: 1000, sizer: items}, max_batch_duration: 20ms}}]}
  otap/projects: {nodes: [{filter: {logs: {exclude: {match_type: strict, bodies: [nobody]}}}}]}
  otap/full:
    full_decode: true
    nodes: [{filter: {logs: {exclude: {match_type: strict, bodies: [nobody]}}}}]
  otap/severities:
    nodes: [{filter: {logs: {include: {severity_number: {min: 0, match_undefined: true}}}}}]
  mask_cards: {}
exporters:
  file: {path: "${env:OUT}"}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs: {receivers: [otlp], processors: [%PROCESSOR%], exporters: [file]}
`

// Guarantees: three logs by OTLP/HTTP, the second with bytes in its body that are not UTF-8: the
// two good ones are delivered on every path that reads bodies, and the sender hears of the one, by
// place and reason, with the status for bad data. Where nobody reads bodies all three are
// delivered.
func TestOneBadLogByHTTP(t *testing.T) {
	for processor, want := range map[string]int{
		"otap/batch": 2, "otap/projects": 2, "otap/full": 2, "mask_cards": 2,
		"otap/batch, otap/projects": 2, "otap/severities": 3,
	} {
		t.Run(processor, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			c, in := run(t, replace(oneBadItem, processor), map[string]string{"OUT": out})
			d := plog.NewLogs()
			records := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
			for i := range 3 {
				lr := records.AppendEmpty()
				lr.SetSeverityNumber(9)
				lr.Body().SetStr(fmt.Sprint("body ", i))
			}
			records.At(1).Body().SetStr("a\xff\xfe")
			code, message := post(t, in, d)
			if want == 3 {
				require.Equal(t, http.StatusOK, code)
			} else {
				require.Equal(t, http.StatusBadRequest, code, message)
				require.Contains(t, message,
					"1 of 3 items refused: resource_logs[0].scope_logs[0].log_records[1].body: text is not UTF-8")
			}
			require.NoError(t, c.Stop(t.Context()), c.Output())
			logs, err := otelcol.ReadFile(out)
			require.NoError(t, err)
			require.Equal(t, want, total(census(logs)))
		})
	}
}

// post sends logs as OTLP/HTTP and returns the status, and the message of a failure.
func post(t *testing.T, address string, d plog.Logs) (code int, message string) {
	body, err := plogotlp.NewExportRequestFromLogs(d).MarshalProto()
	require.NoError(t, err)
	response, err := http.Post(
		"http://"+address+"/v1/logs",
		"application/x-protobuf",
		bytes.NewReader(body),
	)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.StatusCode == http.StatusOK {
		return response.StatusCode, ""
	}
	var st spb.Status
	require.NoError(t, proto.Unmarshal(answer, &st), "%q", answer)
	require.Equal(t, int32(codes.InvalidArgument), st.GetCode(), st.GetMessage())
	return response.StatusCode, st.GetMessage()
}
