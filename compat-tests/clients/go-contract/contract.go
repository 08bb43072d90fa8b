// Package contract is the part of the command line contract (compat-tests/README.md) that no Go
// library has a say in: options, the record lines and the event lines.
package contract

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Header is one record header; a nil value is Kafka's null.
type Header struct {
	Name  string
	Value []byte
}

// Record is one record line; nil keys and values are Kafka's null.
type Record struct {
	Topic             string
	Partition         int
	Offset, Timestamp int64
	Key, Value        []byte
	Headers           []Header
}

// Options are the `--name value` pairs of the command line.
type Options map[string]string

// Idempotent tells whether the producer shall be idempotent.
func (o Options) Idempotent() bool { return o["idempotent"] == "true" }

// Count is the number of records that a consumer waits for.
func (o Options) Count() int {
	count, err := strconv.Atoi(o["count"])
	check(err)
	return count
}

// Deadline is the moment at which a consumer gives up.
func (o Options) Deadline() time.Time {
	seconds, err := strconv.Atoi(o["timeout-s"])
	check(err)
	return time.Now().Add(time.Duration(seconds) * time.Second)
}

// Topics are the topics of `--topics` with their partition counts.
func (o Options) Topics() map[string]int {
	topics := map[string]int{}
	for _, topic := range strings.Split(o["topics"], ",") {
		name, partitions, _ := strings.Cut(topic, ":")
		count, err := strconv.Atoi(partitions)
		check(err)
		topics[name] = count
	}
	return topics
}

// Partitions is the number of partitions that a writer spreads its records over.
func (o Options) Partitions() int {
	count, err := strconv.Atoi(o["partitions"])
	check(err)
	return count
}

// SteadyValue is the value of a record that `write` sends, a pure function of its number.
func SteadyValue(number int) []byte {
	value := fmt.Appendf(nil, "%d:", number)
	for i := range number * 7919 % 1500 {
		value = append(value, byte('a'+(number+i)%26))
	}
	return value
}

// Run calls the command that the command line names; a failure goes to standard error.
func Run(modulePath string, commands map[string]func(Options) error) {
	options := Options{}
	for i := 2; i+1 < len(os.Args); i += 2 {
		options[strings.TrimPrefix(os.Args[i], "--")] = os.Args[i+1]
	}
	commands["version"] = func(Options) error {
		Print("%s", moduleVersion(modulePath))
		return nil
	}
	command := commands[os.Args[1]]
	if command == nil {
		fmt.Fprintf(os.Stderr, "unknown command %q\n", os.Args[1])
		os.Exit(2)
	}
	err := command(options)
	Flush()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	outMutex sync.Mutex
	out      = bufio.NewWriterSize(os.Stdout, 1<<16)
)

// Print writes one line; callbacks of a library may call it beside the main loop.
func Print(format string, arguments ...any) {
	outMutex.Lock()
	defer outMutex.Unlock()
	fmt.Fprintf(out, format+"\n", arguments...)
}

// Flush makes the lines so far visible to the orchestrator.
func Flush() {
	outMutex.Lock()
	defer outMutex.Unlock()
	out.Flush()
}

// PrintPartitions reports an assignment event.
func PrintPartitions[T int | int32](event string, partitions []T) {
	numbers := make([]string, len(partitions))
	for i, partition := range partitions {
		numbers[i] = fmt.Sprint(partition)
	}
	Print("%s\t%s", event, strings.Join(numbers, ","))
	Flush()
}

// EachInput calls f with every record line of standard input.
func EachInput(topic string, f func(Record) error) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if err := f(parse(topic, lines.Text())); err != nil {
			return err
		}
	}
	return lines.Err()
}

// OnLeave calls leave when the orchestrator closes standard input.
func OnLeave(leave func()) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		leave()
	}()
}

// String is the record line.
func (r Record) String() string {
	headers := make([]string, len(r.Headers))
	for i, header := range r.Headers {
		headers[i] = hex.EncodeToString([]byte(header.Name)) + ":" + tohex(header.Value)
	}
	return fmt.Sprintf("%s\t%d\t%d\t%d\t%s\t%s\t%s", r.Topic, r.Partition, r.Offset, r.Timestamp,
		tohex(r.Key), tohex(r.Value), strings.Join(headers, ","))
}

func parse(topic, line string) Record {
	fields := strings.Split(line, "\t")
	partition, err := strconv.Atoi(fields[0])
	check(err)
	timestamp, err := strconv.ParseInt(fields[1], 10, 64)
	check(err)
	record := Record{Topic: topic, Partition: partition, Timestamp: timestamp}
	record.Key, record.Value = unhex(fields[2]), unhex(fields[3])
	if fields[4] != "" {
		for _, header := range strings.Split(fields[4], ",") {
			name, value, _ := strings.Cut(header, ":")
			record.Headers = append(record.Headers, Header{string(unhex(name)), unhex(value)})
		}
	}
	return record
}

func unhex(field string) []byte {
	if field == "-" {
		return nil
	}
	bytes, err := hex.DecodeString(field)
	check(err)
	return bytes
}

func tohex(bytes []byte) string {
	if bytes == nil {
		return "-"
	}
	return hex.EncodeToString(bytes)
}

func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == path {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "unknown"
}

// check ends the program on a malformed line or option: the orchestrator is at fault then.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
