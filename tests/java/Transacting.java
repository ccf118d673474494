import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Transactions after a seeded script: which producer sends what and where, and which transactions are aborted, is up to
 * the seed; every step is flushed before the next, so that the same seed gives nearly the same log: a marker may come a
 * step later.
 */
final class Transacting {
  private static final int FIRST_STRANGER = 1_000_000;  // producer ids that the broker has not given to anybody

  private final Map<String, Object> client;
  private final Admin admin;
  private int strangers;

  Transacting(Map<String, Object> client) {
    this.client = client;
    admin = Admin.create(client);
  }

  /** One transactional producer of a script. */
  private static final class Slot {
    String id;
    String codec;
    KafkaProducer<byte[], byte[]> producer;
    boolean open;
    int chunks;  // that the open transaction still has to send
    int records;
  }

  /** A script that runs. */
  private final class Script {
    final JsonNode c;
    final Random random;
    final Generator generator;
    final List<TopicPartition> partitions = new ArrayList<>();
    final List<Slot> slots = new ArrayList<>();
    final Map<String, Integer> counts = new TreeMap<>();
    final KafkaProducer<byte[], byte[]> plain;

    Script(JsonNode c) throws Exception {
      this.c = c;
      random = new Random(c.path("seed").asLong(1));
      generator = new Generator(c);
      for (String name : Admins.texts(c.get("topics"))) {
        if (name.indexOf(':') >= 0) {
          partitions.add(Admins.parse(name));
        } else {
          int count = admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size();
          for (int p = 0; p < count; p++) {
            partitions.add(new TopicPartition(name, p));
          }
        }
      }
      List<String> codecs = c.has("codecs") ? Admins.texts(c.get("codecs")) : List.of("none", "lz4", "zstd");
      for (int i = 0; i < c.path("producers").asInt(3); i++) {
        Slot slot = new Slot();
        slot.id = c.path("transactional_id").asText("script-" + c.path("seed").asLong(1)) + "-" + i;
        slot.codec = codecs.get(i % codecs.size());
        slots.add(slot);
        start(slot);
      }
      plain = new KafkaProducer<>(properties(codecs.get(random.nextInt(codecs.size()))));
    }

    Map<String, Object> properties(String codec) {
      Map<String, Object> properties = new HashMap<>(client);
      properties.put("key.serializer", ByteArraySerializer.class.getName());
      properties.put("value.serializer", ByteArraySerializer.class.getName());
      properties.put("compression.type", codec);
      properties.put("batch.size", c.path("batch_bytes").asInt(1 << 18));
      properties.put("linger.ms", 5000);  // a flush ends each batch, nothing else does
      properties.put("max.request.size", 16 << 20);
      properties.putAll(Admins.strings(c.path("props")));
      return properties;
    }

    void start(Slot slot) {
      Map<String, Object> properties = properties(slot.codec);
      properties.put("transactional.id", slot.id);
      slot.producer = new KafkaProducer<>(properties);
      slot.producer.initTransactions();
    }

    void run() throws Exception {
      int left = c.get("transactions").asInt();
      int open = 0;
      while (left > 0 || open > 0) {
        double what = random.nextDouble();
        double plainly = c.path("plain").asDouble(0.1);
        if (what < plainly) {
          count("plain", send(plain));
          continue;
        }
        if (what < plainly + c.path("markers").asDouble(0)) {
          marker(partitions.get(random.nextInt(partitions.size())));
          count("markers", 1);
          continue;
        }
        Slot slot = slots.get(random.nextInt(slots.size()));
        if (!slot.open && left > 0) {
          slot.producer.beginTransaction();
          slot.open = true;
          slot.records = 0;
          slot.chunks = random.nextDouble() < c.path("empty").asDouble(0.05)
              ? 0 : 1 + random.nextInt(c.path("chunks").asInt(3));
          left--;
          open++;
        } else if (slot.open && slot.chunks > 0) {
          slot.records += send(slot.producer);
          slot.chunks--;
        } else if (slot.open) {
          end(slot);
          open--;
        }
      }
      for (Slot slot : slots) {  // whoever begins anew waits until the last markers are in the logs
        slot.producer.close();
        start(slot);
      }
    }

    void end(Slot slot) {
      slot.open = false;
      if (random.nextDouble() >= c.path("abort").asDouble(0.3)) {
        slot.producer.commitTransaction();
        count("committed", slot.records);
        count("commits", 1);
        return;
      }
      if (random.nextDouble() >= c.path("fenced").asDouble(0.1)) {
        slot.producer.abortTransaction();
      } else {  // dies; the next of its name has the coordinator abort what it left
        slot.producer.close(Duration.ZERO);
        start(slot);
        count("fenced", 1);
      }
      count("aborted", slot.records);
      count("aborts", 1);
    }

    /** Up to "chunk_records" records to each partition that the dice choose; one batch each, small as they are. */
    int send(KafkaProducer<byte[], byte[]> producer) throws Exception {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      int sure = random.nextInt(partitions.size());
      for (int p = 0; p < partitions.size(); p++) {
        if (p != sure && random.nextDouble() >= c.path("spread").asDouble(0.5)) {
          continue;
        }
        TopicPartition partition = partitions.get(p);
        for (int i = 1 + random.nextInt(c.path("chunk_records").asInt(5)); i > 0; i--) {
          sent.add(producer.send(generator.next(partition.topic(), partition.partition())));
        }
      }
      producer.flush();
      for (Future<RecordMetadata> future : sent) {
        future.get();
      }
      return sent.size();
    }

    void count(String what, int number) {
      counts.merge(what, number, Integer::sum);
    }

    void close() {
      slots.forEach(slot -> slot.producer.close());
      plain.close();
    }
  }

  /**
   * Ends "transactions" transactions over "topics" (each "name" or "name:partition"), of "producers" producers that
   * take turns.
   *
   * <p>A transaction sends up to "chunks" times; each time up to "chunk_records" records go to each of a share "spread"
   * of the partitions. Shares: "abort" of the transactions, "fenced" of those by a successor of their producer, "empty"
   * with nothing in them; "plain" of the steps are records without a transaction, "markers" abort markers of a producer
   * that sent nothing. "codecs" of the producers in turn; further fields are those of {@link Generator}. Answers how
   * many records and transactions of each kind there are.
   */
  Object transactions(JsonNode c) throws Exception {
    Script script = new Script(c);
    try {
      script.run();
    } finally {
      script.close();
    }
    return script.counts;
  }

  /** Abort markers, "count" of them, each of another producer that sent nothing to the partition. */
  Object markers(JsonNode c) throws Exception {
    for (int i = 0; i < c.path("count").asInt(1); i++) {
      marker(Admins.partition(c));
    }
    return true;
  }

  private void marker(TopicPartition partition) throws Exception {
    admin.abortTransaction(new AbortTransactionSpec(partition, FIRST_STRANGER + strangers++, (short) 0, 0)).all().get();
  }
}
