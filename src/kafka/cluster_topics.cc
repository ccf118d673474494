// CreateTopics and DeleteTopics.
#include "kafka/cluster_named.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"

namespace maxbrod::kafka {
namespace {

constexpr size_t kTopicsPerRequestMax = 100;
constexpr int16_t kDeleteByTopicStructSince = 6;

int32_t TimeoutMillis(const ClientConfig& config) {
  return static_cast<int32_t>(config.request_timeout.count());
}

}  // namespace

// A lost answer may hide a creation that succeeded; the next try then says that the topic exists.
// That is not turned into a success, since somebody else may have been faster.
Result<std::map<std::string, CreatedTopic>> Cluster::CreateTopics(
    const std::vector<NewTopic>& topics, bool validate_only, const CallContext& context) {
  std::map<std::string, const NewTopic*> by_name;
  Names names;
  for (const NewTopic& topic : topics) {
    by_name[topic.name] = &topic;
    names.push_back(topic.name);
  }
  std::map<std::string, CreatedTopic> created;
  auto ask = [&](const Names& chunk, const CallContext& bounded) -> Result<StatusByName> {
    CreateTopicsRequest request;
    request.timeout_ms = TimeoutMillis(impl_->config);
    request.validate_only = validate_only;
    for (const std::string& name : chunk) {
      const NewTopic& topic = *by_name[name];
      auto& out = request.topics.emplace_back();
      out.name = name;
      out.num_partitions = topic.partitions;
      out.replication_factor = topic.replication_factor;
      for (size_t i = 0; i < topic.assignments.size(); ++i)
        out.assignments.push_back({static_cast<int32_t>(i), topic.assignments[i]});
      if (!topic.assignments.empty()) {
        // The broker wants to be told only once (ReplicationControlManager.createTopic).
        out.num_partitions = -1;
        out.replication_factor = -1;
      }
      for (const auto& [key, value] : topic.configs) out.configs.push_back({key, value});
    }
    MB_ASSIGN_OR_RETURN(auto response, impl_->CallController(request, bounded));
    StatusByName statuses;
    for (const auto& topic : response.topics) {
      statuses[topic.name] =
          CallError(topic.error_code, CreateTopicsRequest::kApi, topic.name, {"Topic", topic.name},
                    BrokerId(-1), topic.error_message.value_or(""));
      created[topic.name].id = TopicId{topic.topic_id};
    }
    return statuses;
  };
  MB_ASSIGN_OR_RETURN(auto statuses,
                      CallByName(impl_.get(), CreateTopicsRequest::kApi, names,
                                 {.names_per_request_max = kTopicsPerRequestMax}, ask, context));
  for (const auto& [name, status] : statuses) created[name].status = status;
  return created;
}

Result<std::map<std::string, Status>> Cluster::DeleteTopics(const std::vector<std::string>& topics,
                                                            const CallContext& context) {
  auto ask = [&](const Names& chunk, const CallContext& bounded) -> Result<StatusByName> {
    // Where the names stand depends on the version, which each connection negotiates.
    // what it will be.
    DeleteTopicsRequest by_name, by_struct;
    by_name.timeout_ms = by_struct.timeout_ms = TimeoutMillis(impl_->config);
    by_name.topic_names = chunk;
    for (const std::string& name : chunk) by_struct.topics.push_back({name, Uuid()});
    VersionRange with_struct{kDeleteByTopicStructSince, DeleteTopicsRequest::kApi.version_max};
    VersionRange with_names{DeleteTopicsRequest::kApi.version_min, kDeleteByTopicStructSince - 1};
    auto response = impl_->CallController(by_struct, bounded, with_struct);
    if (response.status().code() == Code::kUnsupported) {
      response = impl_->CallController(by_name, bounded, with_names);
    }
    if (!response.ok()) return response.status();
    StatusByName statuses;
    for (const auto& topic : response->responses) {
      std::string name = topic.name.value_or("");
      statuses[name] = CallError(topic.error_code, DeleteTopicsRequest::kApi, name, {"Topic", name},
                                 BrokerId(-1), topic.error_message.value_or(""));
    }
    return statuses;
  };
  return CallByName(impl_.get(), DeleteTopicsRequest::kApi, topics,
                    {.names_per_request_max = kTopicsPerRequestMax}, ask, context);
}

}  // namespace maxbrod::kafka
