package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Parts of a batch's head that tell its length and its last offset.
const (
	batchLengthAt     = 8
	batchLengthEnd    = 12
	lastOffsetDeltaAt = 23
	recordCountAt     = 57
	batchHeadBytes    = 61
)

// reader is how far each partition is read.
type reader struct {
	offsets []int64
	ends    []int64
	turn    int
	total   report
}

// fetch reads all partitions from their start, and again when it has seen all of them; only heads
// of batches are looked at.
func fetch(ctx context.Context, l *load) (*report, error) {
	client, broker, err := l.rawClient()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	r := &reader{offsets: make([]int64, l.partitions), ends: make([]int64, l.partitions)}
	started := time.Now()
	end := started.Add(time.Duration(l.seconds * float64(time.Second)))
	for time.Now().Before(end) && (l.records == 0 || r.total.Records < l.records) {
		if err := l.fetchOnce(ctx, broker, r); err != nil {
			return nil, err
		}
		if r.total.Records == 0 {
			return nil, errors.New("the topic is empty")
		}
		if slices.Equal(r.offsets, r.ends) {
			clear(r.offsets)
		}
	}
	r.total.Seconds = time.Since(started).Seconds()
	r.total.Bytes = r.total.Records * int64(l.size)
	return &r.total, nil
}

func (l *load) fetchOnce(ctx context.Context, broker *kgo.Broker, r *reader) error {
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis = 500
	request.MinBytes = 1
	request.MaxBytes = 50 << 20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = l.topic
	// The first partition of a request is served first: turn, so that all advance.
	r.turn++
	for i := range r.offsets {
		partition := kmsg.NewFetchRequestTopicPartition()
		partition.Partition = int32((i + r.turn) % l.partitions)
		partition.FetchOffset = r.offsets[partition.Partition]
		partition.PartitionMaxBytes = 1 << 20
		topic.Partitions = append(topic.Partitions, partition)
	}
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, broker)
	if err != nil {
		return err
	}
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return fmt.Errorf("partition %d: %w", partition.Partition, err)
			}
			next, records, err := skim(partition.RecordBatches, r.offsets[partition.Partition])
			if err != nil {
				return fmt.Errorf("partition %d: %w", partition.Partition, err)
			}
			r.offsets[partition.Partition] = next
			r.ends[partition.Partition] = partition.HighWatermark
			r.total.Records += records
		}
	}
	return nil
}

// skim goes over whole batches; a cut one at the end comes again.
func skim(batches []byte, next int64) (int64, int64, error) {
	var records int64
	for len(batches) >= batchHeadBytes {
		length := batchLengthEnd + int(binary.BigEndian.Uint32(batches[batchLengthAt:]))
		if length < batchHeadBytes {
			return 0, 0, errors.New("a batch shorter than its head")
		}
		if length > len(batches) {
			break
		}
		base := int64(binary.BigEndian.Uint64(batches))
		if base != next {
			return 0, 0, fmt.Errorf("offset %d where %d was due", base, next)
		}
		next = base + int64(binary.BigEndian.Uint32(batches[lastOffsetDeltaAt:])) + 1
		records += int64(binary.BigEndian.Uint32(batches[recordCountAt:]))
		batches = batches[length:]
	}
	return next, records, nil
}
