package cosmosemulator_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// clock is a time that only moves when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestTTL(t *testing.T) {
	tests := []struct {
		name      string
		container int32 // 0 is off
		item      any   // nil is none
		lives     int   // seconds, -1 for ever
	}{
		{"off", 0, nil, -1},
		{"off_whatever_the_item_says", 0, 5, -1},
		{"on_without_a_default", -1, nil, -1},
		{"on_without_a_default_the_item_says", -1, 5, 5},
		{"default", 10, nil, 10},
		{"the_item_is_longer", 10, 20, 20},
		{"the_item_is_for_ever", 10, -1, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			time0 := newClock()
			a := newAccount(t, cosmosemulator.Config{Clock: time0.now})
			properties := byPK("c")
			if test.container != 0 {
				properties.DefaultTimeToLive = &test.container
			}
			c := a.container(t, properties)
			if test.item == nil {
				create(t, c, "1", "p")
			} else {
				create(t, c, "1", "p", "ttl", test.item)
			}
			if test.lives < 0 {
				time0.pass(100 * 365 * 24 * time.Hour)
				if read(t, c, "1", "p") == nil {
					t.Error("it has expired")
				}
				return
			}
			time0.pass(time.Duration(test.lives)*time.Second - 1)
			if read(t, c, "1", "p") == nil {
				t.Fatal("it has expired a nanosecond early")
			}
			time0.pass(1)
			if read(t, c, "1", "p") != nil {
				t.Fatal("it has not expired")
			}
			if _, err := c.ReplaceItem(t.Context(), pk("p"), "1", item("1", "p"), nil); status(err) != 404 {
				t.Errorf("replacing what has expired: %v, want 404", err)
			}
			create(t, c, "1", "p")
		})
	}
}

func TestTTL_starts_again_with_every_write(t *testing.T) {
	time0, ten := newClock(), int32(10)
	a := newAccount(t, cosmosemulator.Config{Clock: time0.now})
	properties := byPK("c")
	properties.DefaultTimeToLive = &ten
	c := a.container(t, properties)
	create(t, c, "1", "p")
	for range 5 {
		time0.pass(9 * time.Second)
		if _, err := c.PatchItem(t.Context(), pk("p"), "1", setPatch("/a", 1), nil); err != nil {
			t.Fatal(err)
		}
	}
	time0.pass(10 * time.Second)
	if read(t, c, "1", "p") != nil {
		t.Error("it has not expired")
	}
}

func TestTTL_frees_memory(t *testing.T) {
	time0, ten := newClock(), int32(10)
	a := newAccount(t, cosmosemulator.Config{Clock: time0.now})
	properties := byPK("c")
	properties.DefaultTimeToLive = &ten
	c := a.container(t, properties)
	for i := range 5_000 {
		create(t, c, fmt.Sprint(i), "p")
		time0.pass(100 * time.Millisecond)
	}
	if n := len(feedOf(t, c, nil)); n > 101 {
		t.Errorf("%d items are in the change feed, at most 101 live", n)
	}
	read, err := c.Read(t.Context(), nil)
	if err != nil || *read.ContainerProperties.DefaultTimeToLive != ten {
		t.Errorf("the container's time to live is %v, %v", read.ContainerProperties, err)
	}
}
