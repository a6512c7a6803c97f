// Package edge is where batches of one signal cross between a host and its unit. An In edge makes
// of pdata what is written into a slot; an Out edge makes pdata of what comes out of one.
//
// A signal is one entry of the table in signal.go, and a way to cross one implementation of
// Crossing: OTLP bytes, records of everything, or records of what the unit reads, with a difference
// that is applied to the original on the way back.
//
// It guarantees that an edge says of everything it cannot carry why, and of which item; that
// nothing of a slot is kept; and that what Out edges read may be any bytes. Edges are immutable;
// what they keep for a link is a Packer and an Unpacker.
//
// It leaves to others the slots, who waits for what, and what becomes of items that cannot cross
// (package call).
package edge
