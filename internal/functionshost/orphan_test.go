//go:build linux

package functionshost

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// host is a process that runs a host, to be killed.
func host() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	env := append(os.Environ(), "TEST_ROLE=handler")
	h, err := New(Config{Package: os.Getenv("TEST_PACKAGE"), Env: env, Instances: map[string]int{HTTPGroup: 1}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		for h.PID(HTTPGroup, 0) == 0 {
			time.Sleep(time.Millisecond)
		}
		fmt.Println(h.PID(HTTPGroup, 0))
	}()
	if err := h.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// alive reports whether a process runs; one that has ended but was not waited
// for does not.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

func hostProcess(t *testing.T) (cmd *exec.Cmd, handler int) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TEST_ROLE=host", "TEST_PACKAGE="+zipped(t, map[string]string{"host.json": hostJSON, "api/function.json": apiJSON}))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		handler, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		t.Fatalf("the host's process does not name its handler: %v", err)
	}
	return cmd, handler
}

func TestAKilledHostLeavesItsHandlerBehind(t *testing.T) {
	t.Parallel()
	cmd, handler := hostProcess(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if !alive(handler) {
		t.Error("the handler ended with its host")
	}
	if err := syscall.Kill(handler, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func TestAnInterruptedHostKillsItsHandler(t *testing.T) {
	t.Parallel()
	cmd, handler := hostProcess(t)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if alive(handler) {
		t.Errorf("the handler %d runs on", handler)
	}
}
