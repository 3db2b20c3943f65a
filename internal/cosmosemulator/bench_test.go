package cosmosemulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// BenchmarkItems is of items of 1 KB by eight workers with the SDK's client over a socket, and in process.
func BenchmarkItems(b *testing.B) {
	for _, wire := range []bool{true, false} {
		for _, kind := range []string{"create", "read"} {
			b.Run(fmt.Sprintf("%s_wire_%v", kind, wire), func(b *testing.B) {
				a := newAccount(b, cosmosemulator.Config{})
				if wire {
					a.listen(b)
				}
				c := a.container(b, byPK("c"))
				text := strings.Repeat("x", 900)
				for i := range 1000 {
					create(b, c, fmt.Sprint("r", i), fmt.Sprint(i%100), "text", text)
				}
				var n atomic.Int64
				b.SetParallelism(4) // of two processors
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						i := n.Add(1)
						partition := fmt.Sprint(i % 100)
						var err error
						if kind == "create" {
							_, err = c.CreateItem(b.Context(), pk(partition), item(fmt.Sprint(i), partition, "text", text), nil)
						} else {
							_, err = c.ReadItem(b.Context(), pk(partition), fmt.Sprint("r", i%1000), nil)
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
			})
		}
	}
}

// listen moves an account onto a socket.
func (a *account) listen(t testing.TB) {
	a.endpoint = "http://" + serve(t, a) + "/"
	a.client = a.newClient(t, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}})
}
