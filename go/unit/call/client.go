package call

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/client"

	"github.com/strait-data/strait/go/record"
)

// What is known of a client crosses in its batch's metadata: its own keys, and under keys that no
// client can have, since they begin with a colon, its address and what its authentication says of
// it (S-22).
const (
	peerKey = ":peer"
	authKey = ":auth." // before the attribute's name
)

func isReserved(key string) bool { return strings.HasPrefix(key, ":") }

// entriesOf are what a header says of a client.
func entriesOf(c client.Info) (entries []record.MetadataEntry) {
	for key := range c.Metadata.Keys() {
		if !isReserved(key) { // gRPC's own pseudo-headers
			entries = append(entries, record.MetadataEntry{Key: key, Values: c.Metadata.Get(key)})
		}
	}
	if c.Addr != nil {
		entries = append(entries, record.MetadataEntry{
			Key: peerKey, Values: []string{c.Addr.String()},
		})
	}
	if c.Auth != nil {
		for _, name := range c.Auth.GetAttributeNames() {
			entries = append(entries, record.MetadataEntry{
				Key: authKey + name, Values: textsOf(c.Auth.GetAttribute(name)),
			})
		}
	}
	return entries
}

// textsOf is an attribute of authentication data, whose type is its authenticator's, as texts.
func textsOf(value any) []string {
	switch v := value.(type) {
	case nil:
		return nil
	case []string:
		return v
	case []any:
		texts := make([]string, 0, len(v))
		for _, one := range v {
			texts = append(texts, textOf(one))
		}
		return texts
	default:
		return []string{textOf(v)}
	}
}

func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any, []any:
		if b, err := json.Marshal(v); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(value)
}

// clientOf is the client that a header speaks of. A reserved key that this version does not know is
// passed over.
func clientOf(entries []record.MetadataEntry) (c client.Info) {
	metadata, auth := map[string][]string{}, authData{}
	for _, e := range entries {
		name, isAuth := strings.CutPrefix(e.Key, authKey)
		switch {
		case isAuth:
			auth[name] = append(auth[name], e.Values...)
		case e.Key == peerKey && len(e.Values) > 0:
			c.Addr = addressOf(e.Values[0])
		case !isReserved(e.Key):
			key := strings.ToLower(e.Key)
			metadata[key] = append(metadata[key], e.Values...)
		}
	}
	if len(metadata) > 0 {
		c.Metadata = client.NewMetadata(metadata)
	}
	if len(auth) > 0 {
		c.Auth = auth
	}
	return c
}

// authData is the attributes by name. The types that they had crossed as texts.
type authData map[string][]string

// GetAttribute gives a text, or where there is not exactly one a list of them.
func (a authData) GetAttribute(name string) any {
	values, has := a[name]
	switch {
	case !has:
		return nil
	case len(values) == 1:
		return values[0]
	default:
		return slices.Clone(values)
	}
}

// GetAttributeNames implements client.AuthData.
func (a authData) GetAttributeNames() []string { return slices.Sorted(maps.Keys(a)) }

// addressOf is an address by its text. Components look for the IP in the types of package net, of
// which TCP's is the usual one; the text does not say which it was.
func addressOf(text string) net.Addr {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return net.TCPAddrFromAddrPort(at)
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		return &net.IPAddr{IP: ip.WithZone("").AsSlice(), Zone: ip.Zone()}
	}
	return address(text)
}

// address is one that is no IP: a path, or a name.
type address string

// Network is empty: it is not known.
func (address) Network() string { return "" }

// String implements net.Addr.
func (a address) String() string { return string(a) }
