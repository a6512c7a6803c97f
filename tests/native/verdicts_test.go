package native

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
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

	"github.com/strait-data/strait/go/otapreceiver"
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

// outsiders are one for each protocol, outside of the Collector that they send to.
type outsiders struct {
	grpc plogotlp.GRPCClient
	web  *http.Client
	url  string
}

func connected(t *testing.T, onGRPC, onHTTP string) outsiders {
	t.Helper()
	connection, err := grpc.NewClient(onGRPC,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	web := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	return outsiders{plogotlp.NewGRPCClient(connection), web, "http://" + onHTTP + "/v1/logs"}
}

// clientsOf are those of a Collector's otlp receiver before a consumer.
func clientsOf(t *testing.T, next consumer.Logs) outsiders {
	t.Helper()
	f, onGRPC, onHTTP := otlpreceiver.NewFactory(), free(t), free(t)
	cfg := configured(t, f, map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": onGRPC}, "http": map[string]any{"endpoint": onHTTP},
	}})
	r, err := f.CreateLogs(t.Context(), receivertest.NewNopSettings(f.Type()), cfg, next)
	require.NoError(t, err)
	running(t, r)
	return connected(t, onGRPC, onHTTP)
}

// ask has both send a batch that says so, at the same time.
func (c outsiders) ask(t *testing.T, says string) (a answers) {
	t.Helper()
	var both sync.WaitGroup
	both.Go(func() { a.grpc = c.overGRPC(t.Context(), says) })
	both.Go(func() {
		var err error
		if a.http, err = c.overHTTP(t.Context(), says); err != nil {
			t.Error(err)
		}
	})
	both.Wait()
	return a
}

func request(says string) plogotlp.ExportRequest {
	return plogotlp.NewExportRequestFromLogs(order(3, says))
}

func (c outsiders) overGRPC(ctx context.Context, says string) heard {
	_, err := c.grpc.Export(ctx, request(says))
	return heardOf(status.Convert(err))
}

func (c outsiders) overHTTP(ctx context.Context, says string) (h heard, err error) {
	b, err := request(says).MarshalProto()
	if err != nil {
		return h, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(b))
	if err != nil {
		return h, err
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := c.web.Do(r)
	if err != nil {
		return h, err
	}
	defer func() { _ = answer.Body.Close() }()
	if b, err = io.ReadAll(answer.Body); err != nil {
		return h, err
	}
	var said spb.Status
	if answer.StatusCode != http.StatusOK {
		if err := proto.Unmarshal(b, &said); err != nil {
			return h, err
		}
	}
	h = heardOf(status.FromProto(&said))
	h.http, h.retryAfter = answer.StatusCode, answer.Header.Get("Retry-After")
	return h, nil
}

// asSaid is a Go component that fails as each batch says, as those of tests/peers do.
func asSaid(t *testing.T) consumer.Logs {
	t.Helper()
	byText := map[string]verdict{}
	for _, v := range verdicts() {
		byText[v.String()] = v
	}
	c, err := consumer.NewLogs(func(_ context.Context, d plog.Logs) error {
		v, is := byText[bodyOf(d)]
		if !is {
			return nil
		}
		return v.err()
	})
	require.NoError(t, err)
	return c
}

// waysToFail are the components of each kind that fail as a batch says, and those that hand on a
// failure: as it is, emitted anew by a connector, and of a batch that was merged from those of both
// clients.
func waysToFail(t *testing.T) map[string]consumer.Logs {
	t.Helper()
	f := exactForms()[0]
	all := map[string]consumer.Logs{
		"an exporter":        logsExporter(t, plainly(nil), nil),
		"a connector":        logsToMetrics(t, nil, newSaid()),
		"behind a connector": logsToLogs(t, asSaid(t)),
		theMerging:           start(t, f.spec(chain(batchOf(6, 0, "10s"))), f.transport, asSaid(t)),
	}
	for _, f := range forms() {
		all["a processor, "+f.name] = start(t, f.component("faulty", nil), f.transport, new(sink))
		all["behind a processor, "+f.name] = start(t, f.spec(chain(deleteA)), f.transport,
			asSaid(t))
	}
	return all
}

// theMerging is the way whose failures are those of several callers.
const theMerging = "behind a node that merges"

// heardOfGo is what clients hear of each verdict of a component in Go.
func heardOfGo(t *testing.T) map[verdict]answers {
	t.Helper()
	c, want := clientsOf(t, asSaid(t)), map[verdict]answers{}
	for _, v := range verdicts() {
		want[v] = c.ask(t, v.String())
		require.NotEqual(t, codes.OK, want[v].grpc.code)
		require.NotEqual(t, http.StatusOK, want[v].http.http)
	}
	return want
}

// Guarantees: what a client hears over OTLP/gRPC and OTLP/HTTP of a failure is the same whether Go
// or Rust fails, and whether it comes through Rust or not: code, delay and HTTP status, for every
// code, permanent and not, items that were rejected too.
func TestClientsHearOfRustWhatTheyHearOfGo(t *testing.T) {
	want := heardOfGo(t)
	for name, next := range waysToFail(t) {
		t.Run(name, func(t *testing.T) {
			c := clientsOf(t, next)
			for v, want := range want {
				require.Equal(t, want, c.ask(t, v.String()), v.String())
			}
		})
	}
}

// Guarantees: among many clients over both protocols, some of whom leave or hurry, each hears of
// its own batch what it hears of Go, or that it has left itself.
func TestClientsHearTheirOwnAmongCancels(t *testing.T) {
	want, all := heardOfGo(t), verdicts()
	for name, next := range waysToFail(t) {
		if name == theMerging {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c := clientsOf(t, next)
			crowd(t, 40, func() error {
				v := all[rand.IntN(len(all))]
				return c.hearsOrLeaves(t.Context(), v, want[v])
			})
		})
	}
}

