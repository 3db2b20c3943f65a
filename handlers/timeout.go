package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// timeoutSetting is the app setting that takes the place of host.json's functionTimeout.
const timeoutSetting = "AzureFunctionsJobHost__functionTimeout"

// Timeout returns how long the host lets a function run before it kills the
// process: the functionTimeout of host.json in root, which is the working
// directory of a process that the host started, or of the app setting that
// takes its place. The plan's default does not count: it must be written down.
func Timeout(root fs.FS, getenv func(string) string) (time.Duration, error) {
	if setting := getenv(timeoutSetting); setting != "" {
		timeout, err := parseSpan(setting)
		if err != nil {
			return 0, fmt.Errorf("handlers: app setting %s: %w", timeoutSetting, err)
		}
		return timeout, nil
	}
	text, err := fs.ReadFile(root, "host.json")
	if err != nil {
		return 0, fmt.Errorf("handlers: the host starts this program in the folder of its package: %w", err)
	}
	var host struct {
		FunctionTimeout string `json:"functionTimeout"`
	}
	if err := json.Unmarshal(text, &host); err != nil {
		return 0, fmt.Errorf("handlers: host.json: %w", err)
	}
	timeout, err := parseSpan(host.FunctionTimeout)
	if err != nil {
		return 0, fmt.Errorf("handlers: functionTimeout of host.json: %w", err)
	}
	return timeout, nil
}

// parseSpan reads a TimeSpan of .NET, hh:mm:ss.
func parseSpan(s string) (time.Duration, error) {
	t, err := time.Parse(time.TimeOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%.40q is no time of less than a day in the form hh:mm:ss", s)
	}
	return t.Sub(t.Truncate(24 * time.Hour)), nil
}

// deadlineBefore is the deadline of a function before the host's: three
// quarters of it, so that a failure costs one invocation and not the process.
func deadlineBefore(timeout time.Duration) (time.Duration, error) {
	if timeout < time.Minute {
		return 0, errors.New("handlers: functionTimeout is unknown or under a minute: write at least 00:01:00 into host.json")
	}
	return timeout * 3 / 4, nil
}
