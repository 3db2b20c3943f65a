package cosmos

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// span is the years that are known to have incidents; with "" none is known.
type span struct{ first, last string }

// years are all years from the first to the last that has incidents, the latest
// first. The service does not tell which partitions there are, so it is asked
// for incidents of other years than the known ones.
func (c *Client) years(ctx context.Context) ([]string, error) {
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	for {
		year, err := c.otherYear(ctx, known)
		if err != nil {
			return nil, err
		}
		if year == "" {
			break
		}
		if known.first == "" {
			known = span{year, year}
		}
		known.first, known.last = min(known.first, year), max(known.last, year)
	}
	c.mu.Lock()
	c.known = known
	c.mu.Unlock()
	return known.list(), nil
}

// otherYear is a year with incidents that is outside the span; "" where there is none.
func (c *Client) otherYear(ctx context.Context, known span) (string, error) {
	options := &azcosmos.QueryOptions{PageSizeHint: 1}
	query := "SELECT VALUE c.year FROM c"
	if known.first != "" {
		query += " WHERE c.year < @first OR c.year > @last"
		options.QueryParameters = []azcosmos.QueryParameter{{Name: "@first", Value: known.first}, {Name: "@last", Value: known.last}}
	}
	pages := c.containers[IncidentsContainer].NewQueryItemsPager(query, azcosmos.NewPartitionKey(), options)
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", wrap("query "+IncidentsContainer, err)
		}
		for _, item := range page.Items {
			var year string
			if err := json.Unmarshal(item, &year); err != nil || !fourDigits.MatchString(year) {
				return "", fmt.Errorf("cosmos: an incident's year is %.20s: it must have four digits", item)
			}
			return year, nil
		}
	}
	return "", nil
}

var fourDigits = regexp.MustCompile(`^[0-9]{4}$`)

func (s span) list() []string {
	var years []string
	for year := s.last; year != "" && year >= s.first; year = before(year) {
		years = append(years, year)
	}
	return years
}

// before is the year before a year.
func before(year string) string {
	n, _ := strconv.Atoi(year) // it has four digits
	return fmt.Sprintf("%04d", n-1)
}
