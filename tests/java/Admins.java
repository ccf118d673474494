import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.PreferredLeaderNotAvailableException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Administration and offsets, through the Admin client. */
final class Admins {
  private final Admin admin;

  Admins(Map<String, Object> client) {
    Map<String, Object> properties = new HashMap<>(client);
    properties.put("request.timeout.ms", "20000");
    admin = Admin.create(properties);
  }

  Object cluster() throws Exception {
    DescribeClusterResult result = admin.describeCluster();
    List<Object> brokers = new ArrayList<>();
    for (Node node : result.nodes().get()) {
      Map<String, Object> broker = new LinkedHashMap<>();
      broker.put("id", node.id());
      broker.put("address", node.host() + ":" + node.port());
      broker.put("rack", node.rack());
      brokers.add(broker);
    }
    return Map.of("id", result.clusterId().get(), "controller", result.controller().get().id(), "brokers", brokers);
  }

  Object createTopic(JsonNode c) throws Exception {
    NewTopic topic = newTopic(c);
    String id = admin.createTopics(List.of(topic)).topicId(topic.name()).get().toString();
    awaitLeaders(topic.name());
    return id;
  }

  /** Many at once: "topics" is a list of what create-topic takes. */
  Object createTopics(JsonNode c) throws Exception {
    List<NewTopic> topics = new ArrayList<>();
    c.get("topics").forEach(topic -> topics.add(newTopic(topic)));
    admin.createTopics(topics).all().get();
    for (NewTopic topic : topics) {
      awaitLeaders(topic.name());
    }
    return topics.size();
  }

  private static NewTopic newTopic(JsonNode c) {
    NewTopic topic;
    if (c.has("assignment")) {
      Map<Integer, List<Integer>> assignment = new HashMap<>();
      int partition = 0;
      for (JsonNode replicas : c.get("assignment")) {
        assignment.put(partition++, ints(replicas));
      }
      topic = new NewTopic(c.get("topic").asText(), assignment);
    } else {
      topic = new NewTopic(c.get("topic").asText(), Optional.of(c.path("partitions").asInt(1)),
          Optional.of((short) c.path("rf").asInt(1)));
    }
    topic.configs(strings(c.path("configs")));
    return topic;
  }

