//go:build linux && (amd64 || arm64)

package ring_test

import (
	"context"
	"fmt"
	"log"

	"github.com/strait-data/strait/go/ring"
)

// Both sides in one process, which may vouch for itself: the host publishes a batch, the peer reads
// it where it lies and answers, and the host reads the answer.
func Example() {
	ctx := context.Background()
	options := ring.Options{Trust: ring.VouchForPeer()}
	host, err := ring.NewHost(options)
	check(err)
	defer host.Close()
	peer, err := ring.NewPeer(host.Offer(), options)
	check(err)
	defer peer.Close()
	check(host.Accept(peer.Answer()))

	claim, err := host.Producer().Claim(ctx, 5)
	check(err)
	copy(claim.Bytes(), "batch")
	check(host.Producer().Publish(claim, 0, 1, 5))

	message, err := peer.Consumer().Receive(ctx)
	check(err)
	fmt.Printf("%s %d: %s\n", message.Kind, message.CallID, message.Bytes())
	check(message.Lease.Release())
	check(peer.Producer().SendAck(message.CallID))

	answer, err := host.Consumer().Receive(ctx)
	check(err)
	fmt.Println(answer.Kind, answer.CallID)
	// Output:
	// batch 1: batch
	// ack 1
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
