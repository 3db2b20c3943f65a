package writeup

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"svg":  func(c Chart) template.HTML { return template.HTML(c.SVG) }, //nolint:gosec // drawn by our own chart package, which escapes texts
	"code": code,
}).Parse(pageText))

// code is text as HTML: what stands between backticks is code.
func code(text string) template.HTML {
	parts := strings.Split(text, "`")
	var b strings.Builder
	for i, part := range parts {
		escaped := template.HTMLEscapeString(part)
		if i%2 == 1 && i < len(parts)-1 {
			escaped = "<code>" + escaped + "</code>"
		}
		b.WriteString(escaped)
	}
	return template.HTML(b.String()) //nolint:gosec // every part is escaped
}

// HTML is the document as one page that needs nothing else: no script, and no
// style, font or picture from anywhere.
func (d *Document) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, d)
	return b.Bytes(), err
}

// Write writes index.html, which stands alone, and evaluation.md with its
// charts beside it, into a folder that it makes where there is none.
func (d *Document) Write(dir string) error {
	whole, err := d.HTML()
	if err != nil {
		return fmt.Errorf("writeup: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, Folder), 0o755); err != nil {
		return fmt.Errorf("writeup: %w", err)
	}
	errs := []error{
		os.WriteFile(filepath.Join(dir, "index.html"), whole, 0o644),
		os.WriteFile(filepath.Join(dir, "evaluation.md"), []byte(d.Markdown()), 0o644),
	}
	for i := range d.Sections {
		for _, c := range d.Sections[i].Charts {
			errs = append(errs, os.WriteFile(filepath.Join(dir, Folder, c.Name+".svg"), []byte(c.SVG), 0o644))
		}
	}
	return errors.Join(errs...)
}
