package rustconfig

import (
	"encoding/json"
	"errors"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/unit"
)

// Exporter is the configuration of a Rust exporter: the keys that the Collector's exporter helper
// has for every exporter, read and shown as Go's exporters have them, and beside them the
// component's own. Make it with NewExporter.
type Exporter struct {
	TimeoutConfig exporterhelper.TimeoutConfig `mapstructure:",squash"`
	RetryConfig   configretry.BackOffConfig    `mapstructure:"retry_on_failure"`
	QueueConfig   queueConfig                  `mapstructure:"sending_queue"`

	own   *Config
	place *fuse.Place // nil: it runs by itself
}

type queueConfig = configoptional.Optional[exporterhelper.QueueBatchConfig]

// helperKeys are the exporter helper's. A component that has one of them itself is refused by Rust.
var helperKeys = []string{"retry_on_failure", "sending_queue", "timeout"}

// helped is an Exporter as confmap fills and shows structs.
type helped Exporter

var (
	_ confmap.Unmarshaler = (*Exporter)(nil)
	_ confmap.Marshaler   = Exporter{}
)

// NewExporter is the configuration of an exporter that nothing was configured for: the helper's
// defaults are those of Go's exporters. Rust is not asked.
func NewExporter(typ string) *Exporter {
	own := New("exporter", typ)
	own.beside = append(own.beside, helperKeys...)
	return &Exporter{
		TimeoutConfig: exporterhelper.NewDefaultTimeoutConfig(),
		RetryConfig:   configretry.NewDefaultBackOffConfig(),
		QueueConfig:   configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		own:           own,
	}
}

// JSON is what Create gets: the component's part, as Rust validated it. It may hold secrets.
func (e *Exporter) JSON() json.RawMessage { return e.own.JSON() }

// Runtime is how the component is to run.
func (e *Exporter) Runtime() unit.Runtime { return e.own.Runtime() }

// Place is where the component stands in the parts of its Collector.
func (e *Exporter) Place() *fuse.Place { return e.place }

// Kind is what the component is.
func (e *Exporter) Kind() unit.Kind { return unit.KindExporter }

// Member is the component in a unit, by its id, with what the helper would have in front of it.
func (e *Exporter) Member(id string) (unit.Member, error) {
	m, err := e.own.Member(id)
	m.Sending = &unit.Sending{Timeout: e.TimeoutConfig.Timeout}
	if r := e.RetryConfig; r.Enabled {
		m.Sending.Retry = &unit.Retry{
			InitialInterval: r.InitialInterval, RandomizationFactor: r.RandomizationFactor,
			Multiplier: r.Multiplier, MaxInterval: r.MaxInterval, MaxElapsedTime: r.MaxElapsedTime,
		}
	}
	if q := e.QueueConfig.Get(); q != nil {
		m.Sending.Queue = &unit.Queue{
			Size: q.QueueSize, Sizer: q.Sizer.String(), Consumers: q.NumConsumers,
			WaitForResult: q.WaitForResult, BlockOnOverflow: q.BlockOnOverflow,
		}
		if q.StorageID != nil {
			m.Sending.Queue.Storage = q.StorageID.String()
		}
		if b := q.Batch.Get(); b != nil {
			m.Sending.Queue.Batch = &unit.Batch{
				FlushTimeout: b.FlushTimeout, Sizer: b.Sizer.String(),
				MinSize: b.MinSize, MaxSize: b.MaxSize, MetadataKeys: b.Partition.MetadataKeys,
			}
		}
	}
	return m, err
}

// Storage is the extension that keeps its queue; nil: none does.
func (e *Exporter) Storage() *component.ID {
	q := e.QueueConfig.Get()
	if q == nil {
		return nil
	}
	return q.StorageID
}

// CheckHelped fails where the helper's keys of an exporter's configuration cannot be read.
func CheckHelped(conf *confmap.Conf) error {
	part, err := keysOf(conf, helperKeys...)
	if err != nil {
		return err
	}
	return part.Unmarshal((*helped)(NewExporter("")))
}

// Unmarshal reads both parts, and fails with what is wrong in either.
func (e *Exporter) Unmarshal(conf *confmap.Conf) error {
	var err error
	if e.place, err = fuse.Take(conf, e); err != nil {
		return err
	}
	own := e.own.Unmarshal(conf)
	part, err := keysOf(conf, helperKeys...)
	if err != nil {
		return err
	}
	return together(part.Unmarshal((*helped)(e)), own)
}

// Marshal gives both parts as one configuration, with the defaults.
func (e Exporter) Marshal(conf *confmap.Conf) error {
	if err := conf.Marshal(helped(e)); err != nil {
		return err
	}
	return e.own.Marshal(conf)
}

// Validate returns what the component's own validation found. The helper's parts are validated as
// what they are, by confmap.
func (e *Exporter) Validate() error { return e.own.Validate() }

// together makes one error of those of two decoders that each list what does not fit.
func together(errs ...error) error {
	var lists []string
	for _, err := range errs {
		if err == nil {
			continue
		}
		list, is := strings.CutPrefix(err.Error(), decodingFailed)
		if !is {
			return errors.Join(errs...)
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		return nil
	}
	return errors.New(decodingFailed + strings.Join(lists, "\n"))
}
