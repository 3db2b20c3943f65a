//go:build unix

package worker

import "syscall"

// apart keeps a terminal's Ctrl-C from the handler: it only ever gets SIGKILL.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
