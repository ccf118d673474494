import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * Records from a seed: the same command makes the same records.
 *
 * <p>"seed"; "value_min", "value_max": bytes; "text": values that look like a sensor's JSON (compressible) rather than
 * random bytes, "noise": the share of such a value that is random all the same; "keys": how many distinct keys there are (0: every record has a null key), or "unique"; "null_keys",
 * "null_values": shares from 0 to 1; "headers": up to so many; "time": of the first record in ms (absent: the
 * producer's now), "step": ms between records, "jitter": up to so much back and forth, "gap_every" and "gap": a leap of
 * so many ms every so many records.
 */
final class Generator {
  private final Random random;
  private final int valueMin;
  private final int valueMax;
  private final boolean text;
  private final double noise;
  private final int keys;
  private final double nullKeys;
  private final double nullValues;
  private final int headers;
  private final boolean timed;
  private final long step;
  private final int jitter;
  private final int gapEvery;
  private final long gap;
  private long time;
  private int number;

  Generator(JsonNode c) {
    random = new Random(c.path("seed").asLong(1));
    valueMin = c.path("value_min").asInt(10);
    valueMax = Math.max(valueMin, c.path("value_max").asInt(valueMin));
    text = c.path("text").asBoolean();
    noise = c.path("noise").asDouble(0);
    keys = c.path("keys").isTextual() ? Integer.MAX_VALUE : c.path("keys").asInt(100);
    nullKeys = c.path("null_keys").asDouble(0);
    nullValues = c.path("null_values").asDouble(0);
    headers = c.path("headers").asInt(0);
    timed = c.has("time");
    time = c.path("time").asLong();
    step = c.path("step").asLong(1);
    jitter = c.path("jitter").asInt(0);
    gapEvery = c.path("gap_every").asInt(0);
    gap = c.path("gap").asLong(0);
  }

  ProducerRecord<byte[], byte[]> next(String topic, int partition) {
    byte[] key = null;
    if (keys > 0 && random.nextDouble() >= nullKeys) {
      int id = keys == Integer.MAX_VALUE ? number : random.nextInt(keys);
      key = ("key-" + id).getBytes(StandardCharsets.UTF_8);
    }
    byte[] value = random.nextDouble() < nullValues ? null : value();
    Long timestamp = timed ? Math.max(0, time + (jitter > 0 ? random.nextInt(2 * jitter) - jitter : 0)) : null;
    List<Header> list = new ArrayList<>();
    for (int i = headers > 0 ? random.nextInt(headers + 1) : 0; i > 0; i--) {
      list.add(header());
    }
    number++;
    time += step + (gapEvery > 0 && number % gapEvery == 0 ? gap : 0);
    return new ProducerRecord<>(topic, partition, timestamp, key, value, list);
  }

  private byte[] value() {
    int size = valueMin + (valueMax > valueMin ? random.nextInt(valueMax - valueMin + 1) : 0);
    if (!text) {
      byte[] bytes = new byte[size];
      random.nextBytes(bytes);
      return bytes;
    }
    StringBuilder json = new StringBuilder(size + 160);
    json.append("{\"seq\":").append(number);
    int plain = (int) (size * (1 - noise));
    while (json.length() < plain - 1) {
      json.append(",\"device\":\"sensor-").append(random.nextInt(5000)).append("\",\"temperature\":")
          .append(180 + random.nextInt(90)).append(",\"humidity\":").append(random.nextInt(100))
          .append(",\"status\":\"").append(random.nextInt(20) == 0 ? "degraded" : "nominal").append('"');
    }
    byte[] bytes = json.append('}').toString().getBytes(StandardCharsets.UTF_8);
    if (noise == 0) {
      return bytes;
    }
    byte[] rest = new byte[Math.max(0, size - bytes.length)];
    random.nextBytes(rest);
    byte[] whole = Arrays.copyOf(bytes, bytes.length + rest.length);
    System.arraycopy(rest, 0, whole, bytes.length, rest.length);
    return whole;
  }

  private Header header() {
    byte[] value = null;
    if (random.nextInt(4) > 0) {
      value = new byte[random.nextInt(20)];
      random.nextBytes(value);
    }
    return new RecordHeader("h" + random.nextInt(3), value);
  }
}
