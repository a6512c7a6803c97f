package control

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	_ "github.com/strait-data/strait/tests/control/native"

	"github.com/strait-data/strait/go/control"
)

// peer is the test peer, bound once as in a Collector.
var peer *control.Peer

func TestMain(m *testing.M) {
	if err := bindWithoutThreads(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// bindWithoutThreads binds the peer. Guarantees, before anything else runs in this process: inline
// operations start no Rust thread.
func bindWithoutThreads() (err error) {
	if peer, err = control.Bind(); err != nil {
		return err
	}
	for _, kind := range []control.OpKind{control.DefaultConfig, control.Validate} {
		if _, err := peer.Call(context.Background(), kind, 0, []byte(`{"do":"echo"}`)); err != nil {
			return err
		}
	}
	threads, err := peer.Call(context.Background(), control.Describe, 0, []byte(`{"do":"threads"}`))
	if err == nil && string(threads) != "0" {
		err = fmt.Errorf("inline operations started %s threads", threads)
	}
	return err
}

// work is the payload that the test peer reads.
func work(t testing.TB, do string, more map[string]any) []byte {
	t.Helper()
	all := map[string]any{"do": do}
	for key, value := range more {
		all[key] = value
	}
	payload, err := json.Marshal(all)
	require.NoError(t, err)
	return payload
}

// link allocates a link whose messages go to sink, and returns one call id of it.
func link(t testing.TB, sink control.LinkSink) uint64 {
	t.Helper()
	number, err := control.AllocateLink()
	require.NoError(t, err)
	t.Cleanup(func() { control.ReleaseLink(number) })
	require.NoError(t, control.HandleLink(number, sink))
	id, err := control.NewCallID(control.FromHost, number, 1, 1)
	require.NoError(t, err)
	return uint64(id)
}

// linkFuncs is a LinkSink of two functions.
type linkFuncs struct {
	failed func(uint64, *control.Failure)
	cancel func(uint64)
}

func (l linkFuncs) BatchFailed(id uint64, f *control.Failure) { l.failed(id, f) }
func (l linkFuncs) BatchCancel(id uint64)                     { l.cancel(id) }
