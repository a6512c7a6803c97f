// Package unit is the host's side of one engine pipeline: what a Collector's Rust component is made
// of.
//
// A Unit has lanes, each a link to one engine thread, and edges. It starts and ends them, renews
// links that break, tells the Collector how it is, and counts. A Consumer is a unit that batches of
// one signal enter, a processor's, an exporter's or a connector's; a Receiver is one that makes its
// batches itself.
//
// It guarantees that
//   - New has no side effect, Start opens everything or nothing, Shutdown is safe without Start and
//     twice, and takes no longer than it may;
//   - a caller gets the lane with the fewest callers among those that work;
//   - a link that ends is made anew, with a budget, and the component's status says so.
//
// It leaves to others what crosses (package edge) and the calls (package call), and which
// components there are (otapreceiver, otapprocessor, otapexporter, otapconnector, rustcomponent).
package unit
