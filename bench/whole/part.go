package main

import (
	"context"
	"errors"
	"fmt"

	"crate.local/mask-cards"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pipeline"
	"go.uber.org/zap"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/bench/measure"
	"github.com/strait-data/strait/go/converter"
)

// host is what the Collector starts a processor of one pipeline with.
type host struct {
	component.Host
	InstanceID *componentstatus.InstanceID
}

func hostOf(id component.ID) component.Host {
	return host{
		Host: componenttest.NewNopHost(),
		InstanceID: componentstatus.NewInstanceID(
			id, component.KindProcessor, pipeline.NewID(pipeline.SignalLogs),
		),
	}
}

// row is n Rust processors in a row, as a Collector's configuration has them: one part of a
// pipeline, or each by itself.
func row(n int, fuse bool, lanes int) ([]stage, error) {
	factory, ids, bodies := mask_cards.NewFactory(), []any{}, values{}
	for i := range n {
		id := factory.Type().String() + "/" + fmt.Sprint(i)
		ids = append(ids, id)
		bodies[id] = values{
			"bodies": false, "keys": []any{"client.address"},
			"runtime": values{"rust": values{"fuse": fuse, "lanes": lanes}},
		}
	}
	conf := confmap.NewFromStringMap(values{
		"receivers": values{"in": nil}, "processors": bodies, "exporters": values{"out": nil},
		"service": values{"pipelines": values{"logs": values{
			"receivers": []any{"in"}, "processors": ids, "exporters": []any{"out"},
		}}},
	})
	convert := converter.NewFactory(converter.Distribution{
		Version: "0.1.0", Rust: map[string][]string{"processors": {factory.Type().String()}},
	}).Create(confmap.ConverterSettings{Logger: zap.NewNop()})
	if err := convert.Convert(context.Background(), conf); err != nil {
		return nil, err
	}
	var stages []stage
	for _, id := range ids {
		body, err := conf.Sub("processors::" + id.(string))
		if err != nil {
			return nil, err
		}
		stages = append(stages, stage{factory, body.ToStringMap()})
	}
	return stages, nil
}

// measureParts measures rows of processors: what a member more costs, and what it saves that
// batches do not come back between them.
func measureParts(r *measure.Recorder) (err error) {
	chains := map[string]chain{}
	var names []string
	for _, of := range []struct {
		name string
		n    int
		fuse bool
	}{
		{"apart, 4", 4, false}, {"one part, 2", 2, true}, {"one part, 4", 4, true},
		{"one part, 8", 8, true},
	} {
		stages, err := row(of.n, of.fuse, 1)
		if err != nil {
			return err
		}
		c, err := build(stages)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.shutdown()) }()
		chains[of.name], names = c, append(names, of.name)
	}
	// Of one log there is next to no work: what a member more costs then is what it costs by itself.
	for _, size := range append([]size{{1, 1000}}, sizes...) {
		wire, err := data.Marshal(data.Logs(size.logs, data.Usual, true))
		if err != nil {
			return err
		}
		var all []chain
		var rivals []measure.Rival
		for _, name := range names {
			all = append(all, chains[name])
			rivals = append(rivals, rival(name, chains[name], wire, size.batches, inFlight))
		}
		if err := same(wire, all...); err != nil {
			return err
		}
		rivals = chosen(rivals)
		c := measure.Case{Group: "part", Name: "rows of mask_cards", Items: size.logs, Rivals: rivals}
		if err := r.Measure(c); err != nil {
			return err
		}
	}
	return nil
}
