package extension

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.uber.org/zap"
)

// middle is a Go extension that starts after what it depends on, and keeps the statuses of the
// Collector.
type middle struct {
	component.StartFunc
	logger   *zap.Logger
	after    []component.ID
	statuses func(id, status, err string)
}

func (m *middle) Dependencies() []component.ID { return m.after }
func (m *middle) Start(context.Context, component.Host) error {
	m.logger.Info("starts")
	return nil
}
func (m *middle) Shutdown(context.Context) error {
	m.logger.Info("stops")
	return nil
}

func (m *middle) ComponentStatusChanged(
	source *componentstatus.InstanceID,
	e *componentstatus.Event,
) {
	if m.statuses != nil {
		text := ""
		if e.Err() != nil {
			text = e.Err().Error()
		}
		m.statuses(source.ComponentID().String(), e.Status().String(), text)
	}
}

func middleFactory(m *middle) extension.Factory {
	return extension.NewFactory(
		component.MustNewType("middle"),
		func() component.Config { return &struct{}{} },
		func(_ context.Context, set extension.Settings, _ component.Config) (extension.Extension, error) {
			m.logger = set.Logger
			return m, nil
		},
		component.StabilityLevelDevelopment,
	)
}

// Guarantees: extensions of both languages start after what they depend on and stop before it,
// whatever the order of the configuration; each log line is its instance's.
func TestDependenciesOrderStartAndStop(t *testing.T) {
	first := component.MustNewIDWithName("probe", "first")
	c := newCollector(
		t,
		`
probe/first: {}
middle: {}
probe/last: {depends_on: [middle]}`,
		[]string{
			"probe/last",
			"middle",
			"probe/first",
		},
		"",
		middleFactory(&middle{after: []component.ID{first}}),
	).started(t)
	require.NoError(t, c.stop(t))
	var order []string
	for _, e := range c.logs.All() {
		if e.Message == "starts" || e.Message == "stops" {
			order = append(
				order,
				strings.Join([]string{e.ContextMap()["otelcol.component.id"].(string), e.Message}, " "),
			)
		}
	}
	require.Equal(t, []string{
		"probe/first starts", "middle starts", "probe/last starts",
		"probe/last stops", "middle stops", "probe/first stops",
	}, order)
}

// Guarantees: a dependency that is no extension's id, that does not run, or that goes round, is the
// Collector's error.
func TestWrongDependenciesAreRefused(t *testing.T) {
	for config, want := range map[string]string{
		"{depends_on: [not an id]}\nprobe/b: {}":                    `probe/a depends on "not an id"`,
		"{depends_on: [probe/a]}\nprobe/b: {}":                      `probe/a depends on "probe/a"`,
		"{depends_on: [middle]}\nprobe/b: {}":                       `unable to find extension`,
		"{depends_on: [probe/b]}\nprobe/b: {depends_on: [probe/a]}": `unable to order extensions`,
	} {
		config = "probe/a: " + config
		err := newCollector(t, config, []string{"probe/a", "probe/b"}, "").run(t, t.Context())
		require.ErrorContains(t, err, want)
	}
}

// Guarantees: an extension hears of the configuration, of the pipelines, and of every status, in
// order.
func TestWatchers(t *testing.T) {
	c := newCollector(
		t,
		"probe/w: {watch: true}\nmiddle: {}",
		[]string{"probe/w", "middle"},
		"",
		middleFactory(&middle{}),
	).started(t)
	require.Eventually(
		t,
		func() bool { return slices.Contains(statusesSeen(c), "nop ok") },
		minute,
		tick,
	)
	require.NoError(t, c.stop(t))
	require.Contains(t, c.fields("probe/w", "sees the configuration")["keys"], "extensions")
	require.Contains(t, statusesSeen(c), "middle ok")
	var pipelines []string
	for _, e := range c.logs.All() {
		if e.Message == "sees" {
			pipelines = append(pipelines, e.ContextMap()["event"].(string))
		}
	}
	require.Equal(t, []string{"PipelinesReady", "PipelinesStopping"}, pipelines)
}

func statusesSeen(c *collector) (out []string) {
	for _, e := range c.logs.All() {
		if e.Message == "sees a status" {
			f := e.ContextMap()
			out = append(out, f["id"].(string)+" "+f["status"].(string))
		}
	}
	return out
}