// Guarantees: the same holds where their batches are merged with each other's, all of which fail in
// one way: who leaves takes nobody along.
func TestMergedClientsHearTheirOwnAmongCancels(t *testing.T) {
	want, f, all := heardOfGo(t), exactForms()[0], verdicts()
	for range 30 {
		v := all[rand.IntN(len(all))]
		// Each its own unit: a batch whose caller has left stays with the node, to be merged.
		t.Run(v.String(), func(t *testing.T) {
			next := start(t, f.spec(chain(batchOf(6, 0, "10ms"))), f.transport, asSaid(t))
			c := clientsOf(t, next)
			crowd(t, 3, func() error { return c.hearsOrLeaves(t.Context(), v, want[v]) })
		})
	}
}

// crowd has many senders do so a number of times each.
func crowd(t *testing.T, times int, send func() error) {
	t.Helper()
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			for range times {
				if err := send(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
}

// hearsOrLeaves sends a batch that fails in one way, as a client that may leave before.
func (c outsiders) hearsOrLeaves(ctx context.Context, v verdict, want answers) error {
	ctx, leaves, end := mayLeave(ctx)
	defer end()
	if rand.IntN(2) == 0 {
		got := c.overGRPC(ctx, v.String())
		// A deadline is the server's too, which may say so before the client notices.
		hurried := got.code == codes.Canceled || got.code == codes.DeadlineExceeded ||
			got.code == codes.Unavailable
		if got != want.grpc && (!leaves || !hurried) {
			return fmt.Errorf("%s: heard over gRPC %+v, of Go %+v", v, got, want.grpc)
		}
		return nil
	}
	got, err := c.overHTTP(ctx, v.String())
	if err != nil && !(leaves && isContexts(err)) || err == nil && got != want.http {
		return fmt.Errorf("%s: heard over HTTP %+v (%w), of Go %+v", v, got, err, want.http)
	}
	return nil
}

// Guarantees: who sends to the engine's receiver of OTLP hears of each failure whose fault it is,
// and whether to try again, as the page of the receiver says: it has no more than that.
func TestClientsOfTheEnginesReceiver(t *testing.T) {
	f, onGRPC, onHTTP := otapreceiver.NewFactory(), free(t), free(t)
	cfg := configured(t, f, map[string]any{"nodes": chain(node("otlp", map[string]any{
		"protocols": map[string]any{
			"grpc": map[string]any{"listening_addr": onGRPC},
			"http": map[string]any{"listening_addr": onHTTP},
		},
	}))})
	r, err := f.CreateLogs(t.Context(), receivertest.NewNopSettings(f.Type()), cfg, asSaid(t))
	require.NoError(t, err)
	running(t, r)
	c := connected(t, onGRPC, onHTTP)
	for _, v := range verdicts() {
		want := answers{heard{code: codes.Unavailable}, heard{http: http.StatusServiceUnavailable}}
		switch {
		case v.permanent && (v.grpc == int(codes.InvalidArgument) || v.http == http.StatusBadRequest):
			want = answers{heard{code: codes.InvalidArgument}, heard{http: http.StatusBadRequest}}
		case v.permanent:
			want = answers{heard{code: codes.Internal}, heard{http: http.StatusInternalServerError}}
		}
		got := c.ask(t, v.String())
		got.http.code = codes.OK // the body's, which OTLP leaves to the server
		require.Equal(t, want, got, v.String())
	}
}
