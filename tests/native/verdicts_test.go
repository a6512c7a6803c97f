package native

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// What a client outside of the Collector hears of each way to fail: from a component in Rust, and
// through one, what it hears from a component in Go.

// verdict is one way for a component to fail, in either language.
type verdict struct {
	permanent            bool
	grpc, http, rejected int
	after                time.Duration
}

// String is how a batch tells a component of tests/peers to fail so.
func (v verdict) String() string {
	says := "retryable"
	if v.permanent {
		says = "permanent"
	}
	says += fmt.Sprintf(" grpc %d http %d after %d", v.grpc, v.http, v.after.Milliseconds())
	return says + fmt.Sprintf(" rejected %d", v.rejected)
}

// err is how a Go component fails so.
func (v verdict) err() error {
	err := errTest
	if v.grpc != 0 {
		says := status.New(codes.Code(v.grpc), errTest.Error())
		if v.after > 0 {
			delay := &errdetails.RetryInfo{RetryDelay: durationpb.New(v.after)}
			with, wrong := says.WithDetails(delay)
			if wrong != nil {
				return wrong
			}
			says = with
		}
		err = says.Err()
	}
	if v.http != 0 {
		err = consumererror.NewOTLPHTTPError(err, v.http)
	}
	if v.rejected > 0 {
		err = consumererror.NewLogs(err, logs(v.rejected))
	}
	switch {
	case v.permanent:
		return consumererror.NewPermanent(err)
	case v.after > 0:
		return exporterhelper.NewThrottleRetry(err, v.after)
	default:
		return err
	}
}

// verdicts are every gRPC code, the HTTP codes that mean something in OTLP and some that do not,
// both, and items that were rejected: for good and for now, with a delay and without.
func verdicts() (all []verdict) {
	kinds := []verdict{{}, {grpc: 8, http: 429}, {rejected: 2}, {grpc: 3, rejected: 2}}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		kinds = append(kinds, verdict{grpc: int(code)})
	}
	for _, code := range []int{400, 401, 403, 404, 408, 413, 418, 429, 500, 502, 503, 504} {
		kinds = append(kinds, verdict{http: code})
	}
	for _, v := range kinds {
		for _, after := range []time.Duration{0, 7 * time.Second} {
			for _, permanent := range []bool{true, false} {
				v.after, v.permanent = after, permanent
				all = append(all, v)
			}
		}
	}
	return all
}

// heard is what a client hears over one protocol: the status, and when it may try again.
type heard struct {
	code       codes.Code
	delay      time.Duration
	http       int
	retryAfter string
}

func heardOf(st *status.Status) (h heard) {
	h.code = st.Code()
	for _, detail := range st.Details() {
		if info, is := detail.(*errdetails.RetryInfo); is {
			h.delay = info.GetRetryDelay().AsDuration()
		}
	}
	return h
}

// answers are what two clients hear of the same batch at the same time.
type answers struct{ grpc, http heard }

// clientsOf is a Collector's otlp receiver before a consumer, with a client for each protocol.
func clientsOf(t *testing.T, next consumer.Logs) func(says string) answers {
	t.Helper()
	f, onGRPC, onHTTP := otlpreceiver.NewFactory(), free(t), free(t)
	cfg := configured(t, f, map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": onGRPC}, "http": map[string]any{"endpoint": onHTTP},
	}})
	r, err := f.CreateLogs(t.Context(), receivertest.NewNopSettings(f.Type()), cfg, next)
	require.NoError(t, err)
	running(t, r)
	connection, err := grpc.NewClient(onGRPC,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	client, web := plogotlp.NewGRPCClient(connection), &http.Client{Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	return func(says string) (a answers) {
		request := plogotlp.NewExportRequestFromLogs(order(3, says))
		b, err := request.MarshalProto()
		require.NoError(t, err)
		var both sync.WaitGroup
		both.Go(func() {
			_, err := client.Export(t.Context(), request)
			a.grpc = heardOf(status.Convert(err))
		})
		both.Go(func() { a.http = overHTTP(t, web, "http://"+onHTTP+"/v1/logs", b) })
		both.Wait()
		return a
	}
}

func overHTTP(t *testing.T, web *http.Client, url string, request []byte) heard {
	answer, err := web.Post(url, "application/x-protobuf", bytes.NewReader(request))
	if err != nil {
		t.Error(err)
		return heard{}
	}
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	var said spb.Status
	if answer.StatusCode != http.StatusOK {
		if err := proto.Unmarshal(b, &said); err != nil {
			t.Error(err)
		}
	}
	h := heardOf(status.FromProto(&said))
	h.http, h.retryAfter = answer.StatusCode, answer.Header.Get("Retry-After")
	return h
}

// failing is a Go component that fails as it is told last.
func failing(t *testing.T) (consumer.Logs, func(verdict)) {
	t.Helper()
	var now atomic.Pointer[verdict]
	c, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return now.Load().err() })
	require.NoError(t, err)
	return c, func(v verdict) { now.Store(&v) }
}

// way is one place of Rust between a client and what fails.
type way struct {
	next consumer.Logs
	set  func(verdict) // nil: Rust fails itself, as the batch says
}

// waysToFail are the components of each kind that fail, and those that hand on a failure: as it is,
// emitted anew by a connector, and of a batch that was merged from those of both clients.
func waysToFail(t *testing.T) map[string]way {
	t.Helper()
	f := exactForms()[0]
	all := map[string]way{
		"an exporter": {next: logsExporter(t, plainly(nil), nil)},
		"a connector": {next: logsToMetrics(t, nil, newSaid())},
	}
	for _, f := range forms() {
		all["a processor, "+f.name] = way{
			next: start(t, f.component("faulty", nil), f.transport, new(sink)),
		}
		behind, set := failing(t)
		all["behind a processor, "+f.name] = way{
			next: start(t, f.spec(chain(deleteA)), f.transport, behind), set: set,
		}
	}
	behind, set := failing(t)
	all["behind a connector"] = way{next: logsToLogs(t, behind), set: set}
	behind, set = failing(t)
	all["behind a node that merges"] = way{
		next: start(t, f.spec(chain(batchOf(6, 0, "10s"))), f.transport, behind), set: set,
	}
	return all
}

// Guarantees: what a client hears over OTLP/gRPC and OTLP/HTTP of a failure is the same whether Go
// or Rust fails, and whether it comes through Rust or not: code, delay and HTTP status, for every
// code, permanent and not, items that were rejected too.
func TestClientsHearOfRustWhatTheyHearOfGo(t *testing.T) {
	inGo, set := failing(t)
	ask := clientsOf(t, inGo)
	want, all := map[verdict]answers{}, verdicts()
	for _, v := range all {
		set(v)
		want[v] = ask("hello")
		require.NotEqual(t, codes.OK, want[v].grpc.code)
		require.NotEqual(t, http.StatusOK, want[v].http.http)
	}
	for name, w := range waysToFail(t) {
		t.Run(name, func(t *testing.T) {
			ask := clientsOf(t, w.next)
			for _, v := range all {
				says := "hello"
				if w.set == nil {
					says = v.String()
				} else {
					w.set(v)
				}
				require.Equal(t, want[v], ask(says), v.String())
			}
		})
	}
}
