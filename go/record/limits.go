package record

// Every limit of the format (format.md, section 6), and what keeps count of the ones that add up.
// What the other side can make this one keep for an epoch, or do for a slot, is bounded by these
// numbers; readers enforce them and writers stay within them.
const (
	// MaxTraceState is the limit of the tracestate in bytes: 32 members of at most 513, and their
	// commas, the most that W3C's grammar allows (S-1).
	MaxTraceState = 32*513 + 31
	// MaxMetadataKeys is the limit of client metadata keys in one batch (S-1).
	MaxMetadataKeys = 1024
	// MaxRecords is the limit of entries of a record table (S-2).
	MaxRecords = 4096

	// MaxSchemas is the limit of schemas per payload, direction and epoch (S-8), the superset
	// included.
	MaxSchemas = 64
	// MaxPayloads is the limit of payloads that have schemas, per direction and epoch (S-8).
	MaxPayloads = 64

	// MaxPreamble is the limit of a preamble, and of a schema's message, in bytes (S-18).
	MaxPreamble = 1 << 20
	// MaxFields is the limit of a schema's fields, nested ones counted (S-18).
	MaxFields = 4096
	// MaxDepth is how deep fields nest at most; a field at the top counts as 1 (S-18).
	MaxDepth = 64
	// MaxEntries is the limit of a schema's metadata entries, those of its fields counted (S-18).
	MaxEntries = 8192
	// MaxEpochBytes is the limit of all preambles of a direction and epoch together (S-19).
	MaxEpochBytes = 16 << 20
	// MaxEpochParts is the limit of fields and metadata entries of all schemas of a direction and
	// epoch together (S-19).
	MaxEpochParts = 1 << 17

	// MaxNodes is the limit of the arrays of all records of a slot together (S-21).
	MaxNodes = 1 << 16
	// MaxChecked says how often the bytes of a slot may be checked: the sum of all buffers' lengths
	// is at most this many times the slot's (S-21).
	MaxChecked = 4
)

// schemaSize is how large a schema is, as S-18 counts.
type schemaSize struct {
	bytes           int // of the message
	fields, entries int
}

// epochSize is what the schemas of one direction and epoch add up to; both sides keep one.
type epochSize struct {
	payloads     map[uint16]int // schemas of each
	bytes, parts int
}

// check says whether one more schema of the payload is within S-8 and S-19; as an error of content.
func (e *epochSize) check(payload uint16, s schemaSize) error {
	n := e.payloads[payload]
	switch bytes, parts := e.bytes+preambleHeader+s.bytes, e.parts+s.fields+s.entries; {
	case n >= MaxSchemas:
		return ContentErrorf("S-8", "preamble", "payload %d has %d schemas already", payload, n)
	case n == 0 && len(e.payloads) >= MaxPayloads:
		return ContentErrorf("S-8", "preamble", "%d payloads have schemas already", len(e.payloads))
	case bytes > MaxEpochBytes:
		return ContentErrorf("S-19", "preamble", "the epoch's would have %d bytes, at most %d",
			bytes, MaxEpochBytes)
	case parts > MaxEpochParts:
		return ContentErrorf("S-19", "preamble",
			"the epoch's schemas would have %d fields and metadata entries, at most %d",
			parts, MaxEpochParts)
	}
	return nil
}

// add counts a schema that check has let through.
func (e *epochSize) add(payload uint16, s schemaSize) {
	if e.payloads == nil {
		e.payloads = make(map[uint16]int)
	}
	e.payloads[payload]++
	e.bytes += preambleHeader + s.bytes
	e.parts += s.fields + s.entries
}

// slotBudget is what reading one slot may still cost (S-21).
type slotBudget struct {
	nodes      int
	bytes, max int64
}

func newSlotBudget(slot int) slotBudget {
	return slotBudget{nodes: MaxNodes, bytes: MaxChecked * int64(slot), max: MaxChecked * int64(slot)}
}

// node counts an array.
func (b *slotBudget) node() error {
	if b.nodes--; b.nodes < 0 {
		return ContentErrorf("S-21", "records", "have more than %d arrays in sum", MaxNodes)
	}
	return nil
}

// take counts bytes that are looked at.
func (b *slotBudget) take(n int64) error {
	if b.bytes -= n; b.bytes < 0 {
		return ContentErrorf("S-21", "records",
			"their buffers have more than %d bytes in sum, %d times the slot's", b.max, MaxChecked)
	}
	return nil
}
