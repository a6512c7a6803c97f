package unit

import (
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// Sending is what stands in front of an exporter in a unit of several members, in Rust: what the
// Collector's exporter helper has in front of every other one, with the same meaning. It crosses as
// JSON; times are nanoseconds.
type Sending struct {
	// Timeout is what one attempt may take; 0: no limit.
	Timeout time.Duration `json:"timeout"`
	// Retry is when a batch is tried again; nil: never.
	Retry *Retry `json:"retry,omitempty"`
	// Queue is where batches wait; nil: their senders do.
	Queue *Queue `json:"queue,omitempty"`
}

// Retry is when a batch is tried again.
type Retry struct {
	InitialInterval     time.Duration `json:"initial_interval"`
	RandomizationFactor float64       `json:"randomization_factor"`
	Multiplier          float64       `json:"multiplier"`
	MaxInterval         time.Duration `json:"max_interval"`
	// MaxElapsedTime is for how long; 0: for ever.
	MaxElapsedTime time.Duration `json:"max_elapsed_time"`
}

// CheckStorage says why the queue of an exporter cannot be in a storage of its Collector, by the
// extension's id, in the words of the Collector's helper; nil: it can.
func CheckStorage(id string, host component.Host) error {
	var name component.ID
	if err := name.UnmarshalText([]byte(id)); err != nil {
		return fmt.Errorf("`sending_queue::storage`: %q is no id of an extension: %w", id, err)
	}
	ext, found := host.GetExtensions()[name]
	if !found {
		return fmt.Errorf("`sending_queue::storage`: no storage client extension found: %s", id)
	}
	if _, is := ext.(storage.Extension); !is {
		return fmt.Errorf("`sending_queue::storage`: %s is not a storage extension", id)
	}
	return nil
}

// Queue is a queue in memory, or in a storage.
type Queue struct {
	Size int64 `json:"size"`
	// Sizer is what its size counts: "requests", "items" or "bytes".
	Sizer     string `json:"sizer"`
	Consumers int    `json:"consumers"`
	// WaitForResult has senders wait until a batch was sent.
	WaitForResult bool `json:"wait_for_result"`
	// BlockOnOverflow has who finds it full wait.
	BlockOnOverflow bool `json:"block_on_overflow"`
	// Storage is the extension that keeps it, by its id; "": it is in memory.
	Storage string `json:"storage,omitempty"`
	// Batch is how batches are merged and split; nil: they are sent as they came.
	Batch *Batch `json:"batch,omitempty"`
}

// Batch is how the batches of a queue are merged and split.
type Batch struct {
	FlushTimeout time.Duration `json:"flush_timeout"`
	// Sizer is what sizes count: "items" or "bytes".
	Sizer   string `json:"sizer"`
	MinSize int64  `json:"min_size"`
	// MaxSize is 0 where there is no limit.
	MaxSize      int64    `json:"max_size"`
	MetadataKeys []string `json:"metadata_keys,omitempty"`
}
