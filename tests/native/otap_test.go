package native

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// A server of OTAP, as far as the exporter's verdicts go: it takes every batch. There is no Go
// module of OTAP's to read them with; what is in them dataplane/engine/tests/otap.rs looks at.

// rawCodec leaves messages as they are.
type rawCodec struct{}

func (rawCodec) Name() string                  { return "raw" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = slices.Clone(data)
	return nil
}

var errNotOTAP = errors.New("not a batch of OTAP")

// serveOTAP runs such a server of this handler, and gives where it listens.
func serveOTAP(t *testing.T, handler grpc.StreamHandler) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(
		grpc.ForceServerCodec(rawCodec{}), grpc.UnknownServiceHandler(handler),
	)
	go func() { _ = server.Serve(l) }() // ends, without an error, at the stop
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

// Guarantees: a destination that never answers, answers what is no answer, or leaves at once fails
// the batches that it was sent, to be tried again; the exporter ends in its time, and one that
// ended its stream and is right again is sent to.
func TestAWrongDestinationOfOTAPHoldsNobodyUp(t *testing.T) {
	var right atomic.Bool
	for name, wrong := range map[string]grpc.StreamHandler{
		"silent": func(_ any, stream grpc.ServerStream) error {
			<-stream.Context().Done()
			return nil
		},
		"garbage": func(_ any, stream grpc.ServerStream) error {
			answer := []byte{0xff, 0xff, 0xff}
			return stream.SendMsg(&answer)
		},
		"other number": func(_ any, stream grpc.ServerStream) error {
			answer := protowire.AppendVarint([]byte{1 << 3}, 12345)
			err := stream.SendMsg(&answer)
			<-stream.Context().Done()
			return err
		},
		"gone": func(any, grpc.ServerStream) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			right.Store(false)
			address := serveOTAP(t, func(srv any, stream grpc.ServerStream) error {
				if right.Load() {
					return takeOTAP(srv, stream)
				}
				return wrong(srv, stream)
			})
			e := exporting(t, map[string]any{
				"nodes": chain(node("otap", map[string]any{
					"grpc_endpoint": "http://" + address, "compression_method": "none",
				})),
				"timeout":          "200ms",
				"sending_queue":    map[string]any{"enabled": false},
				"retry_on_failure": map[string]any{"enabled": false},
			})
			for range 3 {
				err := e.ConsumeLogs(t.Context(), oneShop(3))
				require.Error(t, err)
				require.False(t, consumererror.IsPermanent(err), "%v", err)
			}
			if name == "garbage" || name == "gone" { // a stream that ended is opened again
				right.Store(true)
				require.Eventually(t, func() bool {
					return e.ConsumeLogs(t.Context(), oneShop(3)) == nil
				}, patience, time.Millisecond)
			}
		})
	}
}

// takeOTAP answers each BatchArrowRecords of a stream, whose first field is its number, with a
// BatchStatus of that number and of no code, which is success.
func takeOTAP(_ any, stream grpc.ServerStream) error {
	for {
		var batch []byte
		if err := stream.RecvMsg(&batch); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var status []byte
		if field, kind, n := protowire.ConsumeTag(batch); field == 1 && kind == protowire.VarintType {
			number, _ := protowire.ConsumeVarint(batch[n:])
			status = protowire.AppendTag(status, 1, protowire.VarintType)
			status = protowire.AppendVarint(status, number)
		} else if field != 2 { // the number 0 is left out, and records are next
			return errNotOTAP
		}
		if err := stream.SendMsg(&status); err != nil {
			return err
		}
	}
}
