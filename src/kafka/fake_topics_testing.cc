// Topics, configs and log dirs.
#include "kafka/errors.h"
#include "kafka/fake_handlers_testing.h"
#include "kafka/messages/all.h"

namespace maxbrod::kafka {
namespace {

bool IsController(const FakeCall& call) {
  return call.self == call.world->controller;
}

CreateTopicsResponse HandleCreate(const CreateTopicsRequest& request, FakeCall* call) {
  CreateTopicsResponse response;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    if (!IsController(*call)) {
      out.error_code = error::kNotController;
    } else if (call->world->topics.contains(topic.name)) {
      out.error_code = error::kTopicAlreadyExists;
    } else if (!request.validate_only) {
      auto brokers = static_cast<int32_t>(call->brokers.size());
      FakeTopic& made =
          call->world->AddTopic(topic.name, std::max(topic.num_partitions, 1), brokers);
      for (const auto& config : topic.configs)
        made.configs[config.name] = config.value.value_or("");
      if (call->version >= 7) out.topic_id = made.id;
    }
  }
  return response;
}

DeleteTopicsResponse HandleDelete(const DeleteTopicsRequest& request, FakeCall* call) {
  DeleteTopicsResponse response;
  std::vector<std::string> names = request.topic_names;
  for (const auto& topic : request.topics) names.push_back(topic.name.value_or(""));
  for (const std::string& name : names) {
    auto& out = response.responses.emplace_back();
    out.name = name;
    if (!IsController(*call)) {
      out.error_code = error::kNotController;
    } else if (call->world->topics.erase(name) == 0) {
      out.error_code = error::kUnknownTopicOrPartition;
    }
  }
  return response;
}

void AddConfig(const std::string& name, const std::string& value, ConfigSource source,
               DescribeConfigsResponse::Resource* out) {
  auto& config = out->configs.emplace_back();
  config.name = name;
  config.value = value;
  config.config_source = static_cast<int8_t>(source);
}

// Of a resource that is no topic.
ConfigSource SourceOf(int8_t resource_type, const std::string& name) {
  switch (static_cast<ConfigResourceType>(resource_type)) {
    case ConfigResourceType::kGroup:
      return ConfigSource::kGroup;
    case ConfigResourceType::kClientMetrics:
      return ConfigSource::kClientMetrics;
    default:
      return name.empty() ? ConfigSource::kDynamicDefaultBroker : ConfigSource::kDynamicBroker;
  }
}

DescribeConfigsResponse HandleDescribeConfigs(const DescribeConfigsRequest& request,
                                              FakeCall* call) {
  DescribeConfigsResponse response;
  for (const auto& resource : request.resources) {
    auto& out = response.results.emplace_back();
    out.resource_type = resource.resource_type;
    out.resource_name = resource.resource_name;
    std::map<std::string, std::string> overrides;
    if (resource.resource_type == static_cast<int8_t>(ResourceType::kTopic)) {
      auto topic = call->world->topics.find(resource.resource_name);
      if (topic == call->world->topics.end()) {
        out.error_code = error::kUnknownTopicOrPartition;
        continue;
      }
      overrides = topic->second.configs;
    } else if (auto own = call->world->resource_configs.find(
                   {resource.resource_type, resource.resource_name});
               own != call->world->resource_configs.end()) {
      for (const auto& [name, value] : own->second)
        AddConfig(name, value, SourceOf(resource.resource_type, resource.resource_name), &out);
    }
    for (const auto& [name, value] : overrides) AddConfig(name, value, ConfigSource::kTopic, &out);
    for (const auto& [name, value] : call->world->config_defaults) {
      if (!overrides.contains(name)) AddConfig(name, value, ConfigSource::kDefault, &out);
    }
  }
  return response;
}

IncrementalAlterConfigsResponse HandleAlterConfigs(const IncrementalAlterConfigsRequest& request,
                                                   FakeCall* call) {
  IncrementalAlterConfigsResponse response;
  for (const auto& resource : request.resources) {
    auto& out = response.responses.emplace_back();
    out.resource_type = resource.resource_type;
    out.resource_name = resource.resource_name;
    std::map<std::string, std::string>* configs = nullptr;
    if (resource.resource_type == static_cast<int8_t>(ResourceType::kTopic)) {
      auto topic = call->world->topics.find(resource.resource_name);
      if (topic != call->world->topics.end()) configs = &topic->second.configs;
    } else {
      configs = &call->world->resource_configs[{resource.resource_type, resource.resource_name}];
    }
    if (configs == nullptr) {
      out.error_code = error::kUnknownTopicOrPartition;
      continue;
    }
    for (const auto& config : resource.configs) {
      if (config.name.starts_with("unknown.")) {
        out.error_code = error::kInvalidConfig;
        out.error_message = "Unknown config name: " + config.name;
      }
    }
    for (const auto& config : resource.configs) {
      if (request.validate_only || out.error_code != 0) continue;
      if (config.config_operation == 1) {
        configs->erase(config.name);
      } else {
        (*configs)[config.name] = config.value.value_or("");
      }
    }
  }
  return response;
}

DescribeLogDirsResponse HandleLogDirs(const DescribeLogDirsRequest&, FakeCall* call) {
  DescribeLogDirsResponse response;
  auto& dir = response.results.emplace_back();
  dir.log_dir = "/fake/" + std::to_string(call->self);
  dir.total_bytes = call->version >= 4 ? 1 << 30 : -1;
  dir.usable_bytes = call->version >= 4 ? 1 << 29 : -1;
  for (const auto& [name, topic] : call->world->topics) {
    auto& out = dir.topics.emplace_back();
    out.name = name;
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
      if (topic.partitions[i].leader != call->self) continue;
      auto& p = out.partitions.emplace_back();
      p.partition_index = static_cast<int32_t>(i);
      for (const auto& [offset, batch] : topic.partitions[i].batches) {
        p.partition_size += static_cast<int64_t>(batch.size());
      }
    }
  }
  return response;
}

}  // namespace

void AddFakeTopicHandlers(FakeHandlers* handlers) {
  (*handlers)[CreateTopicsRequest::kApi.key] = MakeFakeHandler<CreateTopicsRequest>(&HandleCreate);
  (*handlers)[DeleteTopicsRequest::kApi.key] = MakeFakeHandler<DeleteTopicsRequest>(&HandleDelete);
  (*handlers)[DescribeConfigsRequest::kApi.key] =
      MakeFakeHandler<DescribeConfigsRequest>(&HandleDescribeConfigs);
  (*handlers)[IncrementalAlterConfigsRequest::kApi.key] =
      MakeFakeHandler<IncrementalAlterConfigsRequest>(&HandleAlterConfigs);
  (*handlers)[DescribeLogDirsRequest::kApi.key] =
      MakeFakeHandler<DescribeLogDirsRequest>(&HandleLogDirs);
}

}  // namespace maxbrod::kafka
