// Command bench-load drives a Kafka broker for `cargo xtask bench`: it costs as little as it can,
// because it shares the processor with the broker it measures. Each command prints one JSON line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// load is what all commands share.
type load struct {
	brokers    string
	topic      string
	partitions int
	size       int
	batch      int
	seconds    float64
	records    int64
	rate       float64
	acks       string
	codec      string
	inflight   int
	idempotent bool
	spread     int
}

type command struct {
	about string
	run   func(context.Context, *load) (*report, error)
}

var commands = map[string]command{
	"create":  {"create the topic and wait until every partition is served", create},
	"delete":  {"delete the topic", remove},
	"produce": {"produce as fast as possible through the client's own producer", produce},
	"batches": {"produce pre-encoded batches as fast as possible", produceBatches},
	"fetch":   {"read the topic again and again, without decoding records", fetch},
	"sync":    {"produce one record at a time, waiting for each", produceSync},
	"latency": {"produce at a fixed rate, measure from the planned time to the consumer", latency},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-load:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("which command: create, delete, produce, batches, fetch, sync or latency?")
	}
	chosen, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("no command %q", args[0])
	}
	var l load
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&l.brokers, "brokers", "127.0.0.1:9092", "bootstrap address")
	flags.StringVar(&l.topic, "topic", "bench", "topic")
	flags.IntVar(&l.partitions, "partitions", 16, "partitions of the topic")
	flags.IntVar(&l.size, "size", 1024, "bytes of a record's value")
	flags.IntVar(&l.batch, "batch", 16384, "bytes of a batch before compression")
	flags.Float64Var(&l.seconds, "seconds", 5, "how long")
	flags.Int64Var(&l.records, "records", 0, "how many records, 0: as many as fit the time")
	flags.Float64Var(&l.rate, "rate", 10e6, "bytes per second of an open loop")
	flags.StringVar(&l.acks, "acks", "all", "all, 1 or 0")
	flags.StringVar(&l.codec, "codec", "none", "none, gzip, snappy, lz4 or zstd")
	flags.IntVar(&l.inflight, "inflight", 5, "requests in flight on a connection, where writes are not idempotent")
	flags.BoolVar(&l.idempotent, "idempotent", true, "idempotent writes (with acks=all)")
	flags.IntVar(&l.spread, "spread", 16, "partitions per request of pre-encoded batches")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	limit := time.Duration(l.seconds*float64(time.Second))*4 + time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	answer, err := chosen.run(ctx, &l)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// client connects with the options every command needs.
func (l *load) client(extra ...kgo.Opt) (*kgo.Client, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(l.brokers),
		kgo.ClientID("bench-load"),
		// The broker that is measured must not be asked for a push of client metrics.
		kgo.DisableClientMetrics(),
	}
	return kgo.NewClient(append(options, extra...)...)
}

// producer connects with what a measured producer is set to.
func (l *load) producer(extra ...kgo.Opt) (*kgo.Client, error) {
	acks, err := l.requiredAcks()
	if err != nil {
		return nil, err
	}
	codec, err := l.compression()
	if err != nil {
		return nil, err
	}
	options := []kgo.Opt{
		kgo.RequiredAcks(acks),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytes(int32(l.batch)),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(64 * 1024),
		kgo.MaxBufferedBytes(64 << 20),
		kgo.ProducerLinger(0),
	}
	if !l.idempotent || l.acks != "all" {
		// Idempotent producers have up to five requests in flight by themselves.
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(l.inflight))
	}
	return l.client(append(options, extra...)...)
}

func (l *load) requiredAcks() (kgo.Acks, error) {
	switch l.acks {
	case "all":
		return kgo.AllISRAcks(), nil
	case "1":
		return kgo.LeaderAck(), nil
	case "0":
		return kgo.NoAck(), nil
	default:
		return kgo.Acks{}, fmt.Errorf("acks %q", l.acks)
	}
}

func (l *load) compression() (kgo.CompressionCodec, error) {
	switch l.codec {
	case "none":
		return kgo.NoCompression(), nil
	case "gzip":
		return kgo.GzipCompression(), nil
	case "snappy":
		return kgo.SnappyCompression(), nil
	case "lz4":
		return kgo.Lz4Compression(), nil
	case "zstd":
		return kgo.ZstdCompression(), nil
	default:
		return kgo.CompressionCodec{}, fmt.Errorf("codec %q", l.codec)
	}
}
