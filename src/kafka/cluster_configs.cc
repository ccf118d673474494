// DescribeConfigs and IncrementalAlterConfigs.
#include "kafka/cluster_configs.h"

namespace maxbrod::kafka {
namespace {

constexpr Millis kNewTopicPatience{3'000};
constexpr int8_t kOperationSet = 0;
constexpr int8_t kOperationDelete = 1;
constexpr int8_t kTopicType = static_cast<int8_t>(ResourceType::kTopic);
constexpr int8_t kBrokerType = static_cast<int8_t>(ResourceType::kBroker);

using TopicConfigs = std::map<std::string, std::vector<ConfigValue>>;

// From a broker of one's choice, or any when it is -1.
Result<TopicConfigs> Describe(Cluster::Impl* cluster, BrokerId broker, const Names& topics,
                              const CallContext& context) {
  TopicConfigs out;
  auto ask = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
    DescribeConfigsRequest request = DescribeConfigsOf(kTopicType, names);
    auto response = broker.value() < 0 ? cluster->CallAny(request, bounded)
                                       : cluster->CallOn(broker, request, bounded);
    if (!response.ok()) return response.status();
    StatusByName statuses;
    for (const auto& resource : response->results) {
      const std::string& name = resource.resource_name;
      statuses[name] = CallError(resource.error_code, DescribeConfigsRequest::kApi, name,
                                 {"Topic", name}, broker, resource.error_message.value_or(""));
      if (resource.error_code == 0) out[name] = ConfigValuesFrom(resource);
    }
    return statuses;
  };
  MB_ASSIGN_OR_RETURN(auto statuses,
                      CallByName(cluster, DescribeConfigsRequest::kApi, topics,
                                 {.unknown_patience = kNewTopicPatience}, ask, context));
  for (const auto& [name, status] : statuses) {
    if (!status.ok() && status.kafka_error() != error::kUnknownTopicOrPartition) return status;
  }
  return out;
}

}  // namespace

std::vector<ConfigValue> ConfigValuesFrom(const DescribeConfigsResponse::Resource& resource) {
  std::vector<ConfigValue> out;
  out.reserve(resource.configs.size());
  for (const auto& config : resource.configs) {
    bool known = config.config_source >= 0 &&
                 config.config_source <= static_cast<int8_t>(ConfigSource::kGroup);
    out.push_back({config.name, config.is_sensitive ? std::nullopt : config.value,
                   known ? static_cast<ConfigSource>(config.config_source) : ConfigSource::kUnknown,
                   config.read_only, config.is_sensitive});
  }
  return out;
}

DescribeConfigsRequest DescribeConfigsOf(int8_t resource_type, const Names& names) {
  DescribeConfigsRequest request;
  for (const std::string& name : names) {
    request.resources.push_back({resource_type, name, std::nullopt});
  }
  return request;
}

void AddAlteration(int8_t resource_type, const std::string& name,
                   const std::vector<ConfigChange>& changes,
                   IncrementalAlterConfigsRequest* request) {
  auto& resource = request->resources.emplace_back();
  resource.resource_type = resource_type;
  resource.resource_name = name;
  for (const ConfigChange& change : changes) {
    resource.configs.push_back(
        {change.name, change.value ? kOperationSet : kOperationDelete, change.value});
  }
}

Result<TopicConfigs> Cluster::DescribeTopicConfigs(const std::vector<std::string>& topics,
                                                   const CallContext& context) {
  return Describe(impl_.get(), BrokerId(-1), topics, context);
}

Result<TopicConfigs> Cluster::DescribeTopicConfigsOn(BrokerId broker,
                                                     const std::vector<std::string>& topics,
                                                     const CallContext& context) {
  return Describe(impl_.get(), broker, topics, context);
}

Result<std::vector<ConfigValue>> Cluster::DescribeBrokerConfigs(BrokerId broker,
                                                                const CallContext& context) {
  std::string name = std::to_string(broker.value());
  std::vector<ConfigValue> out;
  auto ask = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
    DescribeConfigsRequest request = DescribeConfigsOf(kBrokerType, names);
    MB_ASSIGN_OR_RETURN(auto response, impl_->CallOn(broker, request, bounded));
    StatusByName statuses;
    for (const auto& resource : response.results) {
      statuses[resource.resource_name] =
          CallError(resource.error_code, DescribeConfigsRequest::kApi, "broker " + name,
                    {"Cluster", ""}, broker, resource.error_message.value_or(""));
      out = ConfigValuesFrom(resource);
    }
    return statuses;
  };
  MB_ASSIGN_OR_RETURN(auto statuses, CallByName(impl_.get(), DescribeConfigsRequest::kApi, {name},
                                                {}, ask, context));
  MB_RETURN_IF_ERROR(statuses[name]);
  return out;
}

Result<std::map<std::string, Status>> Cluster::AlterTopicConfigs(
    const std::map<std::string, std::vector<ConfigChange>>& changes, bool validate_only,
    const CallContext& context) {
  auto ask = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
    IncrementalAlterConfigsRequest request;
    request.validate_only = validate_only;
    for (const std::string& name : names) {
      AddAlteration(kTopicType, name, changes.at(name), &request);
    }
    MB_ASSIGN_OR_RETURN(auto response, impl_->CallController(request, bounded));
    StatusByName statuses;
    for (const auto& resource : response.responses) {
      const std::string& name = resource.resource_name;
      statuses[name] =
          CallError(resource.error_code, IncrementalAlterConfigsRequest::kApi, name,
                    {"Topic", name}, BrokerId(-1), resource.error_message.value_or(""));
    }
    return statuses;
  };
  Names names;
  for (const auto& [name, list] : changes) names.push_back(name);
  return CallByName(impl_.get(), IncrementalAlterConfigsRequest::kApi, names,
                    {.unknown_patience = kNewTopicPatience}, ask, context);
}

}  // namespace maxbrod::kafka
