package kinds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Those who send in the soak, and where what they send arrives. Both keep nothing but numbers.

const (
	itemsOTLP = 100
	itemsFed  = 500
	// refuse is what a batch says that the sink refuses.
	refuse = "refuse"
)

// errBroken is that a sender could not hear its answer.
var errBroken = errors.New("there is no answer")

// sender sends batches of one way, one after the other.
type sender interface {
	// send gives how many items it has sent, and the answer.
	send(ctx context.Context, says string) (items int64, err error)
	close() error
}

func (w way) sender(to string) (sender, error) {
	if w.receiver == "feeder" {
		return &feeding{w.name, to, map[string][]byte{}}, nil
	}
	connection, err := grpc.NewClient(to, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &overOTLP{w.name, connection, map[string]plogotlp.ExportRequest{}}, nil
}

// overOTLP sends over gRPC, as telemetrygen does.
type overOTLP struct {
	way        string
	connection *grpc.ClientConn
	requests   map[string]plogotlp.ExportRequest // by what they say
}

func (s *overOTLP) close() error { return s.connection.Close() }

func (s *overOTLP) send(ctx context.Context, says string) (int64, error) {
	request, is := s.requests[says]
	if !is {
		d := plog.NewLogs()
		rl := d.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", s.way)
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		for i := range itemsOTLP {
			lr := records.AppendEmpty()
			lr.SetSeverityNumber(plog.SeverityNumberInfo)
			lr.Attributes().PutInt("number", int64(i))
			lr.Body().SetStr(says)
		}
		request = plogotlp.NewExportRequestFromLogs(d)
		s.requests[says] = request
	}
	_, err := plogotlp.NewGRPCClient(s.connection).Export(ctx, request)
	return itemsOTLP, err
}

// feeding sends to the receiver `feeder`, a connection each.
type feeding struct {
	way, to string
	batches map[string][]byte
}

func (*feeding) close() error { return nil }

func (s *feeding) send(ctx context.Context, says string) (int64, error) {
	batch, is := s.batches[says]
	if !is {
		all := make([]map[string]any, itemsFed)
		for i := range all {
			all[i] = map[string]any{"body": says, "severity": 9, "attributes": [][]string{}}
		}
		all[0]["resource"] = s.way
		var err error
		if batch, err = json.Marshal(all); err != nil {
			return 0, err
		}
		s.batches[says] = batch
	}
	answer, err := s.ask(ctx, batch)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %w", errBroken, err)
	case answer == "taken":
		return itemsFed, nil
	default:
		return itemsFed, errors.New(answer)
	}
}

func (s *feeding) ask(ctx context.Context, batch []byte) (answer string, err error) {
	client, err := new(net.Dialer).DialContext(ctx, "tcp", s.to)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if err := client.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := client.Write(batch); err != nil {
		return "", err
	}
	if err := client.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	b, err := io.ReadAll(client)
	if err == nil && len(b) == 0 {
		err = io.ErrUnexpectedEOF
	}
	return string(b), err
}

// counting is an OTLP server that counts what arrives, by the way that it came.
type counting struct {
	plogotlp.UnimplementedGRPCServer
	address string
	mu      sync.Mutex
	came    map[string]int64
}

// countingMetrics is the same for what connectors count.
type countingMetrics struct {
	pmetricotlp.UnimplementedGRPCServer
	*counting
}

func startCounting(t *testing.T) *counting {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c, server := &counting{address: l.Addr().String(), came: map[string]int64{}}, grpc.NewServer()
	plogotlp.RegisterGRPCServer(server, c)
	pmetricotlp.RegisterGRPCServer(server, &countingMetrics{counting: c})
	go func() { _ = server.Serve(l) }() // ends, without an error, at the stop
	t.Cleanup(server.Stop)
	return c
}

func (c *counting) items(way string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.came[way]
}

func (c *counting) add(way string, items int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.came[way] += items
}

// Export implements the OTLP logs service.
func (c *counting) Export(
	_ context.Context, r plogotlp.ExportRequest,
) (plogotlp.ExportResponse, error) {
	for _, rl := range r.Logs().ResourceLogs().All() {
		records := rl.ScopeLogs().At(0).LogRecords()
		says := records.At(0).Body().Str()
		if says == refuse {
			return plogotlp.NewExportResponse(), status.Error(codes.InvalidArgument, "refused")
		}
		if name, is := rl.Resource().Attributes().Get("service.name"); is {
			c.add(name.Str(), int64(records.Len()))
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(says, " items"), 10, 64) // a tally's
		if err != nil {
			return plogotlp.NewExportResponse(), status.Error(codes.InvalidArgument, err.Error())
		}
		c.add("tally", n)
	}
	return plogotlp.NewExportResponse(), nil
}

// Export implements the OTLP metrics service.
func (c *countingMetrics) Export(
	_ context.Context, r pmetricotlp.ExportRequest,
) (pmetricotlp.ExportResponse, error) {
	for _, rm := range r.Metrics().ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for _, point := range m.Sum().DataPoints().All() {
					c.add("count", point.IntValue())
				}
			}
		}
	}
	return pmetricotlp.NewExportResponse(), nil
}

// metrics are the lines that a Prometheus reader gets.
type metrics []string

func scrape(t *testing.T, at string) metrics {
	t.Helper()
	response, err := http.Get("http://" + at + "/metrics")
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return strings.Split(string(body), "\n")
}

// sum adds up the values of a metric of one component, over its other attributes.
func (m metrics) sum(metric, kind, id string) (n float64) {
	for _, line := range m {
		rest, is := strings.CutPrefix(line, metric+"{")
		labels, value, found := strings.Cut(rest, "} ")
		if !is || !found || !strings.Contains(","+labels, ","+kind+`="`+id+`"`) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err == nil {
			n += v
		}
	}
	return n
}
