package native

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/strait-data/strait/go/rustcomponent"
)

// What a component that is no extension asks of its Collector, and tells it.

// asked is a host that has extensions and keeps the statuses that it hears.
type asked struct {
	extensions map[component.ID]component.Component
	heard      chan string
}

func newAsked() *asked { return &asked{heard: make(chan string, 10)} }

func (a *asked) GetExtensions() map[component.ID]component.Component { return a.extensions }

func (a *asked) Report(e *componentstatus.Event) {
	text := e.Status().String()
	if e.Err() != nil {
		text += ": " + e.Err().Error()
	}
	a.heard <- text
}

// onHost starts a component on a host, and gives the function that ends it.
func onHost(t *testing.T, c component.Component, host component.Host) (stop func()) {
	t.Helper()
	require.NoError(t, c.Start(t.Context(), host))
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, c.Shutdown(ctx))
	}
}

// files is the Collector's storage in files of a folder.
func files(t *testing.T, folder string) component.Component {
	t.Helper()
	f := filestorage.NewFactory()
	cfg := configured(t, f, map[string]any{"directory": folder})
	set := extension.Settings{
		ID: component.NewID(f.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	e, err := f.Create(t.Context(), set, cfg)
	require.NoError(t, err)
	t.Cleanup(onHost(t, e, componenttest.NewNopHost()))
	return e
}

func outlet(t *testing.T) exporter.Logs {
	t.Helper()
	f := rustcomponent.NewExporter(crate("outlet"))
	set := exportertest.NewNopSettings(f.Type())
	set.ID = component.MustNewIDWithName("outlet", "a")
	e, err := f.CreateLogs(t.Context(), set, configured(t, f, plainly(nil)))
	require.NoError(t, err)
	return e
}

// Guarantees: an exporter keeps values in a storage of the Collector's, which are there for the
// instance that follows one that panicked, and for the next Collector.
func TestAnExporterKeepsValues(t *testing.T) {
	host := newAsked()
	host.extensions = map[component.ID]component.Component{
		component.MustNewID("file_storage"): files(t, t.TempDir()),
	}
	e := outlet(t)
	stop := onHost(t, e, host)
	const told = "storage file_storage"
	require.ErrorContains(t, e.ConsumeLogs(t.Context(), order(2, told)), "kept 1")
	require.Error(t, e.ConsumeLogs(t.Context(), order(2, "panic")))
	require.ErrorContains(t, e.ConsumeLogs(t.Context(), order(2, told)), "kept 2")
	stop()
	e = outlet(t)
	defer onHost(t, e, host)()
	require.ErrorContains(t, e.ConsumeLogs(t.Context(), order(2, told)), "kept 3")
	require.ErrorContains(t, e.ConsumeLogs(t.Context(), order(2, "storage none")),
		`runs no extension "none"`)
}

// guard authenticates both ways.
type guard struct {
	component.StartFunc
	component.ShutdownFunc
}

func (guard) RoundTripper(base http.RoundTripper) (http.RoundTripper, error) {
	return signer{base}, nil
}

type signer struct{ base http.RoundTripper }

func (s signer) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Signed-For", r.URL.Host)
	return s.base.RoundTrip(r)
}

func (guard) Authenticate(
	ctx context.Context, headers map[string][]string,
) (context.Context, error) {
	if headers["token"][0] != "known" {
		return ctx, errors.New("not known")
	}
	return client.NewContext(ctx, client.Info{Auth: subject("somebody")}), nil
}

// Guarantees: an exporter has the Collector's authenticators sign its requests and say who sent
// some, and hears why one is refused.
func TestAnExporterAsksAuthenticators(t *testing.T) {
	host := newAsked()
	host.extensions = map[component.ID]component.Component{component.MustNewID("guard"): guard{}}
	e := outlet(t)
	defer onHost(t, e, host)()
	for says, want := range map[string]string{
		"sign guard":          `[("Signed-For", "there")]`,
		"whose guard known":   `it is Some(String("somebody"))`,
		"whose guard unknown": "not known",
	} {
		require.ErrorContains(t, e.ConsumeLogs(t.Context(), order(2, says)), want)
	}
}

// Guarantees: what a processor or a connector reports is its status in the Collector, once each
// time that it changes, and costs no batch.
func TestStatusesOfThoseThatTakeBatches(t *testing.T) {
	host := newAsked()
	p := startOn(t, forms()[0].component("faulty", nil), forms()[0].transport, new(sink), host)
	for _, says := range []string{"unwell", "unwell", "well", "unwell"} {
		require.NoError(t, p.ConsumeLogs(t.Context(), order(2, says)))
	}
	const unwell = "StatusRecoverableError: told to be unwell"
	for _, want := range []string{unwell, "StatusOK", unwell} {
		require.Equal(t, want, soon(t, host.heard))
	}

	host = newAsked()
	set := connectortest.NewNopSettings(component.MustNewType("tally"))
	f := tallies()
	c, err := f.CreateLogsToMetrics(t.Context(), set, configured(t, f, nil), newSaid())
	require.NoError(t, err)
	defer onHost(t, c, host)()
	require.NoError(t, c.ConsumeLogs(t.Context(), order(2, "unwell")))
	require.Equal(t, unwell, soon(t, host.heard))
}

// Guarantees: a receiver's fatal status is the Collector's end, with its words: why the start
// fails, or told afterwards.
func TestAFatalStatusOfAReceiver(t *testing.T) {
	f := rustcomponent.NewReceiver(crate("source"))
	cfg := configured(t, f, map[string]any{"steps": []any{sends("fatal", "no license")}})
	set := receivertest.NewNopSettings(f.Type())
	set.ID = component.NewID(f.Type())
	r, err := f.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	host := newAsked()
	err = r.Start(t.Context(), host)
	if err != nil {
		require.ErrorContains(t, err, "a fatal status: no license")
	} else {
		require.Equal(t, "StatusFatalError: no license", soon(t, host.heard))
	}
	require.NoError(t, r.Shutdown(context.WithoutCancel(t.Context())))
}
