package kinds

import (
	"context"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

const (
	trace  = "0102030405060708090a0b0c0d0e0f10"
	caller = "00000000000000aa"
)

// Guarantees: a request that goes through Go, Rust, Go and Rust is one tree under its caller's
// span, as an OTLP sink sees it, and what Rust sees at its end is the last span of that tree.
func TestARequestIsOneTree(t *testing.T) {
	s := startSink(t)
	env := environment(t, newLines(t), startDesk(t, nil))
	env["SINK"] = s.Address
	c := start(t, "testdata/chain.yaml", env)
	require.NoError(t, c.Ready(t.Context(), env["OTLP_IN"]))
	require.NoError(t, c.Ready(t.Context(), env["BETWEEN"]))

	connection, err := grpc.NewClient(env["OTLP_IN"],
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { require.NoError(t, connection.Close()) }()
	d := plog.NewLogs()
	records := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.AppendEmpty().Body().SetStr("context") // outlet answers with what it sees
	client := plogotlp.NewGRPCClient(connection)
	warm := plog.NewLogs()
	d.CopyTo(warm)
	warm.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr("hello")
	eventually(t, c, func() bool { // the exporter was there before the receiver that it sends to
		_, err := client.Export(t.Context(), plogotlp.NewExportRequestFromLogs(warm))
		return err == nil
	}, "it is connected")
	ctx := metadata.AppendToOutgoingContext(context.WithoutCancel(t.Context()),
		"traceparent", "00-"+trace+"-"+caller+"-01")
	_, err = client.Export(ctx, plogotlp.NewExportRequestFromLogs(d))
	require.ErrorContains(t, err, "span 00-"+trace)
	require.NoError(t, c.Stop(t.Context()))

	byID := map[pcommon.SpanID]ptrace.Span{}
	var roots []string
	var last ptrace.Span
	for _, span := range s.Spans() {
		if id := span.TraceID(); hex.EncodeToString(id[:]) != trace {
			continue // the Collector's own start
		}
		byID[span.SpanID()] = span
		if span.Name() == "exporter/outlet/logs" {
			last = span
		}
	}
	for _, span := range byID {
		if _, is := byID[span.ParentSpanID()]; !is {
			parent := span.ParentSpanID()
			roots = append(roots, hex.EncodeToString(parent[:]))
		}
	}
	require.Equal(t, []string{caller}, roots, "one root, below the caller's span")
	for _, name := range []string{
		"receiver/otlp/first/LogsReceived", "exporter/otlp_grpc/logs",
		"receiver/otlp/second/LogsReceived", "exporter/outlet/logs",
	} {
		found := 0
		for _, span := range byID {
			if span.Name() == name {
				found++
			}
		}
		require.Equal(t, 1, found, name)
	}
	seen := last.SpanID()
	require.ErrorContains(t, err, hex.EncodeToString(seen[:]), "what Rust sees")
}