  /**
   * Until every partition's leader serves it. A producer that pipelines batches to a leader which is not one yet can lose
   * the first and have the second taken, from which it does not recover.
   */
  private void awaitLeaders(String topic) throws Exception {
    for (int tries = 0; ; tries++) {
      try {
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        partitions(List.of(topic)).forEach(partition -> latest.put(partition, OffsetSpec.latest()));
        admin.listOffsets(latest).all().get();
        return;
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof RetriableException) || tries > 300) {
          throw e;
        }
        Thread.sleep(50);
      }
    }
  }

  Object deleteTopics(JsonNode c) throws Exception {
    admin.deleteTopics(List.of(c.get("topic").asText())).all().get();
    return true;
  }

  /** Every topic that is not internal, or those named in "topics". */
  Object describeTopics(JsonNode c) throws Exception {
    Collection<String> names = c.has("topics") ? texts(c.get("topics")) : admin.listTopics().names().get();
    Map<String, Object> topics = new TreeMap<>();
    for (TopicDescription topic : admin.describeTopics(names).allTopicNames().get().values()) {
      List<Object> partitions = new ArrayList<>();
      for (TopicPartitionInfo info : topic.partitions()) {
        Map<String, Object> partition = new LinkedHashMap<>();
        partition.put("partition", info.partition());
        partition.put("leader", info.leader() == null ? -1 : info.leader().id());
        partition.put("replicas", info.replicas().stream().map(Node::id).toList());
        partition.put("isr", info.isr().stream().map(Node::id).toList());
        partitions.add(partition);
      }
      topics.put(topic.name(), Map.of("id", topic.topicId().toString(), "partitions", partitions));
    }
    return topics;
  }

  /** topic -> name -> {value, source}; only what is set on the topic itself unless "all". */
  Object describeConfigs(JsonNode c) throws Exception {
    List<ConfigResource> resources = new ArrayList<>();
    texts(c.path("topics")).forEach(t -> resources.add(new ConfigResource(ConfigResource.Type.TOPIC, t)));
    texts(c.path("brokers")).forEach(b -> resources.add(new ConfigResource(ConfigResource.Type.BROKER, b)));
    Map<String, Object> result = new TreeMap<>();
    for (var entry : admin.describeConfigs(resources).all().get().entrySet()) {
      Map<String, Object> configs = new TreeMap<>();
      for (ConfigEntry config : entry.getValue().entries()) {
        boolean own = config.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG;
        if (own || c.path("all").asBoolean()) {
          Map<String, Object> value = new LinkedHashMap<>();
          value.put("value", config.value());
          value.put("source", config.source().name());
          configs.put(config.name(), value);
        }
      }
      result.put(entry.getKey().name(), configs);
    }
    return result;
  }

  Object alterConfigs(JsonNode c) throws Exception {
    ConfigResource resource = c.has("broker")
        ? new ConfigResource(ConfigResource.Type.BROKER, c.get("broker").asText())
        : new ConfigResource(ConfigResource.Type.TOPIC, c.get("topic").asText());
    List<AlterConfigOp> ops = new ArrayList<>();
    strings(c.path("set")).forEach(
        (name, value) -> ops.add(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)));
    texts(c.path("delete")).forEach(
        name -> ops.add(new AlterConfigOp(new ConfigEntry(name, ""), AlterConfigOp.OpType.DELETE)));
    admin.incrementalAlterConfigs(Map.of(resource, ops)).all().get();
    return true;
  }

  Object deleteRecords(JsonNode c) throws Exception {
    TopicPartition partition = partition(c);
    return admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(c.get("before").asLong())))
        .lowWatermarks().get(partition).get().lowWatermark();
  }

  /** Moves a partition to the brokers in "replicas", the first of which becomes its leader. Waits for both. */
  Object reassign(JsonNode c) throws Exception {
    TopicPartition partition = partition(c);
    List<Integer> replicas = ints(c.get("replicas"));
    admin.alterPartitionReassignments(Map.of(partition, Optional.of(new NewPartitionReassignment(replicas)))).all().get();
    while (!admin.listPartitionReassignments(Set.of(partition)).reassignments().get().isEmpty()) {
      Thread.sleep(50);
    }
    for (int tries = 0; ; tries++) {
      try {
        admin.electLeaders(ElectionType.PREFERRED, Set.of(partition)).all().get();
        return true;
      } catch (ExecutionException e) {
        if (e.getCause() instanceof ElectionNotNeededException) {
          return true;
        }
        if (!(e.getCause() instanceof PreferredLeaderNotAvailableException) || tries > 300) {
          throw e;
        }
        Thread.sleep(100);  // not in sync yet
      }
    }
  }

  /** ACL: principal, operation, resource type and name, "prefixed"? , "deny"? */
  Object createAcl(JsonNode c) throws Exception {
    ResourcePattern pattern = new ResourcePattern(ResourceType.fromString(c.get("resource").asText()),
        c.get("name").asText(), c.path("prefixed").asBoolean() ? PatternType.PREFIXED : PatternType.LITERAL);
    AccessControlEntry entry = new AccessControlEntry(c.get("principal").asText(), "*",
        AclOperation.fromString(c.get("operation").asText()),
        c.path("deny").asBoolean() ? AclPermissionType.DENY : AclPermissionType.ALLOW);
    admin.createAcls(List.of(new AclBinding(pattern, entry))).all().get();
    return true;
  }

  Object describeAcls() throws Exception {
    return admin.describeAcls(AclBindingFilter.ANY).values().get().stream().map(AclBinding::toString).sorted().toList();
  }

  /** Client quotas of a user ("" is the default user): name -> value. */
  Object setQuota(JsonNode c) throws Exception {
    Map<String, String> entity = new HashMap<>();
    c.get("entity").fields().forEachRemaining(
        e -> entity.put(e.getKey(), e.getValue().isNull() ? null : e.getValue().asText()));
    List<ClientQuotaAlteration.Op> ops = new ArrayList<>();
    c.get("quotas").fields().forEachRemaining(e -> ops.add(new ClientQuotaAlteration.Op(
        e.getKey(), e.getValue().isNull() ? null : e.getValue().asDouble())));
    admin.alterClientQuotas(List.of(new ClientQuotaAlteration(new ClientQuotaEntity(entity), ops))).all().get();
    return true;
  }

  /** topic -> [{partition, begin, end, stable}] */
  Object offsets(JsonNode c) throws Exception {
    Map<TopicPartition, OffsetSpec> earliest = new HashMap<>();
    Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
    for (TopicPartition partition : partitions(texts(c.get("topics")))) {
      earliest.put(partition, OffsetSpec.earliest());
      latest.put(partition, OffsetSpec.latest());
    }
    Map<TopicPartition, ListOffsetsResultInfo> begin = admin.listOffsets(earliest).all().get();
    Map<TopicPartition, ListOffsetsResultInfo> end = admin.listOffsets(latest).all().get();
    Map<TopicPartition, ListOffsetsResultInfo> stable =
        admin.listOffsets(latest, new ListOffsetsOptions(IsolationLevel.READ_COMMITTED)).all().get();
    Map<String, Map<Integer, Object>> result = new TreeMap<>();
    for (TopicPartition partition : earliest.keySet()) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("begin", begin.get(partition).offset());
      values.put("end", end.get(partition).offset());
      values.put("stable", stable.get(partition).offset());
      result.computeIfAbsent(partition.topic(), t -> new TreeMap<>()).put(partition.partition(), values);
    }
    return result;
  }

  /** For each of "times": the first offset with that timestamp or a later one (-1: none) and its timestamp. */
  Object offsetsForTimes(JsonNode c) throws Exception {
    TopicPartition partition = partition(c);
    List<Object> result = new ArrayList<>();
    for (JsonNode time : c.get("times")) {
      ListOffsetsResultInfo info =
          admin.listOffsets(Map.of(partition, OffsetSpec.forTimestamp(time.asLong()))).all().get().get(partition);
      result.add(List.of(info.offset(), info.timestamp()));
    }
    return result;
  }

  /** "offsets": {"topic:partition": offset or [offset, metadata]}. */
  Object commitOffsets(JsonNode c) throws Exception {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    c.get("offsets").fields().forEachRemaining(e -> {
      JsonNode value = e.getValue();
      offsets.put(parse(e.getKey()), value.isArray()
          ? new OffsetAndMetadata(value.get(0).asLong(), value.get(1).asText())
          : new OffsetAndMetadata(value.asLong()));
    });
    admin.alterConsumerGroupOffsets(c.get("group").asText(), offsets).all().get();
    return true;
  }

  /** group -> {state, members, offsets: {"topic:partition": [offset, metadata]}} */
  Object groups() throws Exception {
    List<String> names =
        admin.listConsumerGroups().all().get().stream().map(ConsumerGroupListing::groupId).sorted().toList();
    Map<String, ConsumerGroupDescription> described = admin.describeConsumerGroups(names).all().get();
    Map<String, Object> result = new TreeMap<>();
    for (String name : names) {
      Map<String, Object> offsets = new TreeMap<>();
      admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get().forEach((partition, value) -> {
        if (value != null) {
          offsets.put(partition.topic() + ":" + partition.partition(), List.of(value.offset(), value.metadata()));
        }
      });
      ConsumerGroupDescription description = described.get(name);
      result.put(name, Map.of("state", description.state().toString(), "members", description.members().size(),
          "offsets", offsets));
    }
    return result;
  }

  Object deleteGroup(JsonNode c) throws Exception {
    admin.deleteConsumerGroups(List.of(c.get("group").asText())).all().get();
    return true;
  }

  private List<TopicPartition> partitions(Collection<String> topics) throws Exception {
    List<TopicPartition> partitions = new ArrayList<>();
    for (TopicDescription topic : admin.describeTopics(topics).allTopicNames().get().values()) {
      topic.partitions().forEach(p -> partitions.add(new TopicPartition(topic.name(), p.partition())));
    }
    return partitions;
  }

  static TopicPartition partition(JsonNode c) {
    return new TopicPartition(c.get("topic").asText(), c.path("partition").asInt(0));
  }

  /** "topic:partition" */
  static TopicPartition parse(String text) {
    int colon = text.lastIndexOf(':');
    return new TopicPartition(text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
  }

  static List<Integer> ints(JsonNode array) {
    List<Integer> values = new ArrayList<>();
    array.forEach(value -> values.add(value.asInt()));
    return values;
  }

  static List<String> texts(JsonNode array) {
    List<String> values = new ArrayList<>();
    array.forEach(value -> values.add(value.asText()));
    return values;
  }

  static Map<String, String> strings(JsonNode object) {
    Map<String, String> values = new HashMap<>();
    object.fields().forEachRemaining(e -> values.put(e.getKey(), e.getValue().asText()));
    return values;
  }
}
