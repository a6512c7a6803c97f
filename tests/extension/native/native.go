//go:build cgo && linux

// Package native links the test peer (tests/peers/extension) and registers it, as a generated
// native module does. tests/extension/build.sh makes the object; without it this does not link.
package native

/*
#cgo LDFLAGS: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
extern unsigned strait_entry(void);
static void *strait_entry_address(void) { return (void *)strait_entry; }
*/
import "C"

import "github.com/strait-data/strait/go/control"

func init() { control.RegisterEntry(C.strait_entry_address(), "extension testpeer") }
