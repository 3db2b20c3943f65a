package cosmosemulator

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// Session tokens are range:-1#LSN, several with commas between them: what the client has seen of each physical
// partition. The -1 is the version of the partition's replica set, which never changes here.

// setPlace adds the headers that say where and when something was done.
func (c *call) setPlace(a *answer, o store.Outcome) { setRange(a, o.Range, o.LSN) }

func setRange(a *answer, r *store.Range, lsn int64) {
	a.set("x-ms-session-token", fmt.Sprintf("%s:-1#%d", r.ID, lsn))
	a.set("lsn", strconv.FormatInt(lsn, 10))
	a.set("x-ms-documentdb-partitionkeyrangeid", r.ID)
}

// checkSession refuses a read of a physical partition that has not got to where the client's session token is, with
// 404 and sub-status 1002.
func (c *call) checkSession(r *store.Range) error {
	header := c.header("x-ms-session-token")
	if header == "" {
		return nil
	}
	for part := range strings.SplitSeq(header, ",") {
		id, token, ok := strings.Cut(part, ":")
		fields := strings.Split(token, "#")
		if !ok || len(fields) < 2 {
			return badSession(part)
		}
		lsn, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return badSession(part)
		}
		if strings.TrimSpace(id) == r.ID && lsn > r.LSN() {
			return store.Refuse(404, 1002, "The read session is not available for the input session token.")
		}
	}
	return nil
}

func badSession(token string) error {
	return store.Refuse(400, 0, "The session token %.80q is invalid: partition:-1#LSN is expected.", token)
}
