package otelcol

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strait-data/strait/go/ring"
)

// Counters are the ring counters of one side of one link (ringbuf/protocol.md, section 7).
type Counters struct {
	// Object is the counters object's name: strait:SESSION:EPOCH:SIDE-counters.
	Object string
	// Values are numbered as in the protocol.
	Values ring.Counters
}

// Counters reads the counters objects through their names in /proc, as any tool of the same user
// may.
func (c *Process) Counters() ([]Counters, error) {
	dir := fmt.Sprintf("/proc/%d/fd", c.command.Process.Pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out []Counters
	for _, fd := range fds {
		path := filepath.Join(dir, fd.Name())
		name, err := os.Readlink(path)
		if err != nil || !strings.HasPrefix(name, "/memfd:strait:") ||
			!strings.Contains(name, "-counters") {
			continue
		}
		object, _, _ := strings.Cut(strings.TrimPrefix(name, "/memfd:"), " ")
		if seen[object] {
			continue
		}
		seen[object] = true
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		k := Counters{Object: object}
		for i := range k.Values {
			k.Values[i] = binary.LittleEndian.Uint64(b[ring.CountersOffset+8*i:])
		}
		out = append(out, k)
	}
	return out, nil
}
