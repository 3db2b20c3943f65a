package detectortest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
)

// Start is when scenarios begin: Monday 2026-01-05, 00:00 UTC.
const Start = 20458 * detectors.Day

// At is a time in a scenario: of a day (0 for the first), at an hour and a minute.
func At(day, hour, minute int) detectors.Time {
	return Start + detectors.Time(day)*detectors.Day + detectors.Time(hour)*detectors.Hour + detectors.Time(minute)*detectors.Minute
}

// Networks to call from.
var (
	Office = network([4]byte{198, 51, 100}, 64500, "DE", detectors.Business)
	Home   = network([4]byte{203, 0, 113}, 64501, "DE", detectors.Residential)
)

// Backend is the i-th /24 of a cloud that the principal's own programs run in.
func Backend(i int) detectors.Network {
	return network([4]byte{10, 20, byte(i)}, 64510, "DE", detectors.Azure)
}

// User is the network of the i-th user of a program that runs at its users'.
func User(i int) detectors.Network {
	country := string([]byte{byte('A' + i%7), byte('A' + i%3)})
	return network([4]byte{11, byte(i >> 8), byte(i)}, uint32(64600+i%40), country, detectors.Residential)
}

// Rented is the i-th network of an attacker: servers for rent, each at another company and in another country.
func Rented(i int) detectors.Network {
	country := string([]byte{byte('J' + i%9), byte('A' + i%23)})
	return network([4]byte{byte(12 + i>>16), byte(i >> 8), byte(i)}, uint32(65000+i), country, detectors.Hosting)
}

func network(address [4]byte, asn uint32, country string, kind detectors.NetworkKind) detectors.Network {
	a := netip.AddrFrom4(address)
	return detectors.Network{
		Prefix: netip.PrefixFrom(a, 24), Address: a.Next(), Country: detectors.Country{country[0], country[1]},
		ASN: asn, Organization: fmt.Sprintf("Organisation %d", asn), Kind: kind,
	}
}

// Chat is an ordinary chat call.
func Chat(t detectors.Time, from detectors.Network) detectors.Call {
	return detectors.Call{
		Time: t, DurationMs: 2100, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat,
		Model: "gpt-4o", Deployment: "gpt-4o", Client: detectors.Client{APIVersion: "2024-10-21", Stream: detectors.NonStreaming},
		RequestBytes: 3400, ResponseBytes: 1300, Tokens: detectors.Tokens{Prompt: 780, Completion: 150, Known: true}, From: from,
	}
}

// Image is an ordinary call that asks for an image.
func Image(t detectors.Time, from detectors.Network) detectors.Call {
	c := Chat(t, from)
	c.Operation, c.Class, c.Model, c.Deployment = "ImageGenerations_Create", detectors.ClassImage, "dall-e-3", "dall-e-3"
	c.Tokens, c.Images = detectors.Tokens{}, 1
	return c
}

// Check is the call with which a thief tries a key: next to nothing, with an api-version of long ago.
func Check(t detectors.Time, from detectors.Network) detectors.Call {
	c := Chat(t, from)
	c.Client.APIVersion, c.RequestBytes, c.ResponseBytes = "2023-09-01-preview", 73, 640
	c.Tokens = detectors.Tokens{Prompt: 8, Completion: 1, Known: true}
	return c
}

// Deed is an act on the resource, by somebody, through the portal where it is one of its people's.
func Deed(t detectors.Time, operation, actor string, from detectors.Network) detectors.Act {
	a := detectors.Act{
		Time: t, Operation: operation, Succeeded: true, Actor: detectors.Actor{ObjectID: actor}, From: from,
		Target: "/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/a",
	}
	if from.Kind == detectors.Business {
		a.Actor.AppID = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
	}
	return a
}

// Administered plays an act of the owner's administrator, from the office, on every n-th working day.
func (s *Script) Administered(first, last, n int, operation string) {
	for day := first; day < last; day += n {
		if day%7 < 5 {
			s.Act(Deed(At(day, 10, 30), operation, "admin", Office))
		}
	}
}

// Working plays the working days from the first day until before the last, with
// about so many calls in each hour from 8 to 17 UTC, from networks in turn.
func (s *Script) Working(first, last, perHour int, from ...detectors.Network) {
	for day := first; day < last; day++ {
		if day%7 < 5 {
			s.hours(day, 8, 17, perHour, from)
		}
	}
}

// Always is Working at all hours of all days.
func (s *Script) Always(first, last, perHour int, from ...detectors.Network) {
	for day := first; day < last; day++ {
		s.hours(day, 0, 24, perHour, from)
	}
}

func (s *Script) hours(day, from, until, perHour int, networks []detectors.Network) {
	r := rand.New(rand.NewPCG(uint64(day), 1))
	for hour := from; hour < until; hour++ {
		n := perHour/2 + r.IntN(perHour+1)
		for i := range n {
			s.Call(Chat(At(day, hour, 0)+detectors.Hour*detectors.Time(i)/detectors.Time(n), networks[r.IntN(len(networks))]))
		}
	}
}

// Burst plays n calls like call, evenly over a length of time.
func (s *Script) Burst(call detectors.Call, n int, length detectors.Time) {
	start := call.Time
	for i := range n {
		call.Time = start + length*detectors.Time(i)/detectors.Time(n)
		s.Call(call)
	}
}
