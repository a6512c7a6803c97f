//go:build !linux || !(amd64 || arm64)

package ring

func newEvent() (int, error)             { return -1, ErrUnsupported }
func ringEvent(int)                      {}
func duplicate(int, string) (int, error) { return -1, ErrUnsupported }
func checkEvent(int, string) error       { return ErrUnsupported }
func closeFD(int) error                  { return ErrUnsupported }
