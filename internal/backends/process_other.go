//go:build !linux

package backends

import "syscall"

// dieWithParent is the kernel's work on Linux; elsewhere a test that is killed leaves its servers running.
func dieWithParent(*syscall.SysProcAttr) {}
