package cosmosemulator

import (
	"encoding/json"
	"strconv"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

func (s *Server) offerHandlers(feed bool) map[string]func(*call) (*answer, error) {
	if feed {
		return map[string]func(*call) (*answer, error){"List": s.listOffers, "Query": s.listOffers}
	}
	return map[string]func(*call) (*answer, error){"Read": s.readOffer, "Replace": s.replaceOffer}
}

// autoscale are the settings as they stand in the header and in an offer.
type autoscale struct {
	MaxThroughput int             `json:"maxThroughput"`
	Upgrade       json.RawMessage `json:"autoUpgradePolicy"`
}

// throughput reads what a database or container is created with; nil is nothing.
func (c *call) throughput() (*store.Throughput, error) {
	manual, auto := c.header("x-ms-offer-throughput"), c.header("x-ms-cosmos-offer-autopilot-settings")
	var t store.Throughput
	switch {
	case manual == "" && auto == "":
		return nil, nil
	case manual != "" && auto != "":
		return nil, store.Refuse(400, 0, "Manual and autoscale throughput cannot be given together.")
	case manual != "":
		n, err := strconv.Atoi(manual)
		if err != nil {
			return nil, store.Refuse(400, 0, "x-ms-offer-throughput %.40q is no number.", manual)
		}
		t.Manual = n
	default:
		var settings autoscale
		if json.Unmarshal([]byte(auto), &settings) != nil || settings.MaxThroughput == 0 {
			return nil, store.Refuse(400, 0, "The autoscale settings cannot be read.")
		}
		t.AutoscaleMax, t.Upgrade = settings.MaxThroughput, settings.Upgrade
	}
	return &t, t.Check()
}

func (s *Server) listOffers(c *call) (*answer, error) {
	var all [][]byte
	for _, o := range s.store.Offers() {
		all = append(all, o.JSON())
	}
	return c.list("", "Offers", all)
}

func offerAnswer(o *store.Offer) *answer {
	a := resource(200, o.ETag, o.JSON())
	a.set("x-ms-offer-replace-pending", "false")
	a.set("x-ms-cosmos-min-throughput", "400")
	return a
}

func (s *Server) readOffer(c *call) (*answer, error) {
	o, err := s.store.Offer(c.item)
	if err != nil {
		return nil, err
	}
	return offerAnswer(o), nil
}

func (s *Server) replaceOffer(c *call) (*answer, error) {
	body, err := c.body(maxMetadata)
	if err != nil {
		return nil, err
	}
	var wanted struct {
		Content struct {
			Throughput int        `json:"offerThroughput"`
			Autoscale  *autoscale `json:"offerAutopilotSettings"`
		} `json:"content"`
	}
	if json.Unmarshal(body, &wanted) != nil {
		return nil, store.Refuse(400, 0, "The request payload is invalid. Ensure to provide a valid request payload.")
	}
	t := store.Throughput{Manual: wanted.Content.Throughput}
	if a := wanted.Content.Autoscale; a != nil {
		t = store.Throughput{AutoscaleMax: a.MaxThroughput, Upgrade: a.Upgrade}
	}
	o, err := s.store.ReplaceOffer(c.item, t, c.header("If-Match"))
	if err != nil {
		return nil, err
	}
	return offerAnswer(o), nil
}
