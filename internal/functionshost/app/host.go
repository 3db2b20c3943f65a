package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Host is what host.json says, with the host's defaults where it is silent.
type Host struct {
	Executable      string        // the handler, relative to the package
	Arguments       []string      // its arguments
	FunctionTimeout time.Duration // 0 = unlimited
	InitTimeout     time.Duration // how long the handler may take to accept
	RoutePrefix     string        // before each route without a leading slash
	MaxBatch        int           // events of one invocation at most
	CheckpointEvery int           // batches between two checkpoints
	FromEnd         bool          // a partition without checkpoint starts at its end
	Proxying        bool          // HTTP requests reach the handler as they came
}

// hostFile is host.json as far as a custom handler is concerned.
type hostFile struct {
	Version         string  `json:"version"`
	FunctionTimeout *string `json:"functionTimeout"`
	CustomHandler   struct {
		Description struct {
			DefaultExecutablePath string   `json:"defaultExecutablePath"`
			Arguments             []string `json:"arguments"`
		} `json:"description"`
		EnableForwardingHTTPRequest bool   `json:"enableForwardingHttpRequest"`
		EnableProxyingHTTPRequest   bool   `json:"enableProxyingHttpRequest"`
		InitializationTimeout       string `json:"initializationTimeout"`
		HTTP                        struct {
			Routes []json.RawMessage `json:"routes"`
		} `json:"http"`
	} `json:"customHandler"`
	Extensions struct {
		HTTP struct {
			RoutePrefix *string `json:"routePrefix"`
		} `json:"http"`
		EventHubs struct {
			MaxEventBatchSize        int `json:"maxEventBatchSize"`
			BatchCheckpointFrequency int `json:"batchCheckpointFrequency"`
			InitialOffsetOptions     struct {
				Type string `json:"type"`
			} `json:"initialOffsetOptions"`
		} `json:"eventHubs"`
	} `json:"extensions"`
}

// parseHost reads host.json.
func parseHost(text []byte) (Host, error) {
	var file hostFile
	if err := json.Unmarshal(text, &file); err != nil {
		return Host{}, err
	}
	handler := file.CustomHandler
	switch {
	case file.Version != "2.0":
		return Host{}, fmt.Errorf(`version is %q, want "2.0"`, file.Version)
	case handler.Description.DefaultExecutablePath == "":
		return Host{}, errors.New("customHandler.description.defaultExecutablePath is missing")
	case len(handler.HTTP.Routes) > 0:
		return Host{}, errors.New("customHandler.http.routes: with any function.json beside it the host never starts; remove it")
	case handler.EnableForwardingHTTPRequest:
		return Host{}, errors.New("customHandler.enableForwardingHttpRequest buffers answers and rewrites queries and is not stood in for; use enableProxyingHttpRequest")
	}
	h := Host{
		Executable:      strings.TrimPrefix(handler.Description.DefaultExecutablePath, "./"),
		Arguments:       handler.Description.Arguments,
		FunctionTimeout: 30 * time.Minute,
		InitTimeout:     30 * time.Second,
		RoutePrefix:     "api",
		MaxBatch:        orDefault(file.Extensions.EventHubs.MaxEventBatchSize, 100),
		CheckpointEvery: orDefault(file.Extensions.EventHubs.BatchCheckpointFrequency, 1),
		FromEnd:         strings.EqualFold(file.Extensions.EventHubs.InitialOffsetOptions.Type, "fromEnd"),
		Proxying:        handler.EnableProxyingHTTPRequest,
	}
	if prefix := file.Extensions.HTTP.RoutePrefix; prefix != nil {
		h.RoutePrefix = strings.Trim(*prefix, "/")
	}
	return h, h.setTimeouts(file.FunctionTimeout, handler.InitializationTimeout)
}

func (h *Host) setTimeouts(function *string, initialization string) error {
	if function != nil {
		d, err := parseSpan(*function)
		if *function == "-1" {
			d, err = 0, nil
		}
		if err != nil {
			return fmt.Errorf("functionTimeout: %w", err)
		}
		h.FunctionTimeout = d
	}
	if initialization != "" {
		d, err := parseSpan(initialization)
		if err != nil {
			return fmt.Errorf("customHandler.initializationTimeout: %w", err)
		}
		h.InitTimeout = d
	}
	return nil
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// parseSpan reads a span of time as .NET writes it: [d.]hh:mm:ss[.fffffff].
func parseSpan(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no span of time like 00:10:00", text)
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return 0, wrong
	}
	var days int64
	if day, hour, ok := strings.Cut(parts[0], "."); ok {
		n, err := strconv.ParseUint(day, 10, 16)
		if err != nil {
			return 0, wrong
		}
		days, parts[0] = int64(n), hour
	}
	hours, err1 := strconv.ParseUint(parts[0], 10, 8)
	minutes, err2 := strconv.ParseUint(parts[1], 10, 8)
	seconds, err3 := strconv.ParseFloat(parts[2], 64)
	if errors.Join(err1, err2, err3) != nil || hours > 23 || minutes > 59 || seconds < 0 || seconds >= 60 {
		return 0, wrong
	}
	return time.Duration(days)*24*time.Hour + time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute +
		time.Duration(seconds*float64(time.Second)), nil
}
