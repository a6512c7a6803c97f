package call

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"

	"github.com/strait-data/strait/go/record"
)

// attributes is authentication data as an authenticator has it.
type attributes map[string]any

func (a attributes) GetAttribute(name string) any { return a[name] }

func (a attributes) GetAttributeNames() (names []string) {
	for name := range a {
		names = append(names, name)
	}
	return names
}

// Guarantees: what is known of a client comes out as it went in, but for the types of attributes,
// which become texts.
func TestAClientCrosses(t *testing.T) {
	in := client.Info{
		Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4317},
		Auth: attributes{
			"subject": "u", "groups": []string{"a", "b"}, "roles": []any{"c", 4}, "none": []string{},
			"admin": true, "claims": map[string]any{"k": 1}, "missing": nil,
		},
		Metadata: client.NewMetadata(map[string][]string{"X-Tenant": {"a", "b"}}),
	}
	out := clientOf(entriesOf(in))
	require.Equal(t, in.Addr.String(), out.Addr.String())
	require.IsType(t, in.Addr, out.Addr)
	require.Equal(t, in.Metadata, out.Metadata)
	for name, want := range map[string]any{
		"subject": "u", "groups": []string{"a", "b"}, "roles": []string{"c", "4"}, "admin": "true",
		"claims": `{"k":1}`,
	} {
		require.Equal(t, want, out.Auth.GetAttribute(name), name)
	}
	require.Empty(t, out.Auth.GetAttribute("none"))
	require.Nil(t, out.Auth.GetAttribute("no such"))
	require.ElementsMatch(t, in.Auth.GetAttributeNames(), out.Auth.GetAttributeNames())
	require.Equal(t, client.Info{}, clientOf(entriesOf(client.Info{})))
}

// Guarantees: no client's key passes for what the Collector says of it; what a later version says
// is passed over.
func TestReservedKeysAreNoClients(t *testing.T) {
	spoofed := client.Info{Metadata: client.NewMetadata(map[string][]string{
		":peer": {"203.0.113.1:1"}, ":auth.subject": {"root"}, ":authority": {"host"}, "a": {"b"},
	})}
	require.Equal(t, []record.MetadataEntry{{Key: "a", Values: []string{"b"}}}, entriesOf(spoofed))
	later := []record.MetadataEntry{{Key: ":later", Values: []string{"x"}}}
	require.Equal(t, client.Info{}, clientOf(later))
}

// Guarantees: an address has the type in which components look for its IP; any text stays itself.
func TestAddresses(t *testing.T) {
	for text, want := range map[string]net.Addr{
		"192.0.2.7:4317": &net.TCPAddr{}, "[2001:db8::1]:80": &net.TCPAddr{},
		"192.0.2.7": &net.IPAddr{}, "fe80::1%eth0": &net.IPAddr{},
		"@": address(""), "/run/x.sock": address(""), "": address(""),
	} {
		got := addressOf(text)
		require.IsType(t, want, got, text)
		require.Equal(t, text, got.String())
	}
	require.Empty(t, addressOf("@").Network())
}

// Guarantees: where not all of a client's metadata crosses, what the Collector says of it does.
func TestReservedKeysCrossFirst(t *testing.T) {
	big := strings.Repeat("v", 1<<15)
	ctx := client.NewContext(t.Context(), client.Info{
		Auth:     attributes{"token": big},
		Metadata: client.NewMetadata(map[string][]string{"a": {big}, "b": {"v"}}),
	})
	var h record.Header
	leftOut := describe(ctx, &h)
	require.Equal(t, []string{":auth.token", "b"}, keysOf(h))
	require.Equal(t, 1, leftOut)
}
