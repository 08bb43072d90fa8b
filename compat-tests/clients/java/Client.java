import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The compatibility contract (compat-tests/README.md) for Java's kafka-clients. */
public final class Client {
    private static final HexFormat HEX = HexFormat.of();
    static final PrintStream OUT =
            new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8) {
                @Override
                public void println(String line) {
                    print(line + "\n");
                }
            };

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 1; i + 1 < arguments.length; i += 2) {
            options.put(arguments[i].substring(2), arguments[i + 1]);
        }
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "off");
        switch (arguments[0]) {
            case "version" -> OUT.println(version());
            case "create" -> create(options);
            case "produce" -> produce(options);
            case "consume" -> consume(options);
            case "member" -> member(options);
            case "write" -> {
                Steady.watchLog();
                Steady.write(options, connection(options));
            }
            case "follow" -> {
                Steady.watchLog();
                Steady.follow(options, connection(options));
            }
            default -> throw new IllegalArgumentException("unknown command " + arguments[0]);
        }
        OUT.flush();
    }

    private static String version() throws Exception {
        Properties properties = new Properties();
        try (InputStream resource = Admin.class.getResourceAsStream("/kafka/kafka-version.properties")) {
            properties.load(resource);
        }
        return properties.getProperty("version");
    }

    private static Properties connection(Map<String, String> options) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get("bootstrap"));
        properties.put("request.timeout.ms", "10000");
        return properties;
    }

    private static void create(Map<String, String> options) throws Exception {
        List<NewTopic> topics = new ArrayList<>();
        for (TopicShape shape : shapes(options)) {
            topics.add(new NewTopic(shape.name, shape.partitions, (short) 1));
        }
        try (Admin admin = Admin.create(connection(options))) {
            admin.createTopics(topics).all().get();
        }
    }

    private static void produce(Map<String, String> options) throws Exception {
        Properties properties = connection(options);
        properties.put("acks", "all");
        properties.put("compression.type", options.get("codec"));
        properties.put("enable.idempotence", options.get("idempotent"));
        properties.put("delivery.timeout.ms", "30000");
        String topic = options.get("topic");
        List<Future<RecordMetadata>> acknowledgements = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            BufferedReader input = input();
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                acknowledgements.add(producer.send(parse(topic, line)));
            }
            producer.flush();
            for (Future<RecordMetadata> acknowledgement : acknowledgements) {
                RecordMetadata metadata = acknowledgement.get();
                OUT.println(metadata.partition() + "\t" + metadata.offset());
            }
        }
    }

    private static void consume(Map<String, String> options) throws Exception {
        Properties properties = connection(options);
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "none");
        long expected = Long.parseLong(options.get("count"));
        long deadline = System.currentTimeMillis() + 1000 * Long.parseLong(options.get("timeout-s"));
        List<TopicPartition> partitions = new ArrayList<>();
        for (TopicShape shape : shapes(options)) {
            for (int partition = 0; partition < shape.partitions; partition++) {
                partitions.add(new TopicPartition(shape.name, partition));
            }
        }
        long seen = 0;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (true) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(300));
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    OUT.println(format(record));
                }
                seen += records.count();
                if (seen >= expected && records.isEmpty()) {
                    return;
                }
                if (System.currentTimeMillis() > deadline) {
                    OUT.flush();
                    throw new IllegalStateException("timed out with " + seen + " of " + expected + " records");
                }
            }
        }
    }

    private static void member(Map<String, String> options) throws Exception {
        Properties properties = connection(options);
        properties.put("group.id", options.get("group"));
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "earliest");
        properties.put("session.timeout.ms", "6000");
        properties.put("heartbeat.interval.ms", "500");
        properties.put("max.poll.records", "50");
        AtomicBoolean leaving = new AtomicBoolean();
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // The orchestrator says nothing: it closes the stream when the member shall leave.
                }
            } catch (java.io.IOException closed) {
                // A broken stream means the same as a closed one.
            }
            leaving.set(true);
        });
        watcher.setDaemon(true);
        watcher.start();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(options.get("topic")), new AssignmentLog());
            while (!leaving.get()) {
                Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    OUT.println("record\t" + format(record));
                    positions.put(
                            new TopicPartition(record.topic(), record.partition()),
                            new OffsetAndMetadata(record.offset() + 1));
                }
                OUT.flush();
                commit(consumer, positions);
            }
        }
        OUT.println("left");
    }

    private static void commit(
            KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, OffsetAndMetadata> positions) {
        if (positions.isEmpty()) {
            return;
        }
        try {
            consumer.commitSync(positions);
        } catch (org.apache.kafka.clients.consumer.CommitFailedException
                | org.apache.kafka.common.errors.RebalanceInProgressException rebalanced) {
            return; // The partitions moved on: whoever owns them now reads these records again.
        }
        positions.forEach((partition, position) ->
                OUT.println("committed\t" + partition.partition() + "\t" + position.offset()));
        OUT.flush();
    }

    private static final class AssignmentLog implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            log("assigned", partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            log("revoked", partitions);
        }

        private static void log(String event, Collection<TopicPartition> partitions) {
            List<String> numbers = new ArrayList<>();
            partitions.forEach(partition -> numbers.add(Integer.toString(partition.partition())));
            OUT.println(event + "\t" + String.join(",", numbers));
            OUT.flush();
        }
    }

    private record TopicShape(String name, int partitions) {}

    private static List<TopicShape> shapes(Map<String, String> options) {
        List<TopicShape> shapes = new ArrayList<>();
        for (String shape : options.get("topics").split(",")) {
            String[] parts = shape.split(":");
            shapes.add(new TopicShape(parts[0], Integer.parseInt(parts[1])));
        }
        return shapes;
    }

    private static BufferedReader input() {
        return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    }

    private static ProducerRecord<byte[], byte[]> parse(String topic, String line) {
        String[] fields = line.split("\t", -1);
        List<Header> headers = new ArrayList<>();
        if (!fields[4].isEmpty()) {
            for (String header : fields[4].split(",")) {
                String[] parts = header.split(":", -1);
                headers.add(new RecordHeader(new String(HEX.parseHex(parts[0]), StandardCharsets.UTF_8), bytes(parts[1])));
            }
        }
        return new ProducerRecord<>(
                topic, Integer.parseInt(fields[0]), Long.parseLong(fields[1]), bytes(fields[2]), bytes(fields[3]), headers);
    }

    static String format(ConsumerRecord<byte[], byte[]> record) {
        return String.join("\t", record.topic(), Integer.toString(record.partition()), Long.toString(record.offset()),
                Long.toString(record.timestamp()), hex(record.key()), hex(record.value()), format(record.headers()));
    }

    private static String format(Headers headers) {
        List<String> parts = new ArrayList<>();
        for (Header header : headers) {
            parts.add(HEX.formatHex(header.key().getBytes(StandardCharsets.UTF_8)) + ":" + hex(header.value()));
        }
        return String.join(",", parts);
    }

    private static byte[] bytes(String field) {
        return field.equals("-") ? null : HEX.parseHex(field);
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? "-" : HEX.formatHex(bytes);
    }
}
