import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Producers: of a given number of generated records, in transactions, and running on until told to stop. */
final class Producing {
  private static final class Running {
    final AtomicBoolean stop = new AtomicBoolean();
    final AtomicLong acknowledged = new AtomicLong();
    volatile String failure;
    Thread thread;
  }

  private final Map<String, Object> client;
  private final Map<String, Running> running = new HashMap<>();
  private final Map<String, KafkaProducer<byte[], byte[]>> open = new HashMap<>();

  Producing(Map<String, Object> client) {
    this.client = client;
  }

  /**
   * Sends "count" records made by {@link Generator} to "partitions" of "topic" in turn.
   *
   * <p>"codec" and "props" configure the producer; "batch_records" closes a batch after so many records (1: each its
   * own). "transactions" such as "cca" sends each batch as a transaction, the letters in turn telling whether it is
   * committed or aborted. Answers, per partition, the first and last offset and the number of records acknowledged.
   */
  Object produce(JsonNode c) throws Exception {
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(c))) {
      List<Integer> partitions = partitions(c, producer);
      String pattern = c.path("transactions").asText("");
      if (!pattern.isEmpty()) {
        producer.initTransactions();
      }
      Generator generator = new Generator(c);
      int batch = c.path("batch_records").asInt(pattern.isEmpty() ? 0 : 100);
      int count = c.get("count").asInt();
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      int number = 0;
      for (int i = 0; i < count; number++) {
        if (!pattern.isEmpty()) {
          producer.beginTransaction();
        }
        int partition = partitions.get(number % partitions.size());
        int end = batch == 0 ? count : Math.min(count, i + batch);
        for (; i < end; i++) {
          int target = batch == 0 ? partitions.get(i % partitions.size()) : partition;
          sent.add(producer.send(generator.next(c.get("topic").asText(), target)));
        }
        producer.flush();
        if (!pattern.isEmpty()) {
          if (pattern.charAt(number % pattern.length()) == 'c') {
            producer.commitTransaction();
          } else {
            producer.abortTransaction();
          }
        }
      }
      producer.flush();
      return summary(sent);
    }
  }

  /** Sends generated records of "count" again and again, "pause_ms" between two rounds, until {@link #stop}. */
  Object start(JsonNode c) {
    Running state = new Running();
    KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(c));
    List<Integer> partitions = partitions(c, producer);
    state.thread = new Thread(() -> {
      try (producer) {
        Generator generator = new Generator(c);
        while (!state.stop.get()) {
          List<Future<RecordMetadata>> sent = new ArrayList<>();
          for (int i = 0; i < c.path("count").asInt(1); i++) {
            sent.add(producer.send(
                generator.next(c.get("topic").asText(), partitions.get(i % partitions.size()))));
          }
          producer.flush();
          for (Future<RecordMetadata> future : sent) {
            future.get();
            state.acknowledged.incrementAndGet();
          }
          Thread.sleep(c.path("pause_ms").asLong(10));
        }
      } catch (Exception e) {
        state.failure = e.toString();
      }
    }, "produce-" + c.get("id").asText());
    state.thread.setDaemon(true);
    state.thread.start();
    running.put(c.get("id").asText(), state);
    return true;
  }

  Object stop(JsonNode c) throws Exception {
    Running state = running.remove(c.get("id").asText());
    state.stop.set(true);
    state.thread.join();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("acknowledged", state.acknowledged.get());
    result.put("failure", state.failure);
    return result;
  }

  /** Begins a transaction, sends into it as {@link #produce} does, and leaves it open under "id". */
  Object openTransaction(JsonNode c) throws Exception {
    KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(c));
    producer.initTransactions();
    producer.beginTransaction();
    List<Integer> partitions = partitions(c, producer);
    Generator generator = new Generator(c);
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (int i = 0; i < c.get("count").asInt(); i++) {
      sent.add(producer.send(generator.next(c.get("topic").asText(), partitions.get(i % partitions.size()))));
    }
    producer.flush();
    open.put(c.get("id").asText(), producer);
    return summary(sent);
  }

  Object endTransaction(JsonNode c) {
    try (KafkaProducer<byte[], byte[]> producer = open.remove(c.get("id").asText())) {
      if (c.path("commit").asBoolean()) {
        producer.commitTransaction();
      } else {
        producer.abortTransaction();
      }
    }
    return true;
  }

  void stopAll() {
    running.values().forEach(state -> state.stop.set(true));
  }

  private Map<String, Object> properties(JsonNode c) {
    Map<String, Object> properties = new HashMap<>(client);
    properties.put("key.serializer", ByteArraySerializer.class.getName());
    properties.put("value.serializer", ByteArraySerializer.class.getName());
    properties.put("compression.type", c.path("codec").asText("none"));
    properties.put("enable.idempotence", c.path("idempotent").asBoolean(true));
    properties.put("batch.size", c.path("batch_bytes").asInt(1 << 18));
    properties.put("linger.ms", c.path("linger_ms").asInt(50));
    properties.put("max.request.size", 64 << 20);
    properties.put("buffer.memory", 96L << 20);
    if (c.has("transactions") || c.get("cmd").asText().equals("open-transaction")) {
      properties.put("transactional.id", c.path("transactional_id").asText("tx-" + c.get("topic").asText()));
    }
    properties.putAll(Admins.strings(c.path("props")));
    return properties;
  }

  private static List<Integer> partitions(JsonNode c, KafkaProducer<byte[], byte[]> producer) {
    if (c.has("partitions")) {
      return Admins.ints(c.get("partitions"));
    }
    return producer.partitionsFor(c.get("topic").asText()).stream().map(p -> p.partition()).sorted().toList();
  }

  private static Object summary(List<Future<RecordMetadata>> sent) throws Exception {
    Map<Integer, long[]> partitions = new TreeMap<>();
    for (Future<RecordMetadata> future : sent) {
      RecordMetadata metadata = future.get();
      long[] range = partitions.computeIfAbsent(metadata.partition(), p -> new long[] {metadata.offset(), 0, 0});
      range[1] = metadata.offset();
      range[2]++;
    }
    Map<Integer, Object> result = new TreeMap<>();
    partitions.forEach((p, r) -> result.put(p, Map.of("first", r[0], "last", r[1], "count", r[2])));
    return result;
  }
}
