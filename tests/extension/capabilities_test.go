package extension

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Guarantees: Rust keeps values in a Go storage extension, in one batch; they are there for the
// next Collector; and a storage that was left open does not keep its extension from stopping.
func TestRustUsesAGoStorage(t *testing.T) {
	dir := t.TempDir()
	for run := range 3 {
		c := newCollector(t, fmt.Sprintf(`
file_storage/q: {directory: %q}
probe/a: {depends_on: [file_storage/q], on: {start: [{count: {storage: file_storage/q}}]}}`, dir),
			[]string{"probe/a", "file_storage/q"}, "").started(t)
		require.NoError(t, c.stop(t))
		found := c.fields("probe/a", "a count")
		require.EqualValues(t, run, found["before"])
		require.Equal(t, true, found["right"], found["found"])
	}
}

// Guarantees: what Rust cannot have is an error that says why.
func TestRustIsToldWhatItCannotHave(t *testing.T) {
	for extension, want := range map[string]string{
		"file_storage": `this Collector runs no extension "file_storage"`,
		"probe/b":      `extension "probe/b" keeps no storage`,
		"not an id":    `"not an id" is no id of an extension`,
	} {
		err := newCollector(
			t,
			fmt.Sprintf("probe/a: {on: {start: [{count: {storage: %q}}]}}\nprobe/b: {}", extension),
			[]string{"probe/a", "probe/b"},
			"",
		).run(t, t.Context())
		require.ErrorContains(t, err, want)
	}
}

// Guarantees: Rust gets the headers that a Go extension makes, and whom it sees in others; and the
// same from Rust.
func TestRustUsesAuthenticatorsOfBothLanguages(t *testing.T) {
	c := newCollector(t, `
bearertokenauth: {token: sesame}
probe/rust:
  client_auth: true
  server_auth: true
  on: {headers: [{headers: {Authorization: Bearer rust}}]}
probe/a:
  depends_on: [bearertokenauth, probe/rust]
  on:
    start:
      - ask_headers: {extension: bearertokenauth}
      - ask_identity: {extension: probe/rust, value: me}
      - ask_identity: {extension: bearertokenauth, value: Bearer wrong}
      - list_extensions
probe/b:
  depends_on: [probe/rust]
  on:
    start:
      - ask_headers: {extension: probe/rust}
      - ask_identity: {extension: bearertokenauth, value: Bearer sesame}`,
		[]string{"probe/a", "probe/b", "bearertokenauth", "probe/rust"}, "").started(t)
	require.Equal(t, "Bearer sesame", c.fields("probe/a", "a header")["value"])
	require.Contains(t, c.fields("probe/a", "an identity")["identity"], `"subject": String("me")`)
	require.Equal(t, true, c.fields("probe/a", "no identity")["refused"])
	require.Equal(
		t,
		"bearertokenauth:client_auth+server_auth probe/a: probe/b: probe/rust:client_auth+server_auth",
		c.fields("probe/a", "the extensions")["list"],
	)
	require.Equal(t, "Bearer rust", c.fields("probe/b", "a header")["value"])
	require.NotNil(t, c.fields("probe/b", "an identity"))
}

// Guarantees: the Collector refuses for `auth` an extension whose Rust side does not authenticate.
func TestTheCollectorRefusesWhatDoesNotAuthenticate(t *testing.T) {
	c := newCollector(t, "probe/a: {client_auth: true}", []string{"probe/a"}, fmt.Sprintf(`
receivers: {otlp: {protocols: {http: {endpoint: %q, auth: {authenticator: probe/a}}}}}
service: {pipelines: {logs: {receivers: [otlp], exporters: [nop]}}}`, freePort(t)))
	err := c.run(t, t.Context())
	require.ErrorContains(t, err, "not a server authenticator")
}

func someLogs() plogotlp.ExportRequest {
	logs := plog.NewLogs()
	logs.ResourceLogs().
		AppendEmpty().
		ScopeLogs().
		AppendEmpty().
		LogRecords().
		AppendEmpty().
		Body().
		SetStr("hello")
	return plogotlp.NewExportRequestFromLogs(logs)
}

