package main

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
)

// stage is one processor with its configuration.
type stage struct {
	factory processor.Factory
	config  map[string]any
}

// chain is a pipeline of processors that run, and its end.
type chain struct {
	first consumer.Logs
	parts []processor.Logs
	end   *sink
}

// sink is a pipeline's end.
type sink struct {
	// keep says whether the last batch is kept for a look at it.
	keep bool
	last plog.Logs
}

func (*sink) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (s *sink) ConsumeLogs(_ context.Context, ld plog.Logs) error {
	if s.keep {
		s.last = ld
	}
	return nil
}

// build makes and starts the processors, the last one first.
func build(stages []stage) (c chain, err error) {
	c.end = &sink{}
	c.first = c.end
	for i := len(stages) - 1; i >= 0; i-- {
		p, err := stages[i].start(i, c.first)
		if err != nil {
			return chain{}, errors.Join(err, c.shutdown())
		}
		c.first, c.parts = p, append(c.parts, p)
	}
	return c, nil
}

func (s stage) start(index int, next consumer.Logs) (processor.Logs, error) {
	ctx, typ := context.Background(), s.factory.Type()
	config := s.factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(s.config).Unmarshal(config); err != nil {
		return nil, fmt.Errorf("%s: %w", typ, err)
	}
	if v, ok := config.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", typ, err)
		}
	}
	set := processortest.NewNopSettings(typ)
	set.ID = component.NewIDWithName(typ, fmt.Sprint(index))
	p, err := s.factory.CreateLogs(ctx, set, config, next)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", typ, err)
	}
	if err := p.Start(ctx, hostOf(set.ID)); err != nil {
		return nil, fmt.Errorf("%s: %w", typ, err)
	}
	return p, nil
}

func (c chain) consume(ld plog.Logs) error { return c.first.ConsumeLogs(context.Background(), ld) }

// shutdown ends the processors, the first one first.
func (c chain) shutdown() error {
	var errs []error
	for i := len(c.parts) - 1; i >= 0; i-- {
		errs = append(errs, c.parts[i].Shutdown(context.Background()))
	}
	return errors.Join(errs...)
}
