package sinks

import (
	"context"
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

// definition is an instrument, as Rust describes it.
type definition struct {
	Instrument  uint64     `json:"instrument"`
	Kind        string     `json:"kind"`
	Float       bool       `json:"float"`
	Scope       string     `json:"scope"`
	Version     string     `json:"version"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Unit        string     `json:"unit"`
	Boundaries  *[]float64 `json:"boundaries"`
}

// points are measurements under one set of attributes: a counter's sum of changes, a gauge's last
// value, each value of a histogram.
type points struct {
	Instrument uint64        `json:"instrument"`
	Attributes []keyValue    `json:"attributes"`
	Values     []json.Number `json:"values"`
}

type record = func(points, metric.MeasurementOption)

// create makes the instrument with the component's own meter.
func (d *definition) create(provider metric.MeterProvider) (record, error) {
	meter := provider.Meter(d.Scope, metric.WithInstrumentationVersion(d.Version))
	if d.Float {
		return d.float(meter)
	}
	return d.whole(meter)
}

func (d *definition) whole(meter metric.Meter) (record, error) {
	unit, what := metric.WithUnit(d.Unit), metric.WithDescription(d.Description)
	ctx := context.Background()
	switch d.Kind {
	case "counter":
		c, err := meter.Int64Counter(d.Name, unit, what)
		return wholes(func(n int64, o metric.MeasurementOption) { c.Add(ctx, n, o) }), err
	case "up_down_counter":
		c, err := meter.Int64UpDownCounter(d.Name, unit, what)
		return wholes(func(n int64, o metric.MeasurementOption) { c.Add(ctx, n, o) }), err
	case "gauge":
		g, err := meter.Int64Gauge(d.Name, unit, what)
		return wholes(func(n int64, o metric.MeasurementOption) { g.Record(ctx, n, o) }), err
	case "histogram":
		options := []metric.Int64HistogramOption{unit, what}
		if d.Boundaries != nil {
			options = append(options, metric.WithExplicitBucketBoundaries(*d.Boundaries...))
		}
		h, err := meter.Int64Histogram(d.Name, options...)
		return wholes(func(n int64, o metric.MeasurementOption) { h.Record(ctx, n, o) }), err
	default:
		return nil, fmt.Errorf("kind %q is not known to this version", d.Kind)
	}
}

func (d *definition) float(meter metric.Meter) (record, error) {
	unit, what := metric.WithUnit(d.Unit), metric.WithDescription(d.Description)
	ctx := context.Background()
	switch d.Kind {
	case "counter":
		c, err := meter.Float64Counter(d.Name, unit, what)
		return floats(func(n float64, o metric.MeasurementOption) { c.Add(ctx, n, o) }), err
	case "up_down_counter":
		c, err := meter.Float64UpDownCounter(d.Name, unit, what)
		return floats(func(n float64, o metric.MeasurementOption) { c.Add(ctx, n, o) }), err
	case "gauge":
		g, err := meter.Float64Gauge(d.Name, unit, what)
		return floats(func(n float64, o metric.MeasurementOption) { g.Record(ctx, n, o) }), err
	case "histogram":
		options := []metric.Float64HistogramOption{unit, what}
		if d.Boundaries != nil {
			options = append(options, metric.WithExplicitBucketBoundaries(*d.Boundaries...))
		}
		h, err := meter.Float64Histogram(d.Name, options...)
		return floats(func(n float64, o metric.MeasurementOption) { h.Record(ctx, n, o) }), err
	default:
		return nil, fmt.Errorf("kind %q is not known to this version", d.Kind)
	}
}

func wholes(take func(int64, metric.MeasurementOption)) record {
	return each(json.Number.Int64, take)
}

func floats(take func(float64, metric.MeasurementOption)) record {
	return each(json.Number.Float64, take)
}

// each takes the values that are of its type: all that Rust sends are.
func each[N any](
	read func(json.Number) (N, error), take func(N, metric.MeasurementOption),
) record {
	return func(p points, o metric.MeasurementOption) {
		for _, value := range p.Values {
			if n, err := read(value); err == nil {
				take(n, o)
			}
		}
	}
}
