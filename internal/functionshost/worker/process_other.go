//go:build !unix

package worker

import "syscall"

// apart has no meaning here.
func apart() *syscall.SysProcAttr { return nil }
