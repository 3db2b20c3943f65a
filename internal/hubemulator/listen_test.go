package hubemulator_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// listen serves on a port, until the test ends.
func listen(t *testing.T, server *hubemulator.Server, config *tls.Config) net.Addr {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr()
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, hubemulator.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return address
}

// certificate is one for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "emulator"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// exchange sends and receives an event with clients of a connection string.
func exchange(t *testing.T, connection string, producing *azeventhubs.ProducerClientOptions, consuming *azeventhubs.ConsumerClientOptions) {
	t.Helper()
	producer, err := azeventhubs.NewProducerClientFromConnectionString(connection, "", producing)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close(context.Background()) //nolint:errcheck // a test's
	send(t, producer, to("0"), "hello")
	consumer, err := azeventhubs.NewConsumerClientFromConnectionString(connection, "", broker.DefaultGroup, consuming)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close(context.Background()) //nolint:errcheck // a test's
	if diff := cmp.Diff([]string{"hello"}, receive(t, newReader(t, consumer, "0", earliest), 1)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

var rootKey = hubemulator.Key{Name: hubemulator.RootKeyName, Value: hubemulator.RootKeyValue}

func TestOnAPort(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	address := listen(t, server, nil)
	exchange(t, hubemulator.DevelopmentConnectionString(address.String(), rootKey, "hub"), nil, nil)
}

func TestOverTLS(t *testing.T) {
	own, trusted := certificate(t)
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	address := listen(t, server, &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12})
	config := &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	exchange(t, hubemulator.ConnectionString(address.String(), rootKey, "hub"),
		&azeventhubs.ProducerClientOptions{TLSConfig: config}, &azeventhubs.ConsumerClientOptions{TLSConfig: config})
}

// Websockets come over the port of AMQP.
func TestOverWebsockets(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	address := listen(t, server, nil)
	dial := func(ctx context.Context, _ azeventhubs.WebSocketConnParams) (net.Conn, error) {
		ws, _, err := websocket.Dial(ctx, "ws://"+address.String()+"/$servicebus/websocket", &websocket.DialOptions{Subprotocols: []string{"amqp"}})
		if err != nil {
			return nil, err
		}
		return websocket.NetConn(context.Background(), ws, websocket.MessageBinary), nil
	}
	exchange(t, server.ConnectionString("hub"),
		&azeventhubs.ProducerClientOptions{NewWebSocketConn: dial}, &azeventhubs.ConsumerClientOptions{NewWebSocketConn: dial})
}

func TestHTTPElsewhereIsNotFound(t *testing.T) {
	server := newServer(t, hubemulator.Config{})
	response, err := http.Get("http://" + listen(t, server, nil).String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", response.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestServeAfterClose(t *testing.T) {
	server, err := hubemulator.New(hubemulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // a test's
	if err := server.Serve(listener); !errors.Is(err, hubemulator.ErrServerClosed) {
		t.Errorf("%v", err)
	}
}
