package main

import "runtime/debug"

// version is the version that the binary was built from: a release's tag, or
// what the Go tool knows of the commit.
func version() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "keywarden (unknown version)"
	}
	return "keywarden " + build.Main.Version + " (" + build.GoVersion + ")"
}
