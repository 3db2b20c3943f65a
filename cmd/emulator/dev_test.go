//go:build linux && amd64

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// built are the product's program and package, made from this source as `make
// package` makes them: so they are compiled once.
func built(t *testing.T) (program, zip string) {
	t.Helper()
	dir := t.TempDir()
	program, zip = filepath.Join(dir, "keywarden"), filepath.Join(dir, "keywarden.zip")
	for _, args := range [][]string{
		{"build", "-trimpath", "-o", program, "./cmd/keywarden"},
		{"run", "./handlers/internal/pack", "-handler", program, "-o", zip},
	} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = filepath.Join("..", "..")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
	return program, zip
}

// devRun is a run of `emulator dev` in a process of its own.
type devRun struct {
	*exec.Cmd
	lines *bufio.Scanner // of standard output
	said  strings.Builder
	temp  string
}

func startDev(t *testing.T, args ...string) *devRun {
	t.Helper()
	d := &devRun{Cmd: exec.CommandContext(t.Context(), os.Args[0], append([]string{"dev"}, args...)...), temp: t.TempDir()}
	d.Env = append(os.Environ(), asEmulator+"=1", "TMPDIR="+d.temp)
	d.Stderr = &d.said
	d.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal has it
	out, err := d.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	d.lines = bufio.NewScanner(out)
	return d
}

// until returns the lines up to the one that begins with a word.
func (d *devRun) until(t *testing.T, word string) (lines []string) {
	t.Helper()
	for d.lines.Scan() {
		lines = append(lines, d.lines.Text())
		if strings.HasPrefix(d.lines.Text(), word) {
			return lines
		}
	}
	t.Fatalf("it ends before it says %q: %q, %v\n%s", word, lines, d.Wait(), &d.said)
	return nil
}

// interrupt is Ctrl-C in its terminal: all that is left must be the folder.
func (d *devRun) interrupt(t *testing.T, ports ...string) {
	t.Helper()
	if err := syscall.Kill(-d.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, readerOf(d.lines)); err != nil {
		t.Error(err)
	}
	if err := d.Wait(); err != nil {
		t.Errorf("it ends with %v: %s", err, &d.said)
	}
	if strings.Contains(d.said.String(), "goroutine ") {
		t.Errorf("a stack trace: %s", &d.said)
	}
	for _, port := range ports {
		listener, err := net.Listen("tcp", port)
		if err != nil {
			t.Errorf("its port is not free: %v", err)
			continue
		}
		_ = listener.Close()
	}
	if left, err := os.ReadDir(d.temp); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	programs, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range programs {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, d.temp) {
			t.Errorf("%s still runs: %s", link, target)
		}
	}
}

// readerOf is what a scanner has not read yet.
func readerOf(s *bufio.Scanner) io.Reader {
	in, out := io.Pipe()
	go func() {
		for s.Scan() {
		}
		_ = out.CloseWithError(s.Err())
	}()
	return in
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // it was only asked for its address
	return listener.Addr().String()
}

func TestDev(t *testing.T) {
	program, zip := built(t)
	ports := []string{free(t), free(t), free(t), free(t)}
	args := func(more ...string) []string {
		return append([]string{"--program", program, "--package", zip, "--state", filepath.Join(t.TempDir(), "dev"),
			"--eventhubs", ports[0], "--blobs", ports[1], "--cosmos", ports[2], "--listen", ports[3]}, more...)
	}
	t.Run("finds_and_goes_on", func(t *testing.T) {
		args := args("--days", "4", "--principals", "10", "--instances", "2")
		d := startDev(t, args...)
		lines := d.until(t, "caught up")
		if lines[0] != "ready "+ports[3] {
			t.Errorf("it says %q first", lines[0])
		}
		found := func(line string) bool { return strings.HasPrefix(line, "critical") || strings.HasPrefix(line, "high") }
		if !slices.ContainsFunc(lines, found) {
			t.Errorf("the stolen key is not found: %q", lines)
		}
		d.interrupt(t, ports...)

		d = startDev(t, append(args, "--keep")...)
		again := d.until(t, "caught up")
		d.interrupt(t, ports...)
		count := func(line string) string { _, count, _ := strings.Cut(line, ";"); return count }
		if a, b := count(lines[len(lines)-1]), count(again[len(again)-1]); a != b || strings.Contains(d.said.String(), "sent to") {
			t.Errorf("at first%s, after a restart%s: %s", a, b, &d.said)
		}
	})
	t.Run("interrupted_while_it_sends", func(t *testing.T) {
		logs := filepath.Join(t.TempDir(), "logs.ndjson")
		if err := os.WriteFile(logs, []byte(strings.Repeat("{}\n", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		args := args("--logs", logs, "--per-second", "1")
		d := startDev(t, args...)
		d.until(t, "ready")
		d.interrupt(t, ports...)
		d = startDev(t, append(args, "--keep")...)
		if err := d.Wait(); err == nil || !strings.Contains(d.said.String(), "was interrupted") {
			t.Errorf("it goes on with logs that were sent in part: %v, %s", err, &d.said)
		}
	})
}

func TestDev_refuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // a test's
	here := t.TempDir()
	file := filepath.Join(here, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	local := "--program " + file + " --package " + file + " --eventhubs 127.0.0.1:0 --blobs 127.0.0.1:0 --listen 127.0.0.1:0 --cosmos "
	for name, test := range map[string]struct {
		args string
		code int
		want string
	}{
		"many_instances":     {"--instances 5", exitUsage, "choose 1 to 4"},
		"nothing_and_logs":   {"--empty --logs x", exitUsage, "--logs and --empty"},
		"no_days":            {"--days 0", exitUsage, "--days"},
		"negative_pace":      {"--per-second=-1", exitUsage, "negative"},
		"not_built":          {"--program nowhere", exitFailure, "make dev builds it"},
		"address_taken":      {local + taken.Addr().String(), exitFailure, "choose another address with --cosmos"},
		"somebody's_folder":  {local + "127.0.0.1:0 --state " + here, exitFailure, "choose a new folder"},
		"package_that_isn't": {local + "127.0.0.1:0 --state " + filepath.Join(here, "new"), exitFailure, "make package"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr strings.Builder
			code := run(t.Context(), append([]string{"dev"}, strings.Fields(test.args)...), io.Discard, &stderr)
			if code != test.code || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("exit code %d, %q; want %d and %q", code, &stderr, test.code, test.want)
			}
		})
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("a file of somebody else is gone: %v", err)
	}
}

func TestOpenFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	open := func(store string, keep bool) *folder {
		t.Helper()
		f, err := openFolder(dir, store, keep)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	refused := func(store, want string) {
		t.Helper()
		if _, err := openFolder(dir, store, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	f := open("cosmos", true) // there is nothing to keep
	if err := os.WriteFile(f.path("hubs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("cosmos", "interrupted")
	if err := f.sent(); err != nil {
		t.Fatal(err)
	}
	refused("sqlite", "--store cosmos")
	if f = open("cosmos", true); !f.kept.Sent {
		t.Error("it is forgotten that all was sent")
	}
	if f = open("sqlite", false); f.kept != (kept{Store: "sqlite"}) {
		t.Errorf("begun anew it holds %+v", f.kept)
	}
	if entries, err := os.ReadDir(dir); fmt.Sprint(entries) != "[- "+keptFile+"]" {
		t.Errorf("begun anew it holds %v, %v", entries, err)
	}
}