// post sends logs over HTTP, with this token or none, and gives the status.
func post(t *testing.T, at, token string) int {
	t.Helper()
	body, err := someLogs().MarshalProto()
	require.NoError(t, err)
	r, err := http.NewRequest(http.MethodPost, "http://"+at+"/v1/logs", bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-protobuf")
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

// caller sends logs over gRPC, with a token, and gives the code.
func caller(t *testing.T, at string) func(token string) codes.Code {
	t.Helper()
	credentials := grpc.WithTransportCredentials(insecure.NewCredentials())
	connection, err := grpc.NewClient(at, credentials)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	return func(token string) codes.Code {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", token)
		_, err := plogotlp.NewGRPCClient(connection).Export(ctx, someLogs())
		return status.Code(err)
	}
}

// guarded is a Collector's configuration whose exporters send to its own guarded receivers what
// comes in at an open one.
func guarded(overHTTP, overGRPC, in string) string {
	return fmt.Sprintf(`
receivers:
  otlp/guarded:
    protocols:
      http: {endpoint: %[1]q, auth: {authenticator: token_provider}}
      grpc: {endpoint: %[2]q, auth: {authenticator: token_provider}}
  otlp/open: {protocols: {http: {endpoint: %[3]q}}}
exporters:
  otlp_http:
    endpoint: "http://%[1]s"
    auth: {authenticator: token_provider}
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
  otlp_grpc:
    endpoint: %[2]q
    auth: {authenticator: token_provider}
    tls: {insecure: true}
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
service:
  pipelines:
    logs/in: {receivers: [otlp/guarded], exporters: [nop]}
    logs/out: {receivers: [otlp/open], exporters: [otlp_http, otlp_grpc]}`, overHTTP, overGRPC, in)
}

// Guarantees: the Collector's own exporters send with a token of a Rust extension, and its own
// receivers accept it, over HTTP and gRPC; they refuse other tokens with the protocols' own codes;
// a token that is replaced in the file counts without a restart.
func TestTokensBothWays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(file, []byte("# ours\nfirst\n"), 0o600))
	overHTTP, overGRPC, in := freePort(t), freePort(t), freePort(t)
	var gone atomic.Bool
	m := &middle{statuses: func(id, status, err string) {
		if id == "token_provider" && status == "StatusRecoverableError" &&
			strings.Contains(err, "No such file") {
			gone.Store(true)
		}
	}}
	c := newCollector(
		t,
		fmt.Sprintf(
			"token_provider: {file: %q, check_interval: 20ms, allow_unencrypted: true}\nmiddle: {}",
			file,
		),
		[]string{"token_provider", "middle"},
		guarded(overHTTP, overGRPC, in),
		middleFactory(m),
	).started(t)

	call := caller(t, overGRPC)
	// The exporter's connection may have been tried before the receiver listened, and is then tried
	// again.
	require.Eventually(
		t,
		func() bool { return post(t, in, "") == http.StatusOK },
		minute,
		10*tick,
		"through both exporters",
	)
	require.Equal(t, http.StatusOK, post(t, overHTTP, "Bearer first"))
	require.Equal(t, codes.OK, call("Bearer first"))
	for _, wrong := range []string{"Bearer second", "Basic first", ""} {
		require.Equal(t, http.StatusUnauthorized, post(t, overHTTP, wrong), wrong)
		require.Equal(t, codes.Unauthenticated, call(wrong), wrong)
	}

	require.NoError(t, os.WriteFile(file, []byte("second\n"), 0o600))
	require.Eventually(
		t,
		func() bool { return post(t, overHTTP, "Bearer second") == http.StatusOK },
		minute,
		tick,
	)
	require.Equal(t, http.StatusUnauthorized, post(t, overHTTP, "Bearer first"))
	require.Equal(t, http.StatusOK, post(t, in, ""), "with the new token")
	require.Contains(t, c.lines("token_provider"), "the file of tokens has changed")

	require.NoError(t, os.Remove(file))
	require.Eventually(t, func() bool { return gone.Load() }, minute, tick, "the status says so")
	require.Equal(
		t,
		http.StatusOK,
		post(t, overHTTP, "Bearer second"),
		"the tokens stay while the file is gone",
	)
	http.DefaultClient.CloseIdleConnections()
}

// Guarantees: the reporter's file says when the Collector is ready, what is wrong and when it is
// not any more, and goes with it.
func TestTheHealthReporter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "health.json")
	c := newCollector(t, fmt.Sprintf(`
health_reporter: {file: %q}
probe/a:
  on:
    task:
      - report: {status: recoverable, message: no way}
      - sleep: {ms: 300}
      - report: {status: ok, message: x}`, file),
		[]string{"health_reporter", "probe/a"}, "").started(t)
	says := func(want string) func() bool {
		return func() bool {
			b, err := os.ReadFile(file)
			return err == nil && string(b) == want
		}
	}
	require.Eventually(
		t,
		says(
			`{"healthy":false,"ready":true,"components":{"extension probe/a":"recoverable_error: no way"}}`,
		),
		minute,
		tick,
	)
	require.Eventually(t, says(`{"healthy":true,"ready":true,"components":{}}`), minute, tick)
	require.NoError(t, c.stop(t))
	require.NoFileExists(t, file)
}

// instance makes one instance outside a Collector.
func instance(t testing.TB, f extension.Factory, id, config string) extension.Extension {
	t.Helper()
	set := extensiontest.NewNopSettings(f.Type())
	require.NoError(t, set.ID.UnmarshalText([]byte(id)))
	made, err := f.Create(t.Context(), set, configOf(t, f, config))
	require.NoError(t, err)
	return made
}

