import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Applications that consume, transform and produce in transactions, as Kafka Streams does under exactly_once_v2: what
 * comes out and how far they have come is committed together, or not at all.
 */
final class Transforming {
  private static final class Running {
    final AtomicBoolean stop = new AtomicBoolean();
    volatile boolean hard;
    volatile long committed;
    volatile long aborted;
    volatile String failure;
    Thread thread;
  }

  private final Map<String, Object> client;
  private final Map<String, Running> running = new HashMap<>();

  Transforming(Map<String, Object> client) {
    this.client = client;
  }

  /**
   * Starts application "id": a member of "group" that reads committed records of the topic "in" and writes, for each, a
   * record "topic:partition:offset" into the topic "out". At most "max_records" in a transaction, "pause_ms" after it;
   * a share "abort" of the transactions is aborted and done again. "props" of the consumer.
   */
  Object start(JsonNode c) {
    Running app = new Running();
    app.thread = new Thread(() -> run(c, app), "transform-" + c.get("id").asText());
    app.thread.setDaemon(true);
    app.thread.start();
    running.put(c.get("id").asText(), app);
    return true;
  }

  private void run(JsonNode c, Running app) {
    Map<String, Object> in = new HashMap<>(client);
    in.put("key.deserializer", ByteArrayDeserializer.class.getName());
    in.put("value.deserializer", ByteArrayDeserializer.class.getName());
    in.put("group.id", c.get("group").asText());
    in.put("isolation.level", "read_committed");
    in.put("enable.auto.commit", "false");
    in.put("auto.offset.reset", "earliest");
    in.put("max.poll.records", c.path("max_records").asText("50"));
    in.putAll(Admins.strings(c.path("props")));
    Map<String, Object> out = new HashMap<>(client);
    out.put("key.serializer", ByteArraySerializer.class.getName());
    out.put("value.serializer", ByteArraySerializer.class.getName());
    out.put("transactional.id", c.get("group").asText() + "-app");
    KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(out);
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(in)) {
      producer.initTransactions();
      consumer.subscribe(List.of(c.get("in").asText()));
      Random random = new Random(c.path("seed").asLong(1));
      while (true) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(200));
        if (app.stop.get() && (!app.hard || !records.isEmpty())) {
          if (app.hard) {
            begin(records, producer, consumer, c.get("out").asText());
          }
          return;
        }
        if (!records.isEmpty()) {
          begin(records, producer, consumer, c.get("out").asText());
          if (random.nextDouble() < c.path("abort").asDouble(0)) {
            producer.abortTransaction();
            for (TopicPartition partition : records.partitions()) {
              consumer.seek(partition, records.records(partition).get(0).offset());
            }
            app.aborted += records.count();
          } else {
            producer.commitTransaction();
            app.committed += records.count();
          }
        }
        Thread.sleep(c.path("pause_ms").asLong(0));
      }
    } catch (Exception e) {
      app.failure = e.toString();
    } finally {
      producer.close(app.hard ? Duration.ZERO : Duration.ofSeconds(30));
    }
  }

  /** All of a transaction but its end. */
  private static void begin(ConsumerRecords<byte[], byte[]> records, KafkaProducer<byte[], byte[]> producer,
      KafkaConsumer<byte[], byte[]> consumer, String out) {
    producer.beginTransaction();
    int partitions = producer.partitionsFor(out).size();
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      String place = record.topic() + ":" + record.partition() + ":" + record.offset();
      producer.send(new ProducerRecord<>(out, record.partition() % partitions, record.key(),
          place.getBytes(StandardCharsets.UTF_8)));
      offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
    }
    producer.flush();
    producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
  }

  Object status(JsonNode c) {
    return report(running.get(c.get("id").asText()));
  }

  /** Stops after a transaction; "hard": in the middle of one, which stays open (there must be records left to read). */
  Object stop(JsonNode c) throws Exception {
    Running app = running.remove(c.get("id").asText());
    app.hard = c.path("hard").asBoolean();
    app.stop.set(true);
    app.thread.join();
    return report(app);
  }

  void stopAll() {
    running.values().forEach(app -> app.stop.set(true));
  }

  private static Object report(Running app) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("committed", app.committed);
    result.put("aborted", app.aborted);
    result.put("failure", app.failure);
    return result;
  }
}
