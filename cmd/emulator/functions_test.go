//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/internal/functionshost/hosttest"
)

// asEmulator has the test binary be the program.
const asEmulator = "KEYWARDEN_TEST_EMULATOR"

// TestMain lets the test binary be the handler, or the program.
func TestMain(m *testing.M) {
	if os.Getenv(asEmulator) != "" {
		main()
	}
	if port := os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"); port != "" {
		err := http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "%s for %s, setting %s", r.URL.Path, r.Header.Get("X-Ms-Client-Principal-Name"), os.Getenv("FROM_FILE")) // the test sees what is missing
		}))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// pack makes a package with one HTTP function.
func pack(t *testing.T) string {
	return hosttest.Pack(t, hosttest.Handler(),
		hosttest.File{Name: "host.json", Mode: 0o644, Text: `{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"},"enableProxyingHttpRequest":true},"extensions":{"http":{"routePrefix":""}}}`},
		hosttest.File{Name: "api/function.json", Mode: 0o644, Text: `{"bindings":[{"type":"httpTrigger","name":"req","authLevel":"function","route":"api/{*path}"},{"type":"http","direction":"out","name":"res"}]}`})
}

func TestFunctions(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "local.settings.json")
	if err := os.WriteFile(settings, []byte(`{"IsEncrypted":false,"Values":{"FROM_FILE":"here"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"functions", "--package", pack(t), "--listen", "127.0.0.1:0", "--settings", settings, "--host-key", "KEY",
			"--sign-in", "ada", "--role", "Keywarden.Reader", "--state", t.TempDir()}, in, t.Output())
		_ = in.Close() // the reader sees the end
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		t.Fatalf("said %q, want ready ADDR", line)
	}
	answer, err := http.Get("http://" + addr + "/api/x?code=KEY")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if want := "/api/x for ada, setting here"; string(body) != want {
		t.Errorf("answered %d %q, want %q", answer.StatusCode, body, want)
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no_package":           {[]string{"functions", "--listen", ":0"}, exitUsage, "--package"},
		"role_without_user":    {[]string{"functions", "--listen", ":0", "--package", "x", "--role", "r"}, exitUsage, "--sign-in"},
		"package_that_is_none": {[]string{"functions", "--listen", "127.0.0.1:0", "--package", "no.zip"}, exitFailure, "make package"},
		"settings_that_are_no": {[]string{"functions", "--listen", "127.0.0.1:0", "--package", "no.zip", "--settings", "no.json"}, exitFailure, "no.json"},
	} {
		t.Run(name, func(t *testing.T) {
			var says strings.Builder
			if code := run(t.Context(), test.args, io.Discard, &says); code != test.code || !strings.Contains(says.String(), test.says) {
				t.Errorf("exit code %d, %q; want %d and a word of %q", code, says.String(), test.code, test.says)
			}
		})
	}
}
