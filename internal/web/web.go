package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

// Incidents is where incidents are read.
type Incidents interface {
	// List answers a query. The error of one that is wrong is an *incident.QueryError.
	List(ctx context.Context, q incident.Query) (incident.Page, error)

	// Get returns an incident with its evidence, or incident.ErrNotFound.
	Get(ctx context.Context, id string) (*incident.Incident, error)
}

// Progress is where the progress of functions is read.
type Progress interface {
	AllProgress(ctx context.Context) ([]engine.Progress, error)
}

// Reader is the role that may read.
const Reader = "Keywarden.Reader"

// Identity is who a request is from.
type Identity struct {
	ID    string   // the object id in Entra, for instance
	Name  string   // for people; "" where it is unknown
	Roles []string // as an administrator gave them
}

// ErrUnauthenticated says that a request does not prove who it is from. What
// wraps it says why, in words that the client sees.
var ErrUnauthenticated = errors.New("the request does not prove who it is from")

// Config is what the API is made of. All but Expected are required.
type Config struct {
	Incidents Incidents
	Progress  Progress

	// Authorize tells who a request is from. Its error is ErrUnauthenticated,
	// wrapped, or something that failed inside.
	Authorize func(*http.Request) (Identity, error)

	Expected []string         // the functions that are to run, as engine.HealthOf has them
	Now      func() time.Time // the clock that health goes by
	Log      *slog.Logger
}

// server answers requests.
type server struct {
	Config
	checked checked
}

// New returns the handler of all below /api/, or says what is missing.
func New(c Config) (http.Handler, error) {
	switch {
	case c.Incidents == nil:
		return nil, errors.New("web: nowhere to read incidents: pass a cosmos.Client or a sqlite.Store")
	case c.Progress == nil:
		return nil, errors.New("web: nowhere to read the progress of functions: pass a cosmos.Client or a sqlite.Store")
	case c.Authorize == nil:
		return nil, errors.New("web: no rule of who may ask: pass one, such as access.Loopback")
	case c.Now == nil:
		return nil, errors.New("web: no clock: pass time.Now")
	case c.Log == nil:
		return nil, errors.New("web: no log: pass that of logs.New")
	}
	return &server{Config: c}, nil
}
