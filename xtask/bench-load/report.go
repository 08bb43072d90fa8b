package main

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// report is the JSON line of a command.
type report struct {
	Records      int64   `json:"records"`
	Bytes        int64   `json:"bytes"`
	Seconds      float64 `json:"seconds"`
	LatencyMicro *spread `json:"latency_us,omitempty"`
}

// spread is a distribution in microseconds.
type spread struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
	Max  int64 `json:"max"`
}

// newHistogram holds one microsecond to two minutes.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(2*time.Minute/time.Microsecond), 3)
}

func record(histogram *hdrhistogram.Histogram, took time.Duration) error {
	return histogram.RecordValue(max(1, took.Microseconds()))
}

func spreadOf(histogram *hdrhistogram.Histogram) *spread {
	return &spread{
		P50:  histogram.ValueAtQuantile(50),
		P90:  histogram.ValueAtQuantile(90),
		P99:  histogram.ValueAtQuantile(99),
		P999: histogram.ValueAtQuantile(99.9),
		Max:  histogram.Max(),
	}
}
