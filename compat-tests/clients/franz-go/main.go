// The compatibility contract (compat-tests/README.md) for franz-go.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var out = bufio.NewWriterSize(os.Stdout, 1<<16)

func main() {
	options := map[string]string{}
	for i := 2; i+1 < len(os.Args); i += 2 {
		options[strings.TrimPrefix(os.Args[i], "--")] = os.Args[i+1]
	}
	var err error
	switch os.Args[1] {
	case "version":
		fmt.Fprintln(out, moduleVersion("github.com/twmb/franz-go"))
	case "create":
		err = create(options)
	case "produce":
		err = produce(options)
	case "consume":
		err = consume(options)
	case "member":
		err = member(options)
	default:
		err = fmt.Errorf("unknown command %q", os.Args[1])
	}
	out.Flush()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func create(options map[string]string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(options["bootstrap"]))
	if err != nil {
		return err
	}
	defer client.Close()
	for topic, partitions := range shapes(options) {
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

func produce(options map[string]string) error {
	settings := []kgo.Opt{
		kgo.SeedBrokers(options["bootstrap"]),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(codecs[options["codec"]]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}
	if options["idempotent"] != "true" {
		settings = append(settings, kgo.DisableIdempotentWrite())
	}
	client, err := kgo.NewClient(settings...)
	if err != nil {
		return err
	}
	defer client.Close()
	var records []*kgo.Record
	failures := make(chan error, 1)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		record, err := parse(options["topic"], lines.Text())
		if err != nil {
			return err
		}
		records = append(records, record)
		client.Produce(context.Background(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failures <- err:
				default:
				}
			}
		})
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
		fmt.Fprintf(out, "%d\t%d\n", record.Partition, record.Offset)
	}
	return lines.Err()
}

func consume(options map[string]string) error {
	expected, _ := strconv.Atoi(options["count"])
	seconds, _ := strconv.Atoi(options["timeout-s"])
	deadline := time.Now().Add(time.Duration(seconds) * time.Second)
	assignment := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range shapes(options) {
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
	for seen := 0; ; {
		fetches := poll(client, 300*time.Millisecond)
		if err := firstError(fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(record *kgo.Record) { fmt.Fprintln(out, format(record)) })
		seen += fetches.NumRecords()
		if seen >= expected && fetches.NumRecords() == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("timed out with %d of %d records", seen, expected)
		}
	}
}

func member(options map[string]string) error {
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
	go func() {
		io.Copy(io.Discard, os.Stdin)
		leave()
	}()
	for leaving.Err() == nil {
		ctx, cancel := context.WithTimeout(leaving, 100*time.Millisecond)
		fetches := client.PollRecords(ctx, 50)
		cancel()
		if err := firstError(fetches); err != nil {
			return err
		}
		var records []*kgo.Record
		fetches.EachRecord(func(record *kgo.Record) {
			fmt.Fprintf(out, "record\t%s\n", format(record))
			records = append(records, record)
		})
		out.Flush()
		if len(records) > 0 {
			if err := client.CommitRecords(context.Background(), records...); err != nil {
				// The partitions moved on: whoever owns them now reads these records again.
				fmt.Fprintln(os.Stderr, "commit refused:", err)
			} else {
				logCommitted(records)
			}
		}
		client.AllowRebalance()
	}
	client.CloseAllowingRebalance()
	fmt.Fprintln(out, "left")
	return nil
}

func logCommitted(records []*kgo.Record) {
	positions := map[int32]int64{}
	for _, record := range records {
		positions[record.Partition] = record.Offset + 1
	}
	for partition, offset := range positions {
		fmt.Fprintf(out, "committed\t%d\t%d\n", partition, offset)
	}
	out.Flush()
}

func logPartitions(event string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
		for _, partitions := range topics {
			numbers := strings.Trim(strings.ReplaceAll(fmt.Sprint(partitions), " ", ","), "[]")
			// One write for each line: callbacks run beside the polling loop.
			fmt.Fprintf(os.Stdout, "%s\t%s\n", event, numbers)
		}
	}
}

func poll(client *kgo.Client, wait time.Duration) kgo.Fetches {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	return client.PollFetches(ctx)
}

func firstError(fetches kgo.Fetches) error {
	for _, failed := range fetches.Errors() {
		if failed.Err != context.DeadlineExceeded && failed.Err != context.Canceled {
			return fmt.Errorf("fetch %s[%d]: %w", failed.Topic, failed.Partition, failed.Err)
		}
	}
	return nil
}

func shapes(options map[string]string) map[string]int {
	shapes := map[string]int{}
	for _, topic := range strings.Split(options["topics"], ",") {
		name, partitions, _ := strings.Cut(topic, ":")
		shapes[name], _ = strconv.Atoi(partitions)
	}
	return shapes
}

func parse(topic, line string) (*kgo.Record, error) {
	fields := strings.Split(line, "\t")
	partition, err := strconv.Atoi(fields[0])
	if err != nil {
		return nil, err
	}
	timestamp, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return nil, err
	}
	record := &kgo.Record{Topic: topic, Partition: int32(partition), Timestamp: time.UnixMilli(timestamp)}
	record.Key, record.Value = unhex(fields[2]), unhex(fields[3])
	if fields[4] != "" {
		for _, header := range strings.Split(fields[4], ",") {
			name, value, _ := strings.Cut(header, ":")
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: string(unhex(name)), Value: unhex(value)})
		}
	}
	return record, nil
}

func format(record *kgo.Record) string {
	var headers []string
	for _, header := range record.Headers {
		headers = append(headers, hex.EncodeToString([]byte(header.Key))+":"+tohex(header.Value))
	}
	return fmt.Sprintf("%s\t%d\t%d\t%d\t%s\t%s\t%s", record.Topic, record.Partition, record.Offset,
		record.Timestamp.UnixMilli(), tohex(record.Key), tohex(record.Value), strings.Join(headers, ","))
}

func unhex(field string) []byte {
	if field == "-" {
		return nil
	}
	bytes, err := hex.DecodeString(field)
	if err != nil {
		panic(err)
	}
	return bytes
}

func tohex(bytes []byte) string {
	if bytes == nil {
		return "-"
	}
	return hex.EncodeToString(bytes)
}

func moduleVersion(path string) string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == path {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "unknown"
}