// Guarantees: an identity's attributes are the context's; a cancelled caller gets its error, and
// the instance goes on.
func TestServerAuthGivesTheIdentity(t *testing.T) {
	made := instance(t, probe, "probe/a", "server_auth: true")
	require.NoError(t, made.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, made.Shutdown(context.Background())) }()
	auth := made.(extensionauth.Server)
	ctx, err := auth.Authenticate(t.Context(), map[string][]string{"Authorization": {"me"}})
	require.NoError(t, err)
	data := client.FromContext(ctx).Auth
	require.Equal(t, []string{"groups", "subject"}, data.GetAttributeNames())
	require.Equal(t, "me", data.GetAttribute("subject"))
	require.Equal(t, []string{"a", "b"}, data.GetAttribute("groups"))
	require.Nil(t, data.GetAttribute("none"))
	_, isClient := made.(extensionauth.HTTPClient)
	require.False(t, isClient)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = auth.Authenticate(ended, nil)
	require.Equal(t, codes.Unavailable, status.Code(err))
	_, err = auth.Authenticate(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, made.Shutdown(t.Context()))
	_, err = auth.Authenticate(t.Context(), nil)
	require.ErrorContains(t, err, "it has been shut down")
	require.Equal(t, codes.Unavailable, status.Code(err))
}

// Guarantees: what an extension measures is in its own telemetry, under its own name.
func TestAnExtensionMeasures(t *testing.T) {
	reader := componenttest.NewTelemetry()
	defer func() { require.NoError(t, reader.Shutdown(context.Background())) }()
	set := extensiontest.NewNopSettings(probe.Type())
	set.ID = component.MustNewIDWithName("probe", "measures")
	set.TelemetrySettings = reader.NewTelemetrySettings()
	made, err := probe.Create(t.Context(), set, configOf(t, probe, "{}"))
	require.NoError(t, err)
	require.NoError(t, made.Start(t.Context(), componenttest.NewNopHost()))
	check := func() {
		found, err := reader.GetMetric("probe.starts")
		require.NoError(t, err)
		metricdatatest.AssertEqual(t, metricdata.Metrics{
			Name: "probe.starts",
			Data: metricdata.Sum[int64]{
				Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
				DataPoints: []metricdata.DataPoint[int64]{{Value: 1, Attributes: attribute.NewSet(
					attribute.String("otelcol.component.id", "probe/measures"),
					attribute.String("otelcol.component.kind", "extension"),
				)}},
			},
		}, found, metricdatatest.IgnoreTimestamp())
	}
	check()
	require.NoError(t, made.Shutdown(t.Context()))
	check()
}

// Guarantees: a call that holds its thread past the caller's deadline ends there; the status says
// that the thread is blocked and the metric counts it, until it returns.
func TestABlockedThreadIsToldAndCounted(t *testing.T) {
	reader := componenttest.NewTelemetry()
	defer func() { require.NoError(t, reader.Shutdown(context.Background())) }()
	set := extensiontest.NewNopSettings(probe.Type())
	set.ID = component.MustNewIDWithName("probe", "blocked")
	set.TelemetrySettings = reader.NewTelemetrySettings()
	made, err := probe.Create(
		t.Context(),
		set,
		configOf(t, probe, "server_auth: true\non: {authenticate: [{block: {seconds: 3}}]}"),
	)
	require.NoError(t, err)
	host := &statusHost{Host: componenttest.NewNopHost()}
	require.NoError(t, made.Start(t.Context(), host))
	defer func() { require.NoError(t, made.Shutdown(context.Background())) }()
	nothingLeaks(t, reader)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = made.(extensionauth.Server).Authenticate(ctx, nil)
	require.Error(t, err)
	require.Less(t, time.Since(began), 2*time.Second)
	require.Eventually(
		t,
		func() bool { return host.said("probe/blocked: its thread is blocked since authenticate") },
		minute,
		tick,
	)
	require.EqualValues(t, 1, gauge(t, reader, "otelcol_strait_leaked_threads"))
	nothingLeaks(t, reader)
	require.Eventually(t, func() bool { return host.said("StatusOK") }, minute, tick)
}

// Guarantees: a shutdown that holds its thread ends at the caller's deadline with an error; the
// thread is given up, counted while it is blocked, and gone after.
func TestAThreadThatDoesNotEndIsGivenUp(t *testing.T) {
	reader := componenttest.NewTelemetry()
	defer func() { require.NoError(t, reader.Shutdown(context.Background())) }()
	set := extensiontest.NewNopSettings(probe.Type())
	set.TelemetrySettings = reader.NewTelemetrySettings()
	other, err := probe.Create(t.Context(), set, configOf(t, probe, ""))
	require.NoError(t, err)
	require.NoError(t, other.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, other.Shutdown(context.Background())) }()
	nothingLeaks(t, reader)
	made := instance(t, probe, "probe/stuck", "on: {shutdown: [{block: {seconds: 3}}]}")
	require.NoError(t, made.Start(t.Context(), componenttest.NewNopHost()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err = made.Shutdown(ctx)
	require.ErrorContains(t, err, "probe/stuck: shutdown: it did not end within")
	require.ErrorContains(t, err, "1 of its threads are blocked and were given up")
	require.NoError(t, made.Shutdown(context.Background()), "twice")
	require.EqualValues(t, 1, gauge(t, reader, "otelcol_strait_leaked_threads"))
	nothingLeaks(t, reader)
}
