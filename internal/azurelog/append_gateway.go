package azurelog

import (
	"net/url"
	"strconv"

	"github.com/keywarden/keywarden/detectors"
)

// gatewayCall writes a GatewayLogs record.
func (w *writer) gatewayCall(f *Fragment) {
	c := &f.Call
	w.head(f, f.Resource, "Microsoft.ApiManagement/GatewayLogs")
	w.text("category", "GatewayLogs")
	w.text("resultType", map[bool]string{false: "Succeeded", true: "Failed"}[c.Failed()])
	w.duration(c.DurationMs)
	w.properties()
	w.text("method", "POST")
	w.some("operationId", c.Operation)
	if c.Status != 0 {
		w.number("responseCode", int64(c.Status))
	}
	w.count("requestSize", c.RequestBytes)
	w.count("responseSize", c.ResponseBytes)
	w.some("apimSubscriptionId", f.Subscription)
	if target := gatewayTarget(f); f.Backend != "" {
		w.text("backendUrl", "https://"+f.Backend+".openai.azure.com"+target)
	} else {
		w.text("url", "https://gateway.azure-api.net"+target)
	}
	if c.Client.UserAgent != "" {
		w.key("requestHeaders")
		w.open()
		w.text("User-Agent", c.Client.UserAgent)
		w.close()
	}
	if c.Filtered {
		w.text("responseBody", `{"error":{"code":"content_filter","message":"The response was filtered","status":400}}`)
	}
	w.endProperties()
	w.close()
}

// gatewayTarget is the path and query of the call.
func gatewayTarget(f *Fragment) string {
	path := "/openai"
	if f.Call.Deployment != "" {
		path += "/deployments/" + url.PathEscape(f.Call.Deployment)
	}
	switch f.Call.Class {
	case detectors.ClassChat:
		path += "/chat/completions"
	case detectors.ClassEmbedding:
		path += "/embeddings"
	case detectors.ClassImage:
		path += "/images/generations"
	case detectors.ClassAudio:
		path += "/audio/transcriptions"
	}
	if f.Call.Client.APIVersion != "" {
		path += "?api-version=" + f.Call.Client.APIVersion
	}
	return path
}

// llm writes a GatewayLlmLogs record.
func (w *writer) llm(f *Fragment) {
	c := &f.Call
	w.head(f, f.Resource, "Microsoft.ApiManagement/GatewayLlmLogs")
	w.text("category", "GatewayLlmLogs")
	w.properties()
	w.some("apiVersion", c.Client.APIVersion)
	w.text("deploymentName", c.Deployment)
	w.some("modelName", c.Model)
	w.some("operationName", c.Operation)
	if c.Client.Stream != detectors.StreamUnknown {
		w.key("isStreamCompletion")
		w.buf = strconv.AppendBool(w.buf, c.Client.Stream == detectors.Streaming)
	}
	if c.Tokens.Known {
		w.number("promptTokens", c.Tokens.Prompt)
		w.number("completionTokens", c.Tokens.Completion)
		w.number("totalTokens", c.Tokens.Total())
	}
	w.endProperties()
	w.close()
}

// event writes an AI gateway's own event.
func (w *writer) event(f *Fragment) {
	c := &f.Call
	w.open()
	if f.Correlation != (Correlation{}) {
		w.text("id", guid(f.Correlation))
	}
	w.text("timestamp", azureTime(f.Logged))
	w.some("subscriptionId", f.Subscription)
	w.some("model", c.Model)
	w.text("gatewayName", f.Resource[min(len(f.Resource), len(customPrefix)):])
	w.some("RequestIp", w.address(f.Address, f.Bits))
	w.text("operationName", c.Operation)
	w.some("deploymentName", c.Deployment)
	if t := c.Tokens; t.Known {
		w.text("promptTokens", strconv.FormatInt(t.Prompt, 10))
		w.text("responseTokens", strconv.FormatInt(t.Completion, 10))
		w.text("totalTokens", strconv.FormatInt(t.Total(), 10))
	}
	w.close()
}

// audit writes an account's Audit record.
func (w *writer) audit(f *Fragment) {
	operation := f.Act.Operation
	for name, known := range auditOperations {
		if known == operation && name[len(name)-1] == 'y' {
			operation = name
		}
	}
	w.head(f, f.Act.Target, operation)
	w.text("category", "Audit")
	w.properties()
	w.text("objectId", f.Act.Actor.ObjectID)
	w.endProperties()
	w.close()
}
