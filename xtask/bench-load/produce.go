package main

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// produce sends pre-built values round robin over the partitions.
func produce(ctx context.Context, l *load) (*report, error) {
	client, err := l.producer()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	values := payloads(1024, l.size)
	// The connection, the metadata and the producer id are not part of the measure.
	if err := client.ProduceSync(ctx, l.record(values, 0)).FirstErr(); err != nil {
		return nil, err
	}
	var (
		once   sync.Once
		failed error
	)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answered := func(_ *kgo.Record, err error) {
		if err != nil {
			once.Do(func() { failed = err; cancel() })
		}
	}
	started := time.Now()
	end := started.Add(time.Duration(l.seconds * float64(time.Second)))
	var sent int64
	for ctx.Err() == nil && !l.done(sent, end) {
		client.Produce(ctx, l.record(values, sent), answered)
		sent++
	}
	if err := client.Flush(ctx); err != nil && failed == nil {
		return nil, err
	}
	took := time.Since(started)
	if failed != nil {
		return nil, failed
	}
	return &report{Records: sent, Bytes: sent * int64(l.size), Seconds: took.Seconds()}, nil
}

func (l *load) record(values [][]byte, index int64) *kgo.Record {
	return &kgo.Record{
		Topic:     l.topic,
		Partition: int32(index % int64(l.partitions)),
		Value:     values[index%int64(len(values))],
	}
}

// done looks at the clock only now and then: it is dear beside a small record.
func (l *load) done(sent int64, end time.Time) bool {
	if l.records > 0 {
		return sent >= l.records
	}
	return sent%64 == 0 && time.Now().After(end)
}

// produceSync waits for each record: the latency of one produce at rest.
func produceSync(ctx context.Context, l *load) (*report, error) {
	client, err := l.producer()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	values := payloads(64, l.size)
	if err := client.ProduceSync(ctx, l.record(values, 0)).FirstErr(); err != nil {
		return nil, err
	}
	histogram := newHistogram()
	started := time.Now()
	end := started.Add(time.Duration(l.seconds * float64(time.Second)))
	var sent int64
	for !(l.records > 0 && sent >= l.records) && time.Now().Before(end) {
		asked := time.Now()
		if err := client.ProduceSync(ctx, l.record(values, sent)).FirstErr(); err != nil {
			return nil, err
		}
		if err := record(histogram, time.Since(asked)); err != nil {
			return nil, err
		}
		sent++
	}
	took := time.Since(started)
	return &report{
		Records: sent, Bytes: sent * int64(l.size), Seconds: took.Seconds(), LatencyMicro: spreadOf(histogram),
	}, nil
}
