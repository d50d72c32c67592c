import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A reader of a queue to start from, for DUO: the plain Kafka client and Jackson, one file, Java 17 or later.
 *
 * <p>It reads a queue, handles each message once and only when it is newer than what is held, and reports on
 * duo.reports.v1. Settings: OSR_KAFKA (host:port,…), OSR_QUEUE (duo.rio.v1), OSR_GROUP, OSR_STATE (a file), OSR_SOURCE
 * (a URN of the reader), OSR_PROPERTIES (a file of Kafka's own client settings, for TLS or a password).
 */
public final class DuoReader {
    private static final String REPORTS = "duo.reports.v1";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String source = setting("OSR_SOURCE", "urn:nld:oin:00000000000000000000:systeem:duo-reader");
    private final Path state = Path.of(setting("OSR_STATE", "duo-reader.state"));
    private final Map<String, String> results = new HashMap<>();
    private final Map<String, Long> versions = new HashMap<>();

    public static void main(String[] args) throws Exception {
        new DuoReader().run();
    }

    private void run() throws Exception {
        if (Files.exists(state)) {
            for (String line : Files.readAllLines(state)) {
                String[] parts = line.split(" ");
                if (parts.length == 4) {
                    remember(parts[0], parts[1], parts[2], Long.parseLong(parts[3]));
                }
            }
        }
        Properties settings = clientSettings();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
                var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            Thread main = Thread.currentThread();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                consumer.wakeup();
                try {
                    main.join();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }));
            consumer.subscribe(List.of(setting("OSR_QUEUE", "duo.rio.v1")));
            while (true) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    take(record, producer);
                    // After the report, never before: whatever dies in between makes a repeat, never a loss.
                    var partition = new TopicPartition(record.topic(), record.partition());
                    consumer.commitSync(Map.of(partition, new OffsetAndMetadata(record.offset() + 1)));
                }
            }
        } catch (WakeupException stopped) {
            System.out.println("stopped");
        }
    }

    private void take(ConsumerRecord<String, String> record, KafkaProducer<String, String> producer) throws Exception {
        JsonNode event = JSON.readTree(record.value());
        if (!event.path("type").asText().startsWith("nl.osr.mandate.")) {
            return; // a type that is not known here
        }
        String result = handle(event);
        var report = new ProducerRecord<>(REPORTS, record.key(), report(event, result));
        report.headers().add("content-type", "application/cloudevents+json; charset=UTF-8".getBytes());
        producer.send(report).get();
        System.out.println(String.join(" ", record.key(), event.path("type").asText(), result));
    }

    /**
     * Handles a message once; a repeat has the result of the first time. Only the version counts, not the order of
     * arrival: after a replay or a restore the current state comes again, under a new id.
     */
    private String handle(JsonNode event) throws IOException {
        String id = event.path("id").asText();
        if (results.containsKey(id)) {
            return results.get(id);
        }
        String unit = event.at("/data/mandateId").asText() + "/" + event.path("branch").asText("");
        long version = event.at("/data/mandateVersion").asLong();
        // Here goes DUO's own work, where the version is above versions.get(unit): "data" is the whole state.
        String line = String.join(" ", id, "processed", unit, Long.toString(version)) + "\n";
        Files.writeString(state, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND, StandardOpenOption.SYNC);
        remember(id, "processed", unit, version);
        return "processed";
    }

    private void remember(String id, String result, String unit, long version) {
        results.put(id, result);
        versions.merge(unit, version, Math::max);
    }

    private String report(JsonNode event, String result) throws IOException {
        String id = event.path("id").asText();
        String now = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
        return JSON.writeValueAsString(Map.of(
                "specversion", "1.0",
                "id", UUID.nameUUIDFromBytes((source + "/" + id + "/" + result).getBytes()).toString(),
                "source", source,
                "type", "nl.osr.report.v1",
                "time", now,
                "datacontenttype", "application/json",
                "partitionkey", event.path("partitionkey").asText(),
                "data", Map.of("deliveryId", id, "status", result, "signals", List.of(), "reportedAt", now)));
    }

    private static Properties clientSettings() throws IOException {
        var settings = new Properties();
        settings.put("bootstrap.servers", setting("OSR_KAFKA", "127.0.0.1:9092"));
        settings.put("group.id", setting("OSR_GROUP", "duo-reader"));
        settings.put("auto.offset.reset", "earliest"); // a topic that was made anew is read from its start
        settings.put("enable.auto.commit", "false");
        settings.put("metadata.max.age.ms", "3000");
        settings.put("acks", "all");
        settings.put("enable.idempotence", "true");
        if (System.getenv("OSR_PROPERTIES") != null) {
            try (Reader file = Files.newBufferedReader(Path.of(System.getenv("OSR_PROPERTIES")))) {
                settings.load(file);
            }
        }
        return settings;
    }

    private static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
