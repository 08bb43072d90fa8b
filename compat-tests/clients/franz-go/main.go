// The compatibility contract (compat-tests/README.md) for franz-go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"thalweg.example/compat/contract"
)

func main() {
	contract.Run("github.com/twmb/franz-go", map[string]func(contract.Options) error{
		"create": create, "produce": produce, "consume": consume, "member": member,
		"write": write, "follow": follow,
	})
}

func create(options contract.Options) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(options["bootstrap"]))
	if err != nil {
		return err
	}
	defer client.Close()
	for topic, partitions := range options.Topics() {
		created, err := kadm.NewClient(client).CreateTopics(context.Background(), int32(partitions), 1, nil, topic)
		if err != nil {
			return err
		}
		if err := created.Error(); err != nil {
			return err
		}
	}
	return nil
}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func produce(options contract.Options) error {
	settings := []kgo.Opt{
		kgo.SeedBrokers(options["bootstrap"]),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(codecs[options["codec"]]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}
	if !options.Idempotent() {
		settings = append(settings, kgo.DisableIdempotentWrite())
	}
	client, err := kgo.NewClient(settings...)
	if err != nil {
		return err
	}
	defer client.Close()
	var records []*kgo.Record
	failures := make(chan error, 1)
	err = contract.EachInput(options["topic"], func(input contract.Record) error {
		record := toLibrary(input)
		records = append(records, record)
		client.Produce(context.Background(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failures <- err:
				default:
				}
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	// Not RecordDeliveryTimeout: it counts from the record's own timestamp, which lies in the past here.
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if err := client.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failures:
		return err
	default:
	}
	for _, record := range records {
		contract.Print("%d\t%d", record.Partition, record.Offset)
	}
	return nil
}

func consume(options contract.Options) error {
	assignment := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range options.Topics() {
		assignment[topic] = map[int32]kgo.Offset{}
		for partition := range partitions {
			assignment[topic][int32(partition)] = kgo.NewOffset().AtStart()
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(options["bootstrap"]), kgo.ConsumePartitions(assignment))
	if err != nil {
		return err
	}
	defer client.Close()
	deadline := options.Deadline()
	for seen := 0; ; {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		fetches := client.PollFetches(ctx)
		cancel()
		if err := firstError(fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(record *kgo.Record) { contract.Print("%s", fromLibrary(record)) })
		seen += fetches.NumRecords()
		if seen >= options.Count() && fetches.NumRecords() == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("timed out with %d of %d records", seen, options.Count())
		}
	}
}

func member(options contract.Options) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(options["bootstrap"]),
		kgo.ConsumerGroup(options["group"]),
		kgo.ConsumeTopics(options["topic"]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.OnPartitionsAssigned(logPartitions("assigned")),
		kgo.OnPartitionsRevoked(logPartitions("revoked")),
		kgo.OnPartitionsLost(logPartitions("lost")),
	)
	if err != nil {
		return err
	}
	leaving, leave := context.WithCancel(context.Background())
	contract.OnLeave(leave)
	for leaving.Err() == nil {
		ctx, cancel := context.WithTimeout(leaving, 100*time.Millisecond)
		fetches := client.PollRecords(ctx, 50)
		cancel()
		if err := firstError(fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(record *kgo.Record) { contract.Print("record\t%s", fromLibrary(record)) })
		contract.Flush()
		commit(client, fetches.Records())
		client.AllowRebalance()
	}
	client.CloseAllowingRebalance()
	contract.Print("left")
	return nil
}

func commit(client *kgo.Client, records []*kgo.Record) {
	if len(records) == 0 {
		return
	}
	if err := client.CommitRecords(context.Background(), records...); err != nil {
		// The partitions moved on: whoever owns them now reads these records again.
		fmt.Fprintln(os.Stderr, "commit refused:", err)
		return
	}
	printCommitted(records)
}

// printCommitted tells the positions that were committed after these records.
func printCommitted(records []*kgo.Record) {
	positions := map[int32]int64{}
	for _, record := range records {
		positions[record.Partition] = max(positions[record.Partition], record.Offset+1)
	}
	for partition, offset := range positions {
		contract.Print("committed\t%d\t%d", partition, offset)
	}
	contract.Flush()
}

func logPartitions(event string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
		for _, partitions := range topics {
			contract.PrintPartitions(event, partitions)
		}
	}
}

// firstError leaves out the end of a poll's own wait.
func firstError(fetches kgo.Fetches) error {
	for _, failed := range fetches.Errors() {
		if !errors.Is(failed.Err, context.DeadlineExceeded) && !errors.Is(failed.Err, context.Canceled) {
			return fmt.Errorf("fetch %s[%d]: %w", failed.Topic, failed.Partition, failed.Err)
		}
	}
	return nil
}

func toLibrary(input contract.Record) *kgo.Record {
	record := &kgo.Record{
		Topic: input.Topic, Partition: int32(input.Partition), Timestamp: time.UnixMilli(input.Timestamp),
		Key: input.Key, Value: input.Value,
	}
	for _, header := range input.Headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
	}
	return record
}

func fromLibrary(record *kgo.Record) contract.Record {
	output := contract.Record{
		Topic: record.Topic, Partition: int(record.Partition), Offset: record.Offset,
		Timestamp: record.Timestamp.UnixMilli(), Key: record.Key, Value: record.Value,
	}
	for _, header := range record.Headers {
		output.Headers = append(output.Headers, contract.Header{Name: header.Key, Value: header.Value})
	}
	return output
}
