package invocation

import (
	"embed"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// The exceptions as the host serialises them, with their stack traces. All
// but timeout.json were captured.
//
//go:embed exception/*.json
var exceptions embed.FS

// Exception is a failure as the next try of the same invocation is told of
// it, in RetryContext: kilobytes of a serialised .NET object, the handler's
// own answer in it.
func Exception(failure error, function, id string) json.RawMessage {
	var (
		status  StatusError
		answer  AnswerError
		media   mediaError
		timeout TimeoutError
	)
	name, values := "dropped.json", map[string]string{}
	switch {
	case errors.As(failure, &status):
		name = "status.json"
		values["{status}"], values["{message}"] = strconv.Itoa(status.Status), status.Error()
	case errors.As(failure, &media):
		name = "media.json"
		values["{message}"], values["{media}"] = failure.Error(), string(media)
	case errors.As(failure, &answer):
		name = "answer.json"
		values["{message}"], values["{cause}"] = answer.Error(), answer.Cause.Error()
	case errors.As(failure, &timeout):
		name = "timeout.json"
		values["{message}"] = timeout.Error()
	}
	text, err := exceptions.ReadFile("exception/" + name)
	if err != nil {
		return nil // it is embedded
	}
	values["{id}"], values["{function}"] = id, function
	var pairs []string
	for placeholder, value := range values {
		quoted := encode(value)
		pairs = append(pairs, placeholder, quoted[1:len(quoted)-1])
	}
	return json.RawMessage(strings.TrimSpace(strings.NewReplacer(pairs...).Replace(string(text))))
}
