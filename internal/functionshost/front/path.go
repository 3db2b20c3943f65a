package front

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// requestPath is the path as the client wrote it.
func requestPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if i := strings.Index(path, "://"); i > 0 { // absolute form
		path = path[i+3:]
		if i := strings.IndexByte(path, '/'); i >= 0 {
			return path[i:]
		}
		return "/"
	}
	return path
}

// clean decodes a path as Kestrel does: everything but %2F, then dot segments
// are resolved. ok is false where it is no path.
func clean(path string) (cleaned string, ok bool) {
	if !strings.HasPrefix(path, "/") {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(path) || unhex(path[i+1]) < 0 || unhex(path[i+2]) < 0 {
			b.WriteByte(c) // stays as it is
			continue
		}
		switch decoded := byte(unhex(path[i+1])<<4 | unhex(path[i+2])); decoded {
		case 0:
			return "", false
		case '/':
			b.WriteString(path[i : i+3])
		default:
			b.WriteByte(decoded)
		}
		i += 2
	}
	text := b.String()
	return resolveDots(text), utf8.ValidString(text)
}

func unhex(c byte) int {
	return strings.IndexByte("0123456789abcdef", c|0x20)
}

func resolveDots(path string) string {
	var kept []string
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".", "..":
			if s == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, s)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// plain is what a path may hold as it is.
const plain = "-._~!$&'()*+,;=:@/"

// escape is a decoded path as the host writes it to the handler: an encoded
// slash is encoded once more.
func escape(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte("0123456789ABCDEF"[c>>4])
		b.WriteByte("0123456789ABCDEF"[c&15])
	}
	return b.String()
}
