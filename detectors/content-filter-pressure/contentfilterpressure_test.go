package contentfilterpressure

import (
	"slices"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	// page is two weeks of a program that forty users call, and one of them is refused now and then.
	page := func(s *detectortest.Script) {
		users := make([]detectors.Network, 40)
		for i := range users {
			users[i] = detectortest.User(i)
		}
		s.Always(0, 14, 40, users...)
		for day := range 14 {
			s.Burst(detectortest.Refused(detectortest.At(day, 12, 0), detectortest.User(day), badRequest), 2, detectors.Hour)
		}
	}
	// refused is so many requests of user 7, most of them refused, each of another size or all alike.
	refused := func(s *detectortest.Script, n int, grows int64) {
		for i := range n {
			c := detectortest.Refused(detectortest.At(14, 10, i), detectortest.User(7), badRequest)
			c.RequestBytes = 900 + grows*int64(i)
			s.Call(c)
			if i%3 == 0 {
				s.Call(detectortest.Chat(detectortest.At(14, 10, i)+detectors.Second, detectortest.User(7)))
			}
			s.Call(detectortest.Chat(detectortest.At(14, 10, i)+2*detectors.Second, detectortest.User(i%7)))
		}
	}
	detectortest.Accept(t, Detector, slices.Concat(detectortest.Refusals(badRequest), []detectortest.Scenario{
		{Name: "one_user_of_a_page_pushes", Below: 3, Play: func(s *detectortest.Script) {
			page(s)
			s.Fires(12, func() { refused(s, 40, 37) })
		}},
		{Name: "one_user_sends_the_same_request_again_and_again", Below: 8, Play: func(s *detectortest.Script) {
			page(s)
			refused(s, 40, 0)
		}},
		{Name: "all_users_are_refused_by_a_release", Below: 8, Play: func(s *detectortest.Script) {
			page(s)
			for i := range 24 {
				c := detectortest.Refused(detectortest.At(14, 10, i), detectortest.User(i%7), badRequest)
				c.RequestBytes = 900 + 37*int64(i)
				s.Call(c)
			}
		}},
	})...)
}

func TestLines_keep_those_refused_most(t *testing.T) {
	var l lines
	call := func(minute, user int, refused bool) *line {
		c := detectortest.Chat(detectortest.At(0, 0, minute), detectortest.User(user))
		c.RequestBytes = int64(minute)
		return l.add(&c, refused)
	}
	if call(0, 0, false) != nil {
		t.Error("a network that was never refused has a line")
	}
	for minute := range 20 {
		call(minute, 1, true)
	}
	for user := range 30 {
		call(30+user, 100+user, true)
	}
	of := call(70, 1, false)
	if of == nil || of.Refused != 20 || of.Calls != 21 {
		t.Fatalf("line %+v, want 20 of 21 calls refused", of)
	}
	if n := of.sizes(); n < 15 || n > 20 {
		t.Errorf("%v sizes, want about 20", n)
	}
	if of := call(24*60+1, 1, true); of == nil || of.Refused != 1 {
		t.Errorf("line %+v a day later, want a new one", of)
	}
}
