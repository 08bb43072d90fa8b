package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

const stampBytes = 8

// latency is an open loop: records are due at fixed times whatever the broker does, and each one's
// latency counts from the time it was due, so that a stall is charged to every record it delays.
func latency(ctx context.Context, l *load) (*report, error) {
	if l.size < stampBytes {
		return nil, errors.New("a record must hold its time")
	}
	consumer, err := l.tail()
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	producer, err := l.producer()
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	if err := l.settle(ctx, producer, consumer); err != nil {
		return nil, err
	}
	interval := time.Duration(float64(l.size) / l.rate * float64(time.Second))
	count := int64(l.seconds * float64(time.Second) / float64(interval))
	started := time.Now()
	sent := make(chan error, 1)
	go func() { sent <- l.sendOnTime(ctx, producer, started, interval, count) }()
	histogram, err := receive(ctx, consumer, started, count)
	if err != nil {
		return nil, err
	}
	if err := <-sent; err != nil {
		return nil, err
	}
	return &report{
		Records: count, Bytes: count * int64(l.size),
		Seconds: time.Since(started).Seconds(), LatencyMicro: spreadOf(histogram),
	}, nil
}

func (l *load) tail() (*kgo.Client, error) {
	offsets := make(map[int32]kgo.Offset)
	for partition := range l.partitions {
		offsets[int32(partition)] = kgo.NewOffset().AtStart()
	}
	return l.client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.topic: offsets}),
		kgo.FetchMinBytes(1),
	)
}

// settle passes one record through every partition first: connections and caches are warm.
func (l *load) settle(ctx context.Context, producer, consumer *kgo.Client) error {
	for partition := range l.partitions {
		warm := &kgo.Record{Topic: l.topic, Partition: int32(partition), Value: []byte("warm")}
		if err := producer.ProduceSync(ctx, warm).FirstErr(); err != nil {
			return err
		}
	}
	for seen := 0; seen < l.partitions; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		seen += fetches.NumRecords()
	}
	return nil
}

func (l *load) sendOnTime(ctx context.Context, producer *kgo.Client, started time.Time, interval time.Duration, count int64) error {
	values := payloads(64, l.size)
	failed := make(chan error, 1)
	answered := func(_ *kgo.Record, err error) {
		if err != nil {
			select {
			case failed <- err:
			default:
			}
		}
	}
	for sent := range count {
		due := time.Duration(sent) * interval
		if wait := due - time.Since(started); wait > 0 {
			time.Sleep(wait)
		}
		record := l.record(values, sent)
		record.Value = append(make([]byte, 0, l.size), record.Value...)
		binary.BigEndian.PutUint64(record.Value, uint64(due))
		producer.Produce(ctx, record, answered)
	}
	if err := producer.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func receive(ctx context.Context, consumer *kgo.Client, started time.Time, count int64) (*hdrhistogram.Histogram, error) {
	histogram := newHistogram()
	for seen := int64(0); seen < count; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("after %d of %d records: %w", seen, count, err)
		}
		now := time.Since(started)
		for _, one := range fetches.Records() {
			due := time.Duration(binary.BigEndian.Uint64(one.Value))
			if err := record(histogram, now-due); err != nil {
				return nil, err
			}
			seen++
		}
	}
	return histogram, nil
}
