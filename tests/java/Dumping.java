import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Writes every record of a partition range as one canonical line: two logs are equal when their dumps are. */
final class Dumping {
  private static final Duration STALLED = Duration.ofSeconds(60);

  private final Map<String, Object> client;

  Dumping(Map<String, Object> client) {
    this.client = client;
  }

  private static final class Partition {
    long begin;
    long end;
    long first = -1;
    long last = -1;
    long count;
    MessageDigest digest;
    Writer file;
  }

  /**
   * Reads "topics" (each "name" or "name:partition") from "from" (default: log start) to "to" (default: end, or last
   * stable offset under "isolation": "read_committed"; one number or one per "topic:partition"), and writes "dir"/topic-partition.dump if "dir" is given.
   * "types": false leaves out whether a time is CreateTime or LogAppendTime.
   * Answers "topic:partition" -> {begin, end, first, last, count, digest}.
   */
  Object dump(JsonNode c) throws Exception {
    Map<String, Object> properties = new HashMap<>(client);
    properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("isolation.level", c.path("isolation").asText("read_uncommitted"));
    properties.put("auto.offset.reset", "none");
    properties.put("enable.auto.commit", "false");
    properties.put("max.poll.records", "5000");
    properties.put("fetch.max.wait.ms", "100");
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
      Map<TopicPartition, Partition> partitions = open(c, consumer);
      try {
        read(consumer, partitions, c.path("types").asBoolean(true));
      } finally {
        for (Partition partition : partitions.values()) {
          if (partition.file != null) {
            partition.file.close();
          }
        }
      }
      return summary(partitions);
    }
  }

  private static Map<TopicPartition, Partition> open(JsonNode c, KafkaConsumer<byte[], byte[]> consumer)
      throws Exception {
    Map<TopicPartition, Partition> partitions = new TreeMap<>(
        java.util.Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition));
    for (String name : Admins.texts(c.get("topics"))) {
      if (name.indexOf(':') >= 0) {
        partitions.put(Admins.parse(name), new Partition());
        continue;
      }
      for (PartitionInfo info : consumer.partitionsFor(name)) {
        partitions.put(new TopicPartition(name, info.partition()), new Partition());
      }
    }
    Map<TopicPartition, Long> begin = consumer.beginningOffsets(partitions.keySet());
    Map<TopicPartition, Long> end = consumer.endOffsets(partitions.keySet());
    for (var entry : partitions.entrySet()) {
      Partition partition = entry.getValue();
      partition.begin = c.has("from") ? c.get("from").asLong() : begin.get(entry.getKey());
      JsonNode to = c.path("to").isObject()
          ? c.get("to").path(entry.getKey().topic() + ":" + entry.getKey().partition()) : c.path("to");
      partition.end = to.isMissingNode() ? end.get(entry.getKey()) : to.asLong();
      partition.digest = MessageDigest.getInstance("SHA-256");
      if (c.has("dir")) {
        Path dir = Files.createDirectories(Path.of(c.get("dir").asText()));
        partition.file = new BufferedWriter(Files.newBufferedWriter(
            dir.resolve(entry.getKey().topic() + "-" + entry.getKey().partition() + ".dump")), 1 << 16);
      }
    }
    return partitions;
  }

  private static void read(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Partition> partitions,
      boolean types) throws Exception {
    consumer.assign(partitions.keySet());
    partitions.forEach((tp, partition) -> consumer.seek(tp, partition.begin));
    MessageDigest hash = MessageDigest.getInstance("SHA-1");
    Map<TopicPartition, Long> positions = new HashMap<>();
    long progress = System.nanoTime();
    while (true) {
      List<TopicPartition> done = consumer.assignment().stream()
          .filter(tp -> !consumer.paused().contains(tp) && consumer.position(tp) >= partitions.get(tp).end).toList();
      consumer.pause(done);
      if (consumer.paused().size() == partitions.size()) {
        return;
      }
      for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
        Partition partition = partitions.get(new TopicPartition(record.topic(), record.partition()));
        if (record.offset() < partition.end) {
          add(partition, record, hash, types);
        }
      }
      for (TopicPartition tp : partitions.keySet()) {
        long position = consumer.position(tp);
        Long before = positions.put(tp, position);
        if (before == null || before != position) {
          progress = System.nanoTime();
        }
      }
      if (System.nanoTime() - progress > STALLED.toNanos()) {
        throw new IllegalStateException("no progress for 60 s at " + positions);
      }
    }
  }

  private static void add(Partition partition, ConsumerRecord<byte[], byte[]> record, MessageDigest hash, boolean types)
      throws Exception {
    StringBuilder line = new StringBuilder(160);
    line.append(record.offset()).append(' ').append(types ? record.timestampType() : "").append(' ')
        .append(record.timestamp())
        .append(" k=").append(show(record.key(), hash)).append(" v=").append(show(record.value(), hash));
    for (Header header : record.headers()) {
      line.append(' ').append(header.key()).append('=').append(show(header.value(), hash));
    }
    line.append('\n');
    partition.digest.update(line.toString().getBytes(StandardCharsets.UTF_8));
    if (partition.file != null) {
      partition.file.write(line.toString());
    }
    if (partition.first < 0) {
      partition.first = record.offset();
    }
    partition.last = record.offset();
    partition.count++;
  }

  /** Length and content: hex as it is when short, a hash when long. */
  private static String show(byte[] bytes, MessageDigest hash) {
    if (bytes == null) {
      return "null";
    }
    String content = HexFormat.of().formatHex(bytes.length <= 20 ? bytes : hash.digest(bytes));
    return bytes.length + ":" + content;
  }

  private static Object summary(Map<TopicPartition, Partition> partitions) {
    Map<String, Object> result = new LinkedHashMap<>();
    partitions.forEach((tp, p) -> {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("begin", p.begin);
      values.put("end", p.end);
      values.put("first", p.first);
      values.put("last", p.last);
      values.put("count", p.count);
      values.put("digest", HexFormat.of().formatHex(p.digest.digest()));
      result.put(tp.topic() + ":" + tp.partition(), values);
    });
    return result;
  }
}
