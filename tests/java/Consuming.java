import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Running members of consumer groups: each polls and commits on a thread of its own until told to stop. */
final class Consuming {
  private static final class Member {
    final AtomicBoolean stop = new AtomicBoolean();
    final Map<String, long[]> seen = new TreeMap<>();  // "topic:partition" -> first, last, count; guarded by this
    volatile String failure;
    volatile int assigned;
    Thread thread;
  }

  private final Map<String, Object> client;
  private final Map<String, Member> members = new HashMap<>();

  Consuming(Map<String, Object> client) {
    this.client = client;
  }

  /** Joins "group" on "topics" as "id"; "max_records" per poll, "pause_ms" after each, "props" of the consumer. */
  Object start(JsonNode c) {
    Map<String, Object> properties = new HashMap<>(client);
    properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("group.id", c.get("group").asText());
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "none".equals(c.path("reset").asText()) ? "none" : "earliest");
    properties.put("max.poll.records", c.path("max_records").asText("100"));
    properties.putAll(Admins.strings(c.path("props")));
    Member member = new Member();
    member.thread = new Thread(() -> run(c, properties, member), "consumer-" + c.get("id").asText());
    member.thread.setDaemon(true);
    member.thread.start();
    members.put(c.get("id").asText(), member);
    return true;
  }

  private static void run(JsonNode c, Map<String, Object> properties, Member member) {
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
      consumer.subscribe(Admins.texts(c.get("topics")));
      while (!member.stop.get()) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(200));
        member.assigned = consumer.assignment().size();
        synchronized (member) {
          for (ConsumerRecord<byte[], byte[]> record : records) {
            long[] seen = member.seen.computeIfAbsent(
                record.topic() + ":" + record.partition(), k -> new long[] {record.offset(), 0, 0});
            seen[1] = record.offset();
            seen[2]++;
          }
        }
        if (!records.isEmpty()) {
          consumer.commitSync();
        }
        Thread.sleep(c.path("pause_ms").asLong(0));
      }
    } catch (Exception e) {
      member.failure = e.toString();
    }
  }

  Object status(JsonNode c) {
    return report(members.get(c.get("id").asText()));
  }

  Object stop(JsonNode c) throws Exception {
    Member member = members.remove(c.get("id").asText());
    member.stop.set(true);
    member.thread.join();
    return report(member);
  }

  void stopAll() {
    members.values().forEach(member -> member.stop.set(true));
  }

  private static Object report(Member member) {
    Map<String, Object> partitions = new TreeMap<>();
    synchronized (member) {
      member.seen.forEach((p, s) -> partitions.put(p, Map.of("first", s[0], "last", s[1], "count", s[2])));
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("assigned", member.assigned);
    result.put("partitions", partitions);
    result.put("failure", member.failure);
    return result;
  }
}
