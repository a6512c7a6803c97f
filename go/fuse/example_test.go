package fuse_test

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/unit"
)

// config is a processor's.
type config struct{ place *fuse.Place }

func (*config) Kind() unit.Kind { return unit.KindProcessor }

func (c *config) Member(id string) (unit.Member, error) {
	return unit.Member{ID: id, Kind: unit.KindProcessor, Type: "some"}, nil
}

func (c *config) Unmarshal(conf *confmap.Conf) (err error) {
	c.place, err = fuse.Take(conf, c)
	return err
}

// What the configuration of a processor does that may be in a part; NewLogs gets the place.
func ExampleTake() {
	stand := fuse.Stand{Configuration: fuse.Number(), ID: "some/b", Aside: []string{"logs"}}
	conf := confmap.NewFromStringMap(map[string]any{fuse.Key: stand.Map()})
	cfg := new(config)
	fmt.Println(cfg.Unmarshal(conf), cfg.place != nil, conf.ToStringMap())
	// Output: <nil> true map[]
}
