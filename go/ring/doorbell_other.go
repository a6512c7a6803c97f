//go:build !linux || !(amd64 || arm64)

package ring

func newEvent(string) (doorbell, error)           { return doorbell{}, ErrUnsupported }
func newSocketPair(string) (doorbell, int, error) { return doorbell{}, -1, ErrUnsupported }
func ringDoorbell(*doorbell) error                { return ErrUnsupported }
func duplicate(int, string) (int, error)          { return -1, ErrUnsupported }
func closeFD(int) error                           { return ErrUnsupported }

func drainDoorbell(int, doorbellKind, []byte) (rung bool, lost error) {
	return false, ErrUnsupported
}

func checkDoorbell(int, string, Trust) (doorbellKind, error) { return 0, ErrUnsupported }
