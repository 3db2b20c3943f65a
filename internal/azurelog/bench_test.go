package azurelog

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// requestResponse is a record with properties as a string, of the length that is usual.
func requestResponse(i int) []byte {
	return fmt.Appendf(nil, `{"Tenant":"eastus","callerIpAddress":"203.0.%d.***","category":"RequestResponse","correlationId":"0f0e2a7c-9a4e-4b7d-8a53-%012x","durationMs":1021,"event":"ShoeboxCallResult","location":"eastus","operationName":"ChatCompletions_Create","properties":"{\"apiName\":\"Azure OpenAI API version 2024-10-21\",\"requestTime\":63924336032897%04d,\"requestLength\":1128,\"responseTime\":639243360357359860,\"responseLength\":1411,\"objectId\":\"\",\"streamType\":\"Non-Streaming\",\"modelDeploymentName\":\"gpt-4o-prod\",\"modelName\":\"gpt-4o\",\"modelVersion\":\"2024-11-20\"}","resourceId":"/SUBSCRIPTIONS/11111111-2222-3333-4444-555555555555/RESOURCEGROUPS/RG-PROD/PROVIDERS/MICROSOFT.COGNITIVESERVICES/ACCOUNTS/AOAI-%d","resultSignature":"200","time":"2026-09-07T00:00:35.5248890Z"}`,
		i%256, i, i%10000, i%5000)
}

// repeated is n records, each followed by end.
func repeated(n int, end string, record func(int) []byte) []byte {
	var b []byte
	for i := range n {
		b = append(append(b, record(i)...), end...)
	}
	return b
}

func benchmarkDecode(b *testing.B, data []byte, records int) {
	d := NewDecoder()
	dst, bad := d.Decode(nil, Block{Data: data})
	if len(dst) != records || len(bad) > 0 {
		b.Fatalf("%d fragments, %d poison, want %d", len(dst), len(bad), records)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = d.Decode(dst[:0], Block{Data: data})
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkDecodeRequestResponse(b *testing.B) {
	benchmarkDecode(b, repeated(1300, "\n", requestResponse), 1300)
}

func BenchmarkScanner(b *testing.B) {
	lines := repeated(50000, "\n", requestResponse)
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"lines", lines},
		{"envelope", []byte(`{"records":[` + string(bytes.TrimSuffix(repeated(50000, ",", requestResponse), []byte(","))) + "]}")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				s := NewScanner(bytes.NewReader(c.data))
				for {
					block, err := s.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					block.Release()
				}
			}
		})
	}
}
