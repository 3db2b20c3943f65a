package simulate

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

const (
	// archiveBuffer is how much of a file is held before it is written.
	archiveBuffer = 256 << 10
	// archiveWait is how long after its hour a file may still get rows: longer than any delay.
	archiveWait = (ringMinutes + 60) * detectors.Minute
)

// Archive writes deliveries as Azure Monitor archives them in a storage
// account: a file for each container, resource and hour of the record, one bare
// record a line.
type Archive struct {
	root  string
	files map[archiveKey]*archiveFile
	swept detectors.Time // hour at which finished files were last let go
}

type archiveKey struct {
	category azurelog.Category
	resource string
	hour     detectors.Time
}

type archiveFile struct {
	path    string
	rows    []byte
	created bool
}

var _ Writer = (*Archive)(nil)

// NewArchive writes below the folder root, which should be new: files that are there already are overwritten.
func NewArchive(root string) *Archive {
	return &Archive{root: root, files: map[archiveKey]*archiveFile{}}
}

// Write implements Writer.
func (a *Archive) Write(d Delivery) error {
	if hour := d.At / detectors.Hour; hour != a.swept {
		if err := a.sweep(d.At - archiveWait); err != nil {
			return err
		}
		a.swept = hour
	}
	f := &d.Fragment
	key := archiveKey{f.Category, f.Resource, f.Logged / detectors.Hour * detectors.Hour}
	file, ok := a.files[key]
	if !ok {
		file = &archiveFile{path: filepath.Join(a.root, archivePath(key))}
		a.files[key] = file
	}
	var err error
	if file.rows, err = azurelog.Append(file.rows, f, styleOf(f)); err != nil {
		return err
	}
	file.rows = append(file.rows, '\n')
	if len(file.rows) > archiveBuffer {
		return file.write()
	}
	return nil
}

// Close implements Writer.
func (a *Archive) Close() error { return a.sweep(1 << 62) }

// sweep writes the files of hours before a time, and lets go of them.
func (a *Archive) sweep(before detectors.Time) error {
	var done []archiveKey
	for key := range a.files {
		if key.hour < before {
			done = append(done, key)
		}
	}
	slices.SortFunc(done, func(x, y archiveKey) int { return strings.Compare(a.files[x].path, a.files[y].path) })
	for _, key := range done {
		if err := a.files[key].write(); err != nil {
			return err
		}
		delete(a.files, key)
	}
	return nil
}

// write brings the held rows to disk.
func (f *archiveFile) write() error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if !f.created {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
		if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
			return err
		}
	}
	out, err := os.OpenFile(f.path, flags, 0o644)
	if err != nil {
		return err
	}
	f.created = true
	_, err = out.Write(f.rows)
	f.rows = f.rows[:0]
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// containers are where each category is archived. Gateways' own events are not, in Azure; here they are, beside the others.
var containers = [...]string{
	azurelog.RequestResponse: "insights-logs-requestresponse",
	azurelog.RequestUsage:    "insights-logs-azureopenairequestusage",
	azurelog.Audit:           "insights-logs-audit",
	azurelog.GatewayLogs:     "insights-logs-gatewaylogs",
	azurelog.GatewayLlmLogs:  "insights-logs-gatewayllmlogs",
	azurelog.GatewayEvent:    "gateway-events",
	azurelog.Administrative:  "insights-activity-logs",
}

// archivePath is Azure's layout.
func archivePath(key archiveKey) string {
	resource := strings.ToUpper(strings.Trim(strings.ReplaceAll(key.resource, ":", "/"), "/"))
	t := key.hour.UTC()
	return fmt.Sprintf("%s/resourceId=/%s/y=%04d/m=%02d/d=%02d/h=%02d/m=00/PT1H.json", containers[key.category], resource, t.Year(), t.Month(), t.Day(), t.Hour())
}
