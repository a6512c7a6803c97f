package edge

import "go.opentelemetry.io/collector/pdata/pmetric"

// thinMetric removes the points of a metric that are not kept, and says whether it lost all. A
// metric without points is asked for by itself.
func thinMetric(m pmetric.Metric, c *counter) bool {
	before, after := 0, 0
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		before, after = thinPoints(m.Gauge().DataPoints(), c)
	case pmetric.MetricTypeSum:
		before, after = thinPoints(m.Sum().DataPoints(), c)
	case pmetric.MetricTypeHistogram:
		before, after = thinPoints(m.Histogram().DataPoints(), c)
	case pmetric.MetricTypeExponentialHistogram:
		before, after = thinPoints(m.ExponentialHistogram().DataPoints(), c)
	case pmetric.MetricTypeSummary:
		before, after = thinPoints(m.Summary().DataPoints(), c)
	}
	if before == 0 {
		return !c.keep(-1)
	}
	return after == 0
}

func thinPoints[P any](points sliceOf[P], c *counter) (before, after int) {
	before = points.Len()
	points.RemoveIf(func(P) bool { return c.drop() })
	return before, points.Len()
}
