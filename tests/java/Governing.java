import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.ClientQuotaFilter;

/** What a cluster is governed by besides its topics: SCRAM users, quotas, dynamic configs of any resource. */
final class Governing {
  private final Map<String, Object> client;
  private Admin admin;

  Governing(Map<String, Object> client) {
    this.client = client;
  }

  /** Few tests need it. */
  private Admin admin() {
    if (admin == null) {
      admin = Admin.create(new HashMap<>(client));
    }
    return admin;
  }

  /** "user", "mechanism" (SCRAM-SHA-256), "iterations", "password". */
  Object alterScram(JsonNode c) throws Exception {
    ScramMechanism mechanism = ScramMechanism.fromMechanismName(c.get("mechanism").asText());
    ScramCredentialInfo info = new ScramCredentialInfo(mechanism, c.get("iterations").asInt());
    admin().alterUserScramCredentials(List.of(
        new UserScramCredentialUpsertion(c.get("user").asText(), info, c.get("password").asText()))).all().get();
    return true;
  }

  /** user -> ["SCRAM-SHA-256 8192", ...] */
  Object describeScram() throws Exception {
    Map<String, Object> users = new TreeMap<>();
    admin().describeUserScramCredentials().all().get().forEach((user, description) -> users.put(user,
        description.credentialInfos().stream()
            .map(info -> info.mechanism().mechanismName() + " " + info.iterations()).sorted().toList()));
    return users;
  }

  /** "{user=alice}" -> key -> value; a default's name is null. */
  Object describeQuotas() throws Exception {
    Map<String, Object> quotas = new TreeMap<>();
    admin().describeClientQuotas(ClientQuotaFilter.all()).entities().get().forEach(
        (entity, values) -> quotas.put(new TreeMap<>(entity.entries()).toString(), new TreeMap<>(values)));
    return quotas;
  }

  /** "type" (GROUP, CLIENT_METRICS, BROKER), "name", "set". */
  Object alterResource(JsonNode c) throws Exception {
    List<AlterConfigOp> ops = new ArrayList<>();
    Admins.strings(c.get("set")).forEach(
        (name, value) -> ops.add(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)));
    admin().incrementalAlterConfigs(Map.of(resource(c, c.get("name").asText()), ops)).all().get();
    return true;
  }

  /** Of each of "names": its dynamic configs. */
  Object describeResources(JsonNode c) throws Exception {
    List<ConfigResource> resources = Admins.texts(c.get("names")).stream().map(name -> resource(c, name)).toList();
    Map<String, Object> result = new TreeMap<>();
    for (var entry : admin().describeConfigs(resources).all().get().entrySet()) {
      Map<String, Object> configs = new TreeMap<>();
      for (ConfigEntry config : entry.getValue().entries()) {
        if (config.source().name().startsWith("DYNAMIC_")) {
          configs.put(config.name(), config.value());
        }
      }
      result.put(entry.getKey().name(), configs);
    }
    return result;
  }

  private static ConfigResource resource(JsonNode c, String name) {
    return new ConfigResource(ConfigResource.Type.valueOf(c.get("type").asText()), name);
  }
}
