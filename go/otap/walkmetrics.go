package otap

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Metrics judges every data point. What a metric holds beside its points concerns all of them.
func (w *Walk) Metrics(md pmetric.Metrics) {
	for r, rm := range md.ResourceMetrics().All() {
		at := func() string { return fmt.Sprintf("resource_metrics[%d]", r) }
		if rm.ScopeMetrics().Len() == 0 {
			w.container(at)
			continue
		}
		w.enter(at, func() {
			w.references(rm.Resource())
			w.text("schema_url", rm.SchemaUrl(), rm.SetSchemaUrl)
			w.attributes("resource.attributes", rm.Resource().Attributes())
		})
		for s, sm := range rm.ScopeMetrics().All() {
			w.metrics(func() string { return fmt.Sprintf("%s.scope_metrics[%d]", at(), s) }, sm)
		}
		w.leave()
	}
}

func (w *Walk) metrics(at func() string, sm pmetric.ScopeMetrics) {
	if sm.Metrics().Len() == 0 {
		w.container(at)
		return
	}
	w.enter(at, func() { w.scope(sm.Scope(), sm.SchemaUrl(), sm.SetSchemaUrl) })
	defer w.leave()
	for i, m := range sm.Metrics().All() {
		at := func() string { return fmt.Sprintf("%s.metrics[%d]", at(), i) }
		w.enter(at, func() {
			w.text("name", m.Name(), m.SetName)
			w.text("description", m.Description(), m.SetDescription)
			w.text("unit", m.Unit(), m.SetUnit)
			w.attributes("metadata", m.Metadata())
		})
		w.points(at, m)
		w.leave()
	}
}

func (w *Walk) points(at func() string, m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		numberPoints(w, at, "gauge", m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		numberPoints(w, at, "sum", m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for i, p := range m.Histogram().DataPoints().All() {
			w.point(at, "histogram", i, p.Attributes(), p.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for i, p := range m.ExponentialHistogram().DataPoints().All() {
			w.point(at, "exponential_histogram", i, p.Attributes(), p.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for i, p := range m.Summary().DataPoints().All() {
			w.point(at, "summary", i, p.Attributes(), pmetric.NewExemplarSlice())
		}
	}
}

func numberPoints(w *Walk, at func() string, kind string, points pmetric.NumberDataPointSlice) {
	for i, p := range points.All() {
		w.point(at, kind, i, p.Attributes(), p.Exemplars())
	}
}

func (w *Walk) point(
	at func() string, kind string, i int, m pcommon.Map, ex pmetric.ExemplarSlice,
) {
	path := func() string { return fmt.Sprintf("%s.%s.data_points[%d]", at(), kind, i) }
	w.next(path, func() {
		w.attributes("attributes", m)
		for j, e := range ex.All() {
			w.within(func() string { return fmt.Sprintf("exemplars[%d]", j) }, func() {
				w.attributes("filtered_attributes", e.FilteredAttributes())
			})
		}
	})
}
