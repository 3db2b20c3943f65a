package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree makes empty files below a new folder and returns the folder.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, file := range files {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// discovered is what discover finds, with paths relative to root.
func discovered(t *testing.T, root string, args ...string) []string {
	t.Helper()
	for i, arg := range args {
		if arg != stdinName {
			args[i] = filepath.Join(root, arg)
		}
	}
	groups, err := discover(args)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, g := range groups {
		line := "-"
		if !g.hour.IsZero() {
			line = g.hour.Format(time.RFC3339)
		}
		for _, path := range g.paths {
			if path != stdinName {
				path, _ = filepath.Rel(root, path)
			}
			line += " " + path
		}
		lines = append(lines, line)
	}
	return lines
}

func TestDiscover(t *testing.T) {
	t.Run("a_folder_gives_its_logs_in_any_depth", func(t *testing.T) {
		root := tree(t, "b.json", "a.log.gz", "deep/er/c.ndjson", "d.LOG", "readme.md", "x.json.bak", "gz")
		want := []string{"- a.log.gz b.json d.LOG deep/er/c.ndjson"}
		if diff := cmp.Diff(want, discovered(t, root, ".")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an_archive_is_merged_by_hour_over_resources_and_arguments", func(t *testing.T) {
		root := tree(t,
			"logs/resourceId=/A/y=2026/m=11/d=30/h=23/m=00/PT1H.json",
			"logs/resourceId=/A/y=2026/m=12/d=01/h=00/m=00/PT1H.json",
			"logs/resourceId=/B/y=2026/m=11/d=30/h=23/m=00/PT1H.json.gz",
			"logs/loose.json",
			"more/y=2026/m=11/d=30/h=22/m=00/PT1H.json",
		)
		want := []string{
			"- logs/loose.json",
			"2026-11-30T22:00:00Z more/y=2026/m=11/d=30/h=22/m=00/PT1H.json",
			"2026-11-30T23:00:00Z logs/resourceId=/A/y=2026/m=11/d=30/h=23/m=00/PT1H.json logs/resourceId=/B/y=2026/m=11/d=30/h=23/m=00/PT1H.json.gz",
			"2026-12-01T00:00:00Z logs/resourceId=/A/y=2026/m=12/d=01/h=00/m=00/PT1H.json",
		}
		if diff := cmp.Diff(want, discovered(t, root, "logs", "more")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("files_stay_in_the_order_of_the_arguments", func(t *testing.T) {
		root := tree(t, "b.txt", "a.json")
		want := []string{"- b.txt", "- -", "- a.json"}
		if diff := cmp.Diff(want, discovered(t, root, "b.txt", "-", "a.json")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a_folder_may_be_a_symbolic_link", func(t *testing.T) {
		root := tree(t, "real/a.json")
		if err := os.Symlink("real", filepath.Join(root, "link")); err != nil {
			t.Fatal(err)
		}
		want := []string{"- link/a.json"}
		if diff := cmp.Diff(want, discovered(t, root, "link")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("what_is_missing_is_an_error_and_the_rest_still_comes", func(t *testing.T) {
		root := tree(t, "a.json", "empty/readme.md")
		groups, err := discover([]string{filepath.Join(root, "gone"), filepath.Join(root, "empty"), filepath.Join(root, "a.json")})
		if len(groups) != 1 {
			t.Errorf("got %v, want a.json alone", groups)
		}
		want := filepath.Join(root, "gone") + ": no such file or folder\n" +
			filepath.Join(root, "empty") + ": no logs in this folder: expected *.json, *.ndjson or *.log, each also as .gz, in any depth"
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	})
}

func TestHourOf(t *testing.T) {
	for path, want := range map[string]string{
		"y=2026/m=11/d=23/h=09/m=00/PT1H.json":        "2026-11-23T09:00:00Z",
		"a/Y=2026/M=11/D=23/H=09/M=00/PT1H.json.gz":   "2026-11-23T09:00:00Z",
		"y=2026/m=13/d=23/h=09/m=00/PT1H.json":        "",
		"y=2026/m=11/d=23/h=09/m=00/deeper/PT1H.json": "",
		"2026/11/23/09.json":                          "",
	} {
		got := ""
		if hour, ok := hourOf(path); ok {
			got = hour.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("hourOf(%q) = %q, want %q", path, got, want)
		}
	}
}
