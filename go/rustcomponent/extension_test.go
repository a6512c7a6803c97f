package rustcomponent

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: without its Rust part a program creates the extension; Start says what to do; no
// interface is claimed that nobody answers; and it can be shut down.
func TestAnExtensionWithoutRust(t *testing.T) {
	f := NewExtension(Metadata{
		Type: "some", Crate: "some", Version: "0.1.0", Stability: component.StabilityLevelAlpha,
	})
	require.Equal(t, component.StabilityLevelAlpha, f.Stability())
	require.NoError(t, componenttest.CheckConfigStruct(f.CreateDefaultConfig()))
	made, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), f.CreateDefaultConfig())
	require.NoError(t, err)
	_, claims := made.(extensionauth.Server)
	require.False(t, claims)
	err = made.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorIs(t, err, control.ErrNoPeer)
	require.NotEqual(t, control.ErrNoPeer.Error(), err.Error(), "the error also says what to do")
	require.NoError(t, made.Shutdown(t.Context()))
	require.NoError(t, made.Shutdown(t.Context()))
}

// Guarantees: of statuses that come faster than Rust takes them the oldest go, and their number is
// known.
func TestEventsHaveABound(t *testing.T) {
	q := newEvents()
	for range maxEvents + 7 {
		q.put(event{Name: "status"})
	}
	waiting, dropped := q.take()
	require.Len(t, waiting, maxEvents)
	require.Equal(t, 7, dropped)
	waiting, dropped = q.take()
	require.Empty(t, waiting)
	require.Zero(t, dropped)
}

// Guarantees: a list of texts is one, as the Collector's own authenticators give it; anything else
// comes as it is.
func TestIdentityAttributes(t *testing.T) {
	i := identity{"list": []any{"a", "b"}, "mixed": []any{"a", 1.0}, "text": "x", "number": 2.0}
	require.Equal(t, []string{"a", "b"}, i.GetAttribute("list"))
	require.Equal(t, []any{"a", 1.0}, i.GetAttribute("mixed"))
	require.Equal(t, "x", i.GetAttribute("text"))
	require.Nil(t, i.GetAttribute("none"))
	require.Equal(t, []string{"list", "mixed", "number", "text"}, i.GetAttributeNames())
}
