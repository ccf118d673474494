import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;

/**
 * Kafka's own Java client as a child process of the tests: it reads one JSON command per line on stdin and answers
 * each with one JSON line on stdout, {"ok": ...} or {"error": ..., "type": ...}. It ends at the end of stdin.
 *
 * <p>Arguments: bootstrap servers, then client properties as key=value. Commands are one per method of the classes
 * named in {@link #handle}; they run one after another, except what is called "start", which runs on until its "stop".
 */
public final class KafkaProbe {
  static final ObjectMapper JSON = new ObjectMapper();

  private final Admins admins;
  private final Producing producing;
  private final Transacting transacting;
  private final Transforming transforming;
  private final Dumping dumping;
  private final Consuming consuming;
  private final Governing governing;

  private KafkaProbe(Map<String, Object> client) {
    admins = new Admins(client);
    producing = new Producing(client);
    transacting = new Transacting(client);
    transforming = new Transforming(client);
    dumping = new Dumping(client);
    consuming = new Consuming(client);
    governing = new Governing(client);
  }

  public static void main(String[] args) throws Exception {
    Map<String, Object> client = new HashMap<>();
    client.put("bootstrap.servers", args[0]);
    for (int i = 1; i < args.length; i++) {
      int equals = args[i].indexOf('=');
      client.put(args[i].substring(0, equals), args[i].substring(equals + 1));
    }
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    KafkaProbe probe = new KafkaProbe(client);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(probe.answer(line));
    }
    probe.consuming.stopAll();
    probe.producing.stopAll();
    probe.transforming.stopAll();
    System.exit(0);
  }

  private String answer(String line) throws Exception {
    ObjectNode answer = JSON.createObjectNode();
    try {
      JsonNode command = JSON.readTree(line);
      answer.set("ok", JSON.valueToTree(handle(command.get("cmd").asText(), command)));
    } catch (Throwable failure) {
      Throwable cause = failure;
      while (cause instanceof ExecutionException && cause.getCause() != null) {
        cause = cause.getCause();
      }
      answer.put("error", String.valueOf(cause.getMessage()));
      answer.put("type", cause.getClass().getSimpleName());
      failure.printStackTrace();
    }
    return JSON.writeValueAsString(answer);
  }

  private Object handle(String name, JsonNode c) throws Exception {
    return switch (name) {
      case "ping" -> "pong";
      case "cluster" -> admins.cluster();
      case "create-topic" -> admins.createTopic(c);
      case "create-topics" -> admins.createTopics(c);
      case "delete-topic" -> admins.deleteTopics(c);
      case "describe-topics" -> admins.describeTopics(c);
      case "describe-configs" -> admins.describeConfigs(c);
      case "alter-configs" -> admins.alterConfigs(c);
      case "delete-records" -> admins.deleteRecords(c);
      case "reassign" -> admins.reassign(c);
      case "create-acl" -> admins.createAcl(c);
      case "describe-acls" -> admins.describeAcls();
      case "set-quota" -> admins.setQuota(c);
      case "alter-scram" -> governing.alterScram(c);
      case "describe-scram" -> governing.describeScram();
      case "describe-quotas" -> governing.describeQuotas();
      case "alter-resource" -> governing.alterResource(c);
      case "describe-resources" -> governing.describeResources(c);
      case "offsets" -> admins.offsets(c);
      case "offsets-for-times" -> admins.offsetsForTimes(c);
      case "commit-offsets" -> admins.commitOffsets(c);
      case "groups" -> admins.groups();
      case "delete-group" -> admins.deleteGroup(c);
      case "produce" -> producing.produce(c);
      case "produce-start" -> producing.start(c);
      case "produce-stop" -> producing.stop(c);
      case "open-transaction" -> producing.openTransaction(c);
      case "end-transaction" -> producing.endTransaction(c);
      case "transactions" -> transacting.transactions(c);
      case "markers" -> transacting.markers(c);
      case "transform-start" -> transforming.start(c);
      case "transform-status" -> transforming.status(c);
      case "transform-stop" -> transforming.stop(c);
      case "dump" -> dumping.dump(c);
      case "consumer-start" -> consuming.start(c);
      case "consumer-status" -> consuming.status(c);
      case "consumer-stop" -> consuming.stop(c);
      default -> throw new IllegalArgumentException("no such command: " + name);
    };
  }
}
