package azurelog

import (
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

// rule says that a name with a part of it is of a class; the first that fits counts.
type rule struct {
	class detectors.Class
	parts []string
}

// operationRules know the operations' names, the sentences of 2023 and API
// Management's paths, all in lower case. Videos are images: like them they are
// dear, and resold.
var operationRules = []rule{
	{detectors.ClassListing, []string{"models_list", "models_get", "deployments_list", "deployments_get", "list_models", "get_model", "list_deployments", "get_deployment"}},
	{detectors.ClassManagement, []string{"deployments_", "vector_store", "file", "finetun", "fine_tun", "fine-tun", "batch_", "batches", "upload"}},
	{detectors.ClassEmbedding, []string{"embedding", "vector representation"}},
	{detectors.ClassImage, []string{"image", "video"}},
	{detectors.ClassAudio, []string{"transcri", "translation", "speech", "audio", "realtime"}},
	{detectors.ClassManagement, []string{"get_response", "delete_response", "cancel_response", "get_run", "list_run", "cancel_run", "create_message", "get_message", "list_message"}},
	{detectors.ClassChat, []string{"completion", "create_response", "responses_create", "create_run", "thread_and_run", "create_thread_run", "runs_create", "/responses"}},
	{detectors.ClassManagement, []string{"thread", "assistant", "message", "_run", "response", "listkey"}},
}

// modelRules know the models' names, in lower case.
var modelRules = []rule{
	{detectors.ClassEmbedding, []string{"embed", "ada-002"}},
	{detectors.ClassImage, []string{"dall-e", "dalle", "gpt-image", "sora", "flux", "stable-"}},
	{detectors.ClassAudio, []string{"whisper", "tts", "realtime", "audio", "transcribe", "speech"}},
	{detectors.ClassChat, []string{"gpt", "o1", "o3", "o4", "davinci", "codex", "llama", "mistral", "phi-", "deepseek", "grok", "claude", "router", "computer-use"}},
}

// classify is the class that the first fitting rule gives to a name.
func classify(name string, rules []rule) detectors.Class {
	name = strings.ToLower(name)
	for _, r := range rules {
		for _, part := range r.parts {
			if strings.Contains(name, part) {
				return r.class
			}
		}
	}
	return detectors.ClassUnknown
}

// work is what an operation with a model amounts to.
type work struct{ operation, model string }

// class is the class of a work, and whether its operation is known. A chat
// operation with a model of another kind is of that kind: images are made
// through responses, too.
func (w work) class() (class detectors.Class, known bool) {
	class = classify(w.operation, operationRules)
	known = class != detectors.ClassUnknown
	if class == detectors.ClassUnknown || class == detectors.ClassChat {
		if byModel := classify(w.model, modelRules); byModel != detectors.ClassUnknown {
			class = byModel
		}
	}
	return class, known
}

// classified is a work with its class.
type classified struct {
	work
	class detectors.Class
	known bool
}

// classOf is work.class, remembered. An unknown operation is counted.
func (d *Decoder) classOf(operation, model string) detectors.Class {
	w := work{operation, model}
	if d.lastWork.work != w {
		c, ok := d.works[w]
		if !ok {
			c.work = w
			c.class, c.known = w.class()
			if d.works == nil || len(d.works) >= maxWorks {
				d.works = make(map[work]classified)
			}
			d.works[w] = c
		}
		d.lastWork = c
	}
	if !d.lastWork.known {
		d.counts.UnknownOperations.add(operation, 1)
	}
	return d.lastWork.class
}

// maxWorks bounds what classOf remembers.
const maxWorks = 4096
