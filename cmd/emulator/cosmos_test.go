package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// start runs the program until stop, and returns what it says is ready.
func start(t *testing.T, args ...string) (ready []string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	stderr := &strings.Builder{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, args, in, stderr)
		_ = in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	ready = strings.Fields(line)
	if err != nil || len(ready) < 2 || ready[0] != "ready" {
		t.Fatalf("it says %q, %v, code %d: %s", line, err, <-ended, stderr)
	}
	return ready[1:], func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	}
}

func client(t *testing.T, endpoint string, web *http.Client) *azcosmos.Client {
	t.Helper()
	credential, err := azcosmos.NewKeyCredential(cosmosemulator.EmulatorKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := azcosmos.NewClientWithKey(endpoint, credential, &azcosmos.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: web}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestCosmos_keeps_its_state(t *testing.T) {
	args := []string{"cosmos", "--listen", "127.0.0.1:0", "--state", filepath.Join(t.TempDir(), "state")}
	ready, stop := start(t, args...)
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if _, err := client(t, "http://"+ready[0]+"/", web).CreateDatabase(t.Context(), azcosmos.DatabaseProperties{ID: "keywarden"}, nil); err != nil {
		t.Fatal(err)
	}
	stop()
	ready, stop = start(t, args...)
	defer stop()
	database, err := client(t, "http://"+ready[0]+"/", web).NewDatabase("keywarden")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database.Read(t.Context(), nil); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

func TestCosmos_speaks_TLS_on_both_gateways(t *testing.T) {
	cert, key, roots := certificate(t)
	ready, stop := start(t, "cosmos", "--listen", "localhost:0", "--dedicated", "localhost:0", "--tls-cert", cert, "--tls-key", key)
	defer stop()
	if len(ready) != 2 {
		t.Fatalf("ready are %q, want two", ready)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
	defer transport.CloseIdleConnections()
	_, err := client(t, "https://"+ready[0]+"/", &http.Client{Transport: transport}).CreateDatabase(t.Context(), azcosmos.DatabaseProperties{ID: "keywarden"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	database, err := client(t, "https://"+ready[1]+"/", &http.Client{Transport: transport}).NewDatabase("keywarden")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database.Read(t.Context(), nil); err != nil {
		t.Errorf("by the dedicated gateway: %v", err)
	}
}

// certificate writes a certificate for localhost and its key.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) (file string, text []byte) {
		file, text = filepath.Join(t.TempDir(), name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file, text
	}
	certFile, text := write("cert.pem", "CERTIFICATE", cert)
	keyFile, _ = write("key.pem", "PRIVATE KEY", secret)
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return certFile, keyFile, roots
}

func TestCosmos_refuses(t *testing.T) {
	ready, stop := start(t, "cosmos", "--listen", "127.0.0.1:0")
	defer stop()
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no_address":          {[]string{"cosmos"}, exitUsage, "--listen"},
		"key_without_cert":    {[]string{"cosmos", "--listen", "localhost:0", "--tls-key", "k"}, exitUsage, "given together"},
		"missing_certificate": {[]string{"cosmos", "--listen", "localhost:0", "--tls-key", "k", "--tls-cert", "c"}, exitFailure, "load the certificate"},
		"address_taken":       {[]string{"cosmos", "--listen", ready[0]}, exitFailure, "listen on"},
		"dedicated_taken":     {[]string{"cosmos", "--listen", "127.0.0.1:0", "--dedicated", ready[0]}, exitFailure, "listen on"},
		"state_is_a_file":     {[]string{"cosmos", "--listen", "127.0.0.1:0", "--state", "/dev/null/x"}, exitFailure, "open the state"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if code := run(t.Context(), test.args, &stdout, &stderr); code != test.code || !strings.Contains(stderr.String(), test.says) || stdout.Len() > 0 {
				t.Errorf("exit code %d, want %d; it says %q %q, want %q", code, test.code, &stdout, &stderr, test.says)
			}
		})
	}
}
