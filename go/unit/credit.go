package unit

// defaultInFlight is what Rust takes where a spec does not say how many calls its engine holds.
const defaultInFlight = 64

// creditOf is how many batches of no call a lane may have unanswered, over all edges out: as many
// as there may be calls in its engine, so that merging halves no throughput; but only half of the
// places that the ring has for messages that want an answer, so that the outputs of calls
// always find one.
func creditOf(spec *Spec, t *Transport) int {
	inFlight := spec.MaxInFlight
	if inFlight == 0 {
		inFlight = defaultInFlight
	}
	return max(1, min(inFlight, int(t.Geometry.Descriptors)/4))
}
