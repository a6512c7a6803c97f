package unit

// choose picks how logs cross, by what Rust says of the unit; true: the original is changed in place.
func (p *LogsProcessor) choose(*Report) (mutates bool) {
	p.pack, p.foreign = p.packOTLP, p.takeOTLP
	return false
}
