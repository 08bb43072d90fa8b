import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writing and following without an end, whatever happens: the commands that the faults use. */
final class Steady {
    /** Records that may wait for their acknowledgement. */
    private static final int WAITING_MAX = 2000;

    /** A request that is not answered is given up before a broker that stands still goes on. */
    private static final String TIMEOUT_MS = "4000";

    private Steady() {}

    static void write(Map<String, String> options, Properties properties) throws Exception {
        properties.put("acks", "all");
        properties.put("enable.idempotence", "true");
        properties.put("request.timeout.ms", TIMEOUT_MS);
        String topic = options.get("topic");
        int partitions = Integer.parseInt(options.get("partitions"));
        AtomicBoolean leaving = onLeave();
        AtomicInteger waiting = new AtomicInteger();
        int number = 0;
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            while (!leaving.get()) {
                for (int i = 0; i < 10 && waiting.get() < WAITING_MAX; i++, number++) {
                    waiting.incrementAndGet();
                    send(producer, topic, number, number % partitions, waiting);
                }
                Client.OUT.flush();
                Thread.sleep(50);
            }
            producer.flush();
        }
        say("sent\t" + number);
    }

    private static void send(
            KafkaProducer<byte[], byte[]> producer, String topic, int number, int partition, AtomicInteger waiting) {
        byte[] key = Integer.toString(number).getBytes(StandardCharsets.UTF_8);
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, partition, key, value(number));
        producer.send(record, (metadata, failure) -> {
            waiting.decrementAndGet();
            if (failure != null) {
                say("failed\t" + number + "\t" + failure.getClass().getSimpleName());
            } else {
                say("acknowledged\t" + number + "\t" + metadata.partition() + "\t" + metadata.offset());
            }
        });
    }

    /** A pure function of the record's number. */
    private static byte[] value(int number) {
        byte[] head = (number + ":").getBytes(StandardCharsets.UTF_8);
        byte[] value = java.util.Arrays.copyOf(head, head.length + (int) (number * 7919L % 1500));
        for (int i = head.length; i < value.length; i++) {
            value[i] = (byte) ('a' + (number + i - head.length) % 26);
        }
        return value;
    }

    static void follow(Map<String, String> options, Properties properties) {
        properties.put("group.id", options.get("group"));
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "earliest");
        properties.put("session.timeout.ms", "6000");
        properties.put("heartbeat.interval.ms", "500");
        properties.put("request.timeout.ms", TIMEOUT_MS);
        properties.put("default.api.timeout.ms", "8000");
        AtomicBoolean leaving = onLeave();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(options.get("topic")));
            while (!leaving.get()) {
                try {
                    step(consumer);
                } catch (KafkaException failure) {
                    say("saw\t" + failure.getClass().getSimpleName());
                }
            }
        }
        say("left");
    }

    private static void step(KafkaConsumer<byte[], byte[]> consumer) {
        Map<TopicPartition, OffsetAndMetadata> positions = new LinkedHashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
            Client.OUT.println("record\t" + Client.format(record));
            positions.put(
                    new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        Client.OUT.flush();
        if (!positions.isEmpty()) {
            consumer.commitSync(positions);
            positions.forEach(
                    (partition, position) -> say("committed\t" + partition.partition() + "\t" + position.offset()));
        }
    }

    private static AtomicBoolean onLeave() {
        AtomicBoolean leaving = new AtomicBoolean();
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // The orchestrator says nothing: it closes the stream when this shall end.
                }
            } catch (IOException closed) {
                // A broken stream means the same as a closed one.
            }
            leaving.set(true);
        });
        watcher.setDaemon(true);
        watcher.start();
        return leaving;
    }

    private static void say(String line) {
        Client.OUT.println(line);
        Client.OUT.flush();
    }

    /** Reports the errors that the library deals with by itself: they are in its log only. */
    static void watchLog() {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
        System.setErr(new PrintStream(new Watch(System.err), true, StandardCharsets.UTF_8));
    }

    private static final class Watch extends OutputStream {
        private static final Pattern ANSWERED = Pattern.compile("Error: ([A-Z_]+)");

        private static final Map<String, String> CONNECTION = new HashMap<>(Map.of(
                "could not be established", "connection refused",
                "disconnected", "connection closed",
                "Disconnected from node", "connection closed"));

        private final OutputStream through;
        private final ByteArrayOutputStream line = new ByteArrayOutputStream();

        Watch(OutputStream through) {
            this.through = through;
        }

        @Override
        public synchronized void write(int b) throws IOException {
            through.write(b);
            if (b != '\n') {
                line.write(b);
                return;
            }
            String text = line.toString(StandardCharsets.UTF_8);
            line.reset();
            Matcher answered = ANSWERED.matcher(text);
            if (answered.find()) {
                say("saw\t" + answered.group(1));
                return;
            }
            for (Map.Entry<String, String> sign : CONNECTION.entrySet()) {
                if (text.contains(sign.getKey())) {
                    say("saw\t" + sign.getValue());
                    return;
                }
            }
        }
    }
}
