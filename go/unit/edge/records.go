package edge

import (
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// records is how a signal crosses as records: what package otap has for it.
type records[T any] struct {
	encoder func(*record.Registry, otap.Options) *otap.Encoder[T]
	decoder func(*record.Schemas) *otap.Decoder[T]
	// apply changes d by a difference.
	apply func(d T, difference []byte) error
	// after is the cursor behind the first item at or after another.
	after func(T, otap.Cursor) otap.Cursor
}

var logRecords = &records[plog.Logs]{
	encoder: otap.NewLogsEncoder,
	decoder: otap.NewLogsDecoder,
	apply:   otap.ApplyDifference,
	after:   func(d plog.Logs, c otap.Cursor) otap.Cursor { return c.After(d) },
}
