package eventhub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/keywarden/keywarden/internal/azurelog"
)

// Sending says how to send logs. The zero Sending is as Azure Monitor does it.
type Sending struct {
	Partition string  // to send all to; the service's choice, one after the other, where ""
	Bytes     int     // of an event, unless one record needs more; 256 KiB where 0
	PerSecond float64 // records at most; as fast as the hub takes them where 0

	Progress func(Sent)            // told after each event; nil where nobody asks
	SetAside func(azurelog.Poison) // told of what the hub cannot take; nil where nobody asks
}

// Sent is what was sent.
type Sent struct {
	Records  int
	Events   int
	Bytes    int64 // of the events
	SetAside int   // that the hub cannot take
}

const (
	eventBytes   = 256 << 10
	envelopeHead = `{"records":[`
	envelopeTail = `]}`
)

// Send sends the records of Blocks in their order, in envelopes as Azure
// Monitor makes them. What is no whole record goes alone, as it stands: so the
// reader sets it aside, and nothing else with it. next is a Scanner's Next. On
// an error, what Sent counts was accepted.
func (h *Hub) Send(ctx context.Context, next func() (azurelog.Block, error), c Sending) (Sent, error) {
	if c.Bytes < 0 || c.PerSecond < 0 {
		return Sent{}, fmt.Errorf("eventhub: send events of %d bytes, %g records a second: it may not be negative", c.Bytes, c.PerSecond)
	}
	setDefault(&c.Bytes, eventBytes)
	s := &sender{Sending: c, hub: h, began: time.Now()}
	for {
		block, err := next()
		if errors.Is(err, io.EOF) {
			return s.sent, s.flush(ctx)
		}
		if err != nil {
			return s.sent, errors.Join(s.flush(ctx), err)
		}
		if block.Skipped != nil {
			s.setAside(*block.Skipped)
		}
		err = s.block(ctx, block)
		block.Release()
		if err != nil {
			return s.sent, err
		}
	}
}

// sender is one Send.
type sender struct {
	Sending
	hub     *Hub
	began   time.Time
	sent    Sent
	event   []byte       // the envelope so far, without its tail; empty where there is none
	records int          // in it
	first   azurelog.Raw // of them, without its Data
}

func (s *sender) block(ctx context.Context, b azurelog.Block) error {
	for raw := range b.Raws() {
		if !raw.Whole {
			if err := s.flush(ctx); err != nil {
				return err
			}
			if err := s.emit(ctx, raw.Data, 1, raw); err != nil {
				return err
			}
			continue
		}
		if len(s.event) > 0 && len(s.event)+len(",")+len(raw.Data)+len(envelopeTail) > s.Bytes {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
		if len(s.event) == 0 {
			s.event, s.first = append(s.event, envelopeHead...), azurelog.Raw{Offset: raw.Offset}
		} else {
			s.event = append(s.event, ',')
		}
		s.event = append(s.event, raw.Data...)
		s.records++
	}
	return nil
}

// flush sends the envelope.
func (s *sender) flush(ctx context.Context) error {
	if len(s.event) == 0 {
		return nil
	}
	err := s.emit(ctx, append(s.event, envelopeTail...), s.records, s.first)
	s.event, s.records = s.event[:0], 0
	return err
}

// emit sends one event, of records of which the first is given. A record that
// is larger than the hub takes is always alone.
func (s *sender) emit(ctx context.Context, body []byte, records int, first azurelog.Raw) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	err := s.hub.send(ctx, s.Partition, body)
	if errors.Is(err, ErrTooLarge) && records == 1 {
		s.setAside(azurelog.Poison{Offset: first.Offset, Length: int64(len(body)), SHA256: sha256.Sum256(body),
			Err: fmt.Errorf("at byte %d: %w", first.Offset, err)})
		return nil
	}
	if err != nil {
		return fmt.Errorf("send the records from byte %d on: %w", first.Offset, err)
	}
	s.sent.Records += records
	s.sent.Events++
	s.sent.Bytes += int64(len(body))
	if s.Progress != nil {
		s.Progress(s.sent)
	}
	return nil
}

// pace waits until what was sent is not too much for the time that has passed.
func (s *sender) pace(ctx context.Context) error {
	if s.PerSecond == 0 {
		return nil
	}
	due := s.began.Add(time.Duration(float64(s.sent.Records) / s.PerSecond * float64(time.Second)))
	if sleep(ctx, time.Until(due)) != nil {
		return s.hub.failed("send", ctx.Err(), errors.New("it waited for its turn"))
	}
	return nil
}

func (s *sender) setAside(p azurelog.Poison) {
	s.sent.SetAside++
	if s.SetAside != nil {
		s.SetAside(p)
	}
}
