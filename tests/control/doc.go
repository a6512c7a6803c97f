// Package control tests the control channel end to end: go/control, linked with the test peer of
// tests/peers/control. Run build.sh first.
package control
