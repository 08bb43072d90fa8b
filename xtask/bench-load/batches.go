package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Produce by topic name ends with version 12; pre-encoded batches need no topic id.
const (
	produceKey        = 0
	produceVersionMax = 12
	fetchKey          = 1
	fetchVersionMax   = 12
)

func (l *load) rawClient() (*kgo.Client, *kgo.Broker, error) {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(produceKey, produceVersionMax)
	versions.SetMaxKeyVersion(fetchKey, fetchVersionMax)
	client, err := l.client(kgo.MaxVersions(versions))
	if err != nil {
		return nil, nil, err
	}
	return client, client.SeedBrokers()[0], nil
}

// produceBatches sends the same encoded batch again and again: the client costs next to nothing.
func produceBatches(ctx context.Context, l *load) (*report, error) {
	if l.codec != "none" {
		return nil, errors.New("pre-encoded batches are not compressed")
	}
	client, broker, err := l.rawClient()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	perBatch := max(1, l.batch/(l.size+8))
	batch := encodeBatch(payloads(perBatch, l.size))
	if err := l.send(ctx, broker, batch, 0); err != nil {
		return nil, err
	}
	started := time.Now()
	end := started.Add(time.Duration(l.seconds * float64(time.Second)))
	var (
		sent   atomic.Int64
		tasks  sync.WaitGroup
		failed = make(chan error, l.inflight)
	)
	for range l.inflight {
		tasks.Go(func() {
			for time.Now().Before(end) {
				first := sent.Add(int64(l.spread)) - int64(l.spread)
				if err := l.send(ctx, broker, batch, first); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	tasks.Wait()
	took := time.Since(started)
	select {
	case err := <-failed:
		return nil, err
	default:
	}
	records := sent.Load() * int64(perBatch)
	return &report{Records: records, Bytes: records * int64(l.size), Seconds: took.Seconds()}, nil
}

// send writes the batch to the next partitions, in one request.
func (l *load) send(ctx context.Context, broker *kgo.Broker, batch []byte, first int64) error {
	request := kmsg.NewPtrProduceRequest()
	request.Acks = -1
	request.TimeoutMillis = 30_000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = l.topic
	for i := range min(l.spread, l.partitions) {
		partition := kmsg.NewProduceRequestTopicPartition()
		partition.Partition = int32((first + int64(i)) % int64(l.partitions))
		partition.Records = batch
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
		}
	}
	return nil
}

// encodeBatch writes a version 2 batch without producer id.
func encodeBatch(values [][]byte) []byte {
	now := time.Now().UnixMilli()
	var records []byte
	for i, value := range values {
		body := []byte{0}                                   // attributes
		body = binary.AppendVarint(body, 0)                 // timestamp delta
		body = binary.AppendVarint(body, int64(i))          // offset delta
		body = binary.AppendVarint(body, -1)                // no key
		body = binary.AppendVarint(body, int64(len(value))) // value
		body = append(body, value...)
		body = binary.AppendVarint(body, 0) // headers
		records = binary.AppendVarint(records, int64(len(body)))
		records = append(records, body...)
	}
	covered := binary.BigEndian.AppendUint16(nil, 0) // attributes
	covered = binary.BigEndian.AppendUint32(covered, uint32(len(values)-1))
	covered = binary.BigEndian.AppendUint64(covered, uint64(now))
	covered = binary.BigEndian.AppendUint64(covered, uint64(now))
	covered = binary.BigEndian.AppendUint64(covered, ^uint64(0)) // producer id
	covered = binary.BigEndian.AppendUint16(covered, ^uint16(0)) // producer epoch
	covered = binary.BigEndian.AppendUint32(covered, ^uint32(0)) // base sequence
	covered = binary.BigEndian.AppendUint32(covered, uint32(len(values)))
	covered = append(covered, records...)
	batch := binary.BigEndian.AppendUint64(nil, 0) // base offset
	batch = binary.BigEndian.AppendUint32(batch, uint32(len(covered)+9))
	batch = binary.BigEndian.AppendUint32(batch, ^uint32(0)) // partition leader epoch
	batch = append(batch, 2)                                 // magic
	batch = binary.BigEndian.AppendUint32(batch, crc32.Checksum(covered, crc32.MakeTable(crc32.Castagnoli)))
	return append(batch, covered...)
}
