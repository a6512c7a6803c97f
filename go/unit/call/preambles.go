package call

import (
	"context"
	"fmt"

	"github.com/strait-data/strait/go/ring"
)

// preambles publishes the schemas of a lane's records in slots of their own (S-7).
type preambles struct{ producer *ring.Producer }

func (p preambles) PublishPreamble(ctx context.Context, content []byte) error {
	claim, err := p.producer.ClaimPreamble(ctx, len(content))
	if err != nil {
		return fmt.Errorf("no slot for a schema: %w", err)
	}
	copy(claim.Bytes(), content)
	return p.producer.Publish(claim, 0, 0, len(content))
}
