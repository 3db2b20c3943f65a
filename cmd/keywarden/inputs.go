package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// stdinName is the argument that stands for standard input.
const stdinName = "-"

// group is files whose records are merged by their time: those of one hour of
// an archive, over all resources. A file that is no part of an archive is a
// group by itself.
type group struct {
	hour  time.Time // zero where the path does not say
	paths []string
}

// discover are the files that args name, in the order of delivery: args as
// they come. A folder's files are merged: those in Azure's archive layout by
// their hours, the others all at once, because nothing says which of them came
// first (more than mergedAtMost by path). What cannot be read is in the
// error, which joins one error for each; the rest is still returned.
func discover(args []string) ([]group, error) {
	var paths []input
	var errs []error
	for _, arg := range args {
		found, err := discoverOne(arg)
		for _, path := range found {
			in := input{path: path}
			if path != arg {
				in.folder = arg
			}
			paths = append(paths, in)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return byHour(paths), errors.Join(errs...)
}

// input is a file, and the folder that was named where it was not itself.
type input struct{ path, folder string }

// mergedAtMost is how many files of a folder are open at a time.
const mergedAtMost = 64

func discoverOne(arg string) ([]string, error) {
	if arg == stdinName {
		return []string{stdinName}, nil
	}
	info, err := os.Stat(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file or folder", arg)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return []string{arg}, nil
	}
	paths, err := logsBelow(arg)
	if len(paths) == 0 && err == nil {
		err = fmt.Errorf("%s: no logs in this folder: expected *.json, *.ndjson or *.log, each also as .gz, in any depth", arg)
	}
	return paths, err
}

// logsBelow are the log files below a folder: those outside Azure's archive
// layout first, then those in it, each in lexical order. What cannot be read
// is in the error, and is left out.
func logsBelow(root string) ([]string, error) {
	// The root may be a symbolic link. Those below it are not followed: an archive has none, and so there are no circles.
	resolved, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	var loose, archived []string
	var errs []error
	walk := func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			errs = append(errs, err) // a folder that cannot be read; the walk goes on after it
			return nil
		}
		if !entry.Type().IsRegular() || !isLog(entry.Name()) {
			return nil
		}
		path = filepath.Join(root, strings.TrimPrefix(path, resolved))
		if _, ok := hourOf(path); ok {
			archived = append(archived, path)
		} else {
			loose = append(loose, path)
		}
		return nil
	}
	errs = append(errs, filepath.WalkDir(resolved, walk))
	return append(loose, archived...), errors.Join(errs...)
}

// isLog reports whether a file of this name holds logs.
func isLog(name string) bool {
	switch filepath.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz")) {
	case ".json", ".ndjson", ".log":
		return true
	}
	return false
}

// byHour groups neighbouring paths in Azure's archive layout by their hour, in
// ascending hour. The other files of a folder are one group, and every other
// path is one by itself, where it stands.
func byHour(inputs []input) []group {
	loose := map[string]int{}
	for _, in := range inputs {
		if _, archived := hourOf(in.path); !archived {
			loose[in.folder]++
		}
	}
	var groups []group
	archive := 0 // where the neighbours in the archive layout begin among groups
	folder := "" // that the last group is of
	for _, in := range inputs {
		path := in.path
		hour, archived := hourOf(path)
		if !archived {
			if in.folder != "" && in.folder == folder && loose[folder] <= mergedAtMost {
				last := &groups[len(groups)-1]
				last.paths = append(last.paths, path)
				continue
			}
			groups = append(groups, group{paths: []string{path}})
			archive, folder = len(groups), in.folder
			continue
		}
		folder = ""
		i, known := slices.BinarySearchFunc(groups[archive:], hour, func(g group, hour time.Time) int { return g.hour.Compare(hour) })
		i += archive
		if !known {
			groups = slices.Insert(groups, i, group{hour: hour})
		}
		groups[i].paths = append(groups[i].paths, path)
	}
	return groups
}

// archivePath is where Azure Monitor archives an hour of a resource's logs:
// .../resourceId=/SUBSCRIPTIONS/.../y=2026/m=11/d=23/h=09/m=00/PT1H.json.
var archivePath = regexp.MustCompile(`(?i)/y=(\d{4})/m=(\d\d)/d=(\d\d)/h=(\d\d)/m=\d\d/[^/]*$`)

// hourOf is the hour that a file in Azure's archive layout is about.
func hourOf(path string) (time.Time, bool) {
	match := archivePath.FindStringSubmatch("/" + filepath.ToSlash(path))
	if match == nil {
		return time.Time{}, false
	}
	hour, err := time.Parse("2006-01-02-15", strings.Join(match[1:], "-"))
	return hour, err == nil
}
