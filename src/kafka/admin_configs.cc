// Configs of groups, client metrics subscriptions and brokers; ListConfigResources.
#include "kafka/admin_calls.h"
#include "kafka/cluster_configs.h"
#include "kafka/messages/list_config_resources.h"

namespace maxbrod::kafka {
namespace {

Resource ResourceOf(ConfigResourceType type, const std::string& name) {
  switch (type) {
    case ConfigResourceType::kTopic:
      return {"Topic", name};
    case ConfigResourceType::kGroup:
      return {"Group", name};
    case ConfigResourceType::kBroker:
    case ConfigResourceType::kClientMetrics:
      break;
  }
  return kClusterResource;
}

std::string Described(ConfigResourceType type, const std::string& name) {
  switch (type) {
    case ConfigResourceType::kTopic:
      return "topic " + name;
    case ConfigResourceType::kGroup:
      return "group " + name;
    case ConfigResourceType::kClientMetrics:
      return "client metrics " + name;
    case ConfigResourceType::kBroker:
      break;
  }
  return name.empty() ? "all brokers" : "broker " + name;
}

// Brokers that do not know a resource type call the request malformed (up to 3.9 those of groups).
Status DescribeError(const DescribeConfigsResponse::Resource& resource, ConfigResourceType type) {
  constexpr int16_t kInvalidRequest = 42;
  const std::string& name = resource.resource_name;
  bool newer = type == ConfigResourceType::kGroup || type == ConfigResourceType::kClientMetrics;
  if (newer && resource.error_code == kInvalidRequest) {
    return Status(Code::kUnsupported,
                  std::string("the cluster's version has no configs of ") +
                      (type == ConfigResourceType::kGroup ? "groups" : "client metrics"))
        .WithKafkaError(kInvalidRequest);
  }
  return CallError(resource.error_code, DescribeConfigsRequest::kApi, Described(type, name),
                   ResourceOf(type, name), BrokerId(-1), resource.error_message.value_or(""));
}

StatusByName StatusesFrom(const IncrementalAlterConfigsResponse& response, ConfigResourceType type,
                          BrokerId broker) {
  StatusByName statuses;
  for (const auto& resource : response.responses) {
    const std::string& name = resource.resource_name;
    statuses[name] =
        CallError(resource.error_code, IncrementalAlterConfigsRequest::kApi, Described(type, name),
                  ResourceOf(type, name), broker, resource.error_message.value_or(""));
  }
  return statuses;
}

}  // namespace

Result<std::map<std::string, Result<std::vector<ConfigValue>>>> Admin::DescribeConfigs(
    ConfigResourceType type, const std::vector<std::string>& names, const CallContext& context) {
  std::map<std::string, std::vector<ConfigValue>> values;
  auto ask = [&](const Names& some, const CallContext& bounded) -> Result<StatusByName> {
    DescribeConfigsRequest request = DescribeConfigsOf(static_cast<int8_t>(type), some);
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallAny(request, bounded));
    StatusByName statuses;
    for (const auto& resource : response.results) {
      const std::string& name = resource.resource_name;
      statuses[name] = DescribeError(resource, type);
      if (resource.error_code == 0) values[name] = ConfigValuesFrom(resource);
    }
    return statuses;
  };
  MB_ASSIGN_OR_RETURN(
      StatusByName statuses,
      CallByName(cluster_.impl_.get(), DescribeConfigsRequest::kApi, names, {}, ask, context));
  std::map<std::string, Result<std::vector<ConfigValue>>> out;
  for (const auto& [name, status] : statuses) {
    if (status.ok()) {
      out.emplace(name, std::move(values[name]));
    } else {
      out.emplace(name, status);
    }
  }
  return out;
}

Result<std::map<std::string, Status>> Admin::AlterConfigs(
    ConfigResourceType type, const std::map<std::string, std::vector<ConfigChange>>& changes,
    bool validate_only, const CallContext& context) {
  auto ask = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
    IncrementalAlterConfigsRequest request;
    request.validate_only = validate_only;
    for (const std::string& name : names) {
      AddAlteration(static_cast<int8_t>(type), name, changes.at(name), &request);
    }
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallController(request, bounded));
    return StatusesFrom(response, type, BrokerId(-1));
  };
  Names names;
  for (const auto& [name, list] : changes) names.push_back(name);
  return CallByName(cluster_.impl_.get(), IncrementalAlterConfigsRequest::kApi, names, {}, ask,
                    context);
}

Status Admin::AlterBrokerConfigs(BrokerId broker, const std::vector<ConfigChange>& changes,
                                 bool validate_only, const CallContext& context) {
  std::string id = std::to_string(broker.value());
  auto ask = [&](const Names&, const CallContext& bounded) -> Result<StatusByName> {
    IncrementalAlterConfigsRequest request;
    request.validate_only = validate_only;
    AddAlteration(static_cast<int8_t>(ConfigResourceType::kBroker), id, changes, &request);
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallOn(broker, request, bounded));
    return StatusesFrom(response, ConfigResourceType::kBroker, broker);
  };
  auto statuses = CallByName(cluster_.impl_.get(), IncrementalAlterConfigsRequest::kApi, {id}, {},
                             ask, context);
  if (!statuses.ok()) return statuses.status();
  return (*statuses)[id];
}

Result<std::vector<std::string>> Admin::ListConfigResources(ConfigResourceType type,
                                                            const CallContext& context) {
  ListConfigResourcesRequest request;
  request.resource_types = {static_cast<int8_t>(type)};
  auto response = CallForWhole(cluster_.impl_.get(), request, context, {1, 1});
  if (response.status().code() == Code::kUnsupported &&
      type == ConfigResourceType::kClientMetrics) {
    // Version 0 knows no other type.
    response = CallForWhole(cluster_.impl_.get(), ListConfigResourcesRequest(), context, {0, 0});
  }
  if (!response.ok()) return response.status();
  std::vector<std::string> names;
  for (const auto& resource : response->config_resources) {
    if (resource.resource_type == static_cast<int8_t>(type))
      names.push_back(resource.resource_name);
  }
  return names;
}

}  // namespace maxbrod::kafka
