package kinds

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/tests/otelcol"
)

// taken has the receiver `feeder` at an address take a log.
func taken(t *testing.T, address, body string) {
	t.Helper()
	client, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	_, err = fmt.Fprintf(client, `[{"body": %q, "severity": 9, "attributes": []}]`, body)
	require.NoError(t, err)
	require.NoError(t, client.(*net.TCPConn).CloseWrite())
	told, err := io.ReadAll(client)
	require.NoError(t, err)
	require.Equal(t, "taken", string(told))
}

// Guarantees: what the queue of an exporter in a part has taken outlives a process that is killed,
// whichever of the two queues was there before and is there after it: Rust's, or that of Go's
// helper. What was being sent is sent again, behind the rest; what was sent is not.
func TestAKilledCollectorKeepsItsQueue(t *testing.T) {
	for _, way := range [][2]string{{"true", "true"}, {"true", "false"}, {"false", "true"}} {
		t.Run(fmt.Sprint("fuse ", way[0], " then ", way[1]), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var came []string
			ended := make(chan struct{})
			defer close(ended)
			holds := startDesk(t, func(lines []string) {
				mu.Lock()
				came = append(came, lines...)
				n := len(came)
				mu.Unlock()
				if n > 1 {
					<-ended // no answer: it is being sent when the process is killed
				}
			})
			listen := free(t)
			env := map[string]string{
				"STORAGE": t.TempDir(), "LISTEN": listen, "BACKEND": holds.Address, "FUSE": way[0],
			}
			run := func() *otelcol.Process {
				c := start(t, "testdata/kept.yaml", env)
				require.NoError(t, c.Ready(t.Context(), listen))
				return c
			}
			first := run()
			const batches = 5
			for n := range batches {
				taken(t, listen, fmt.Sprint("log ", n))
			}
			second := func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(came) == 2
			}
			eventually(t, first, second, "the second batch is being sent")
			first.Kill()

			var delivered []string
			takes := startDesk(t, func(lines []string) {
				mu.Lock()
				defer mu.Unlock()
				delivered = append(delivered, lines...)
			})
			env["BACKEND"], env["FUSE"] = takes.Address, way[1]
			so := func() []string {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(delivered)
			}
			again := run()
			all := func() bool { return len(so()) == batches-1 }
			eventually(t, again, all, "what was not sent is sent")
			require.Equal(t, []string{"log 2", "log 3", "log 4", "log 1"}, so())
			require.NoError(t, again.Stop(t.Context()))

			last := run()
			taken(t, listen, "log 5")
			eventually(t, last, func() bool { return len(so()) == batches }, "it goes on")
			require.NoError(t, last.Stop(t.Context()))
			require.Equal(t, "log 5", so()[batches-1], "nothing is sent once more")
		})
	}
}
