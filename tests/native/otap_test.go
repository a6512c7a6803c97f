package native

import (
	"errors"
	"io"
	"slices"

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
