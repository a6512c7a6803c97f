package rustcomponent

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/strait-data/strait/go/control"
)

// described is an extension as Rust describes it.
type described struct {
	Kind      string `json:"kind"`
	Type      string `json:"type"`
	Crate     string `json:"crate"`
	Version   string `json:"version"`
	Stability string `json:"stability"`
}

// descriptions is what the one peer of a process says of itself: it does not change.
var descriptions struct {
	sync.Mutex
	of   *control.Peer
	list []described
}

func describe(peer *control.Peer) ([]described, error) {
	descriptions.Lock()
	defer descriptions.Unlock()
	if descriptions.of == peer {
		return descriptions.list, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), createLimit)
	defer cancel()
	b, err := peer.Call(ctx, control.Describe, 0, []byte("{}"))
	if err != nil {
		return nil, err
	}
	var d struct {
		Components []described `json:"components"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("what Rust says of itself is not what this version expects: %w", err)
	}
	descriptions.of, descriptions.list = peer, d.Components
	return d.Components, nil
}

// check refuses to run an extension that is not the one that the Go side was generated for.
func (m Metadata) check(peer *control.Peer) error {
	found, err := describe(peer)
	if err != nil {
		return err
	}
	want := described{"extension", m.Type, m.Crate, m.Version, strings.ToLower(m.Stability.String())}
	for _, d := range found {
		switch {
		case d.Kind != want.Kind || d.Type != want.Type:
		case d == want:
			return nil
		default:
			return fmt.Errorf("extension %q: Go was generated for %s %s (%s), Rust is %s %s (%s): "+
				"build both with one `strait build`",
				m.Type, want.Crate, want.Version, want.Stability, d.Crate, d.Version, d.Stability)
		}
	}
	return fmt.Errorf("extension %q is not in the Rust part of this program: "+
		"build both with one `strait build`",
		m.Type)
}
