package simulate

import (
	"math/rand/v2"

	"github.com/keywarden/keywarden/detectors"
)

// Sizes in tokens. Prompts and answers are log-normals fitted by moments of
// the logarithm to the Azure LLM inference traces of 2023-11-16 (Azure Public
// Dataset, CC-BY 4.0): 19,366 calls of conversations and 8,819 of a coding
// assistant, cut at the largest seen. The others are assumed.
var (
	chatPrompt   = logNormal{mu: 6.633, sigma: 0.985, most: 14050}
	chatAnswer   = logNormal{mu: 5.019, sigma: 0.859, most: 1000}
	codePrompt   = logNormal{mu: 6.999, sigma: 1.360, most: 7437}
	codeAnswer   = logNormal{mu: 2.788, sigma: 0.847, most: 1899}
	embedPrompt  = logNormal{mu: 5.9, sigma: 0.6, most: 8191}
	reportPrompt = logNormal{mu: 8.6, sigma: 0.5, most: 60000}
	reportAnswer = logNormal{mu: 6.6, sigma: 0.4, most: 4096}
	imagePrompt  = logNormal{mu: 4.2, sigma: 0.6, most: 1000}
	audioPrompt  = logNormal{mu: 6.2, sigma: 0.7, most: 4000}
	noAnswer     = logNormal{most: 0}
)

// A gateway counts all bytes that it receives and sends, the headers among
// them (Microsoft's reference of its logs). How many they are is assumed:
// between the least that a client sends and what an SDK and a token take.
const (
	leastHeaders  = 380
	mostHeaders   = 900
	answerHeaders = 450
)

// headers are the bytes of a request's headers, which differ by program.
func headers(c *call) int64 {
	return leastHeaders + int64(hash(c.who.ID+c.Client.APIVersion)%(mostHeaders-leastHeaders))
}

// work is one sort of call that a principal makes.
type work struct {
	operation         string
	class             detectors.Class
	model, deployment string
	prompt, answer    logNormal
	streaming         float64 // share of calls that ask for a stream
	cached            float64 // share of the prompt that is usually cached
	bare              bool    // nothing but the prompt: neither instructions nor tools go with it
}

// call makes a call of w, successful, of drawn size. Time and identity are the caller's to fill in.
func (w *work) call(r *rand.Rand) call {
	var c call
	c.Operation, c.Class, c.Model, c.Deployment = w.operation, w.class, w.model, w.deployment
	c.Status = 200
	c.Client.Stream = detectors.NonStreaming
	prompt, answer := w.prompt.draw(r), int64(0)
	if w.answer.most > 0 {
		answer = w.answer.draw(r)
	}
	if chance(r, w.streaming) {
		c.Client.Stream = detectors.Streaming
	}
	c.sized(prompt, answer)
	if w.bare {
		c.RequestBytes -= instructions
	}
	switch w.class {
	case detectors.ClassImage:
		c.Images = 1
		c.Tokens = detectors.Tokens{}
		c.DurationMs = int64(between(r, 6000, 25000))
		c.ResponseBytes = int64(between(r, 900, 2400)) // the answer holds a link
	case detectors.ClassAudio: // charged by the minute
		c.Tokens = detectors.Tokens{}
		c.RequestBytes *= 1000
		c.DurationMs = int64(between(r, 1500, 40000))
	case detectors.ClassListing:
		c.Tokens = detectors.Tokens{}
		c.RequestBytes = 0
		c.ResponseBytes = int64(between(r, 900, 30000))
		c.DurationMs = int64(between(r, 15, 120))
	default:
		c.DurationMs = int64(between(r, 150, 600)) + answer*int64(between(r, 8, 25))
		if w.cached > 0 && prompt >= 1024 && chance(r, .5) {
			c.Tokens.Cached = int64(float64(prompt)*w.cached) / 128 * 128
		}
	}
	return c
}

// What goes with a prompt, in bytes.
const (
	envelope     = 45  // the fields of the request
	instructions = 195 // the rest of what a program sends along, at the least
)

// sized sets tokens and bytes: about four bytes a token, and a stream wraps each token in an event.
func (c *call) sized(prompt, answer int64) {
	c.Tokens = detectors.Tokens{Prompt: prompt, Completion: answer, Known: true}
	c.RequestBytes = envelope + instructions + prompt*41/10
	c.ResponseBytes = 620 + answer*43/10
	if c.Client.Stream == detectors.Streaming {
		c.ResponseBytes = 900 + answer*310
	}
}

// fail turns c into a refusal: a short answer, nothing consumed.
func (c *call) fail(r *rand.Rand, status int) {
	c.Status = status
	c.Tokens = detectors.Tokens{}
	c.ResponseBytes = int64(between(r, 180, 900))
	c.DurationMs = int64(between(r, 8, 90))
	if status == 404 {
		c.Model = ""
	}
}

func chat(model string, streaming float64) work {
	return work{operation: "ChatCompletions_Create", class: detectors.ClassChat, model: model, deployment: model, prompt: chatPrompt, answer: chatAnswer, streaming: streaming, cached: .5}
}

// hello is what somebody asks who only wants to see whether there is an answer.
func hello(model string) work {
	w := chat(model, 0)
	w.prompt, w.answer, w.bare = logNormal{mu: 2.2, sigma: .2, most: 16}, logNormal{mu: 2.2, sigma: .5, most: 40}, true
	return w
}

func coding(model string) work {
	return work{operation: "ChatCompletions_Create", class: detectors.ClassChat, model: model, deployment: model + "-code", prompt: codePrompt, answer: codeAnswer, streaming: .8, cached: .8}
}

func report(model string) work {
	return work{operation: "ChatCompletions_Create", class: detectors.ClassChat, model: model, deployment: model, prompt: reportPrompt, answer: reportAnswer}
}

func responses(model string) work {
	w := chat(model, .6)
	w.operation = "Create_Response"
	return w
}

func embedding(model string) work {
	return work{operation: "Embeddings_Create", class: detectors.ClassEmbedding, model: model, deployment: model, prompt: embedPrompt, answer: noAnswer}
}

func image(model string) work {
	return work{operation: "ImageGenerations_Create", class: detectors.ClassImage, model: model, deployment: model, prompt: imagePrompt, answer: noAnswer}
}

func transcription() work {
	return work{operation: "Transcriptions_Create", class: detectors.ClassAudio, model: "whisper", deployment: "whisper", prompt: audioPrompt, answer: noAnswer}
}

func listing(operation string) work {
	return work{operation: operation, class: detectors.ClassListing, prompt: logNormal{most: 1}, answer: noAnswer}
}

// apiVersions that benign clients use today.
var apiVersions = []string{"2024-06-01", "2024-10-21", "2024-10-21", "2025-01-01-preview", "2025-04-01-preview", "2024-12-01-preview", "2024-02-01"}

// trialModels are what a developer may try.
var trialModels = []string{"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "o3-mini", "o4-mini", "gpt-5-mini", "gpt-5"}

// successors are what a program may migrate to, by the class of its work.
var successors = map[detectors.Class][]string{
	detectors.ClassChat:      trialModels,
	detectors.ClassEmbedding: {"text-embedding-3-small", "text-embedding-3-large"},
	detectors.ClassImage:     {"dall-e-3", "gpt-image-1"},
}
