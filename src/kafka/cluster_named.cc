#include "kafka/cluster_named.h"

namespace maxbrod::kafka {
namespace {

bool AskAgain(const Status& status, const NamedOptions& options, const Retry& retry) {
  if (status.kafka_error() == error::kUnknownTopicOrPartition)
    return retry.elapsed() < options.unknown_patience;
  return Retry::Helps(status);
}

// One request per chunk. Final statuses go to `done`, the names to be asked again stay in
// `pending`.
Status Round(const ApiInfo& api, const NamedOptions& options, const AskNames& ask,
             const Retry& retry, std::set<std::string>* pending, StatusByName* done, Status* last) {
  Names all(pending->begin(), pending->end());
  for (size_t from = 0; from < all.size(); from += options.names_per_request_max) {
    size_t to = std::min(all.size(), from + options.names_per_request_max);
    Names chunk(all.begin() + static_cast<ptrdiff_t>(from),
                all.begin() + static_cast<ptrdiff_t>(to));
    Result<StatusByName> answer = ask(chunk, retry.context());
    if (!answer.ok()) {
      if (!Retry::Helps(answer.status())) return answer.status();
      *last = answer.status();
      continue;
    }
    for (const std::string& name : chunk) {
      auto it = answer->find(name);
      if (it == answer->end()) {
        return Status(Code::kProtocol,
                      std::string(api.name) + ": the broker left out " + name + " from its answer");
      }
      (*done)[name] = it->second;
      if (AskAgain(it->second, options, retry)) {
        *last = it->second;
      } else {
        pending->erase(name);
      }
    }
  }
  return Status::Ok();
}

}  // namespace

Result<StatusByName> CallByName(Cluster::Impl* cluster, const ApiInfo& api, const Names& names,
                                const NamedOptions& options, const AskNames& ask,
                                const CallContext& context) {
  std::set<std::string> pending(names.begin(), names.end());
  StatusByName done;
  Retry retry(cluster->config, context);
  while (!pending.empty()) {
    Status last;
    MB_RETURN_IF_ERROR(Round(api, options, ask, retry, &pending, &done, &last));
    if (pending.empty()) break;
    Status waited = retry.Wait(
        last.kafka_error() == error::kUnknownTopicOrPartition ? std::move(last).Retryable() : last);
    if (!waited.ok()) {
      if (waited.code() == Code::kCancelled || done.empty()) return waited;
      for (const std::string& name : pending) done.try_emplace(name, waited);
      break;
    }
    // The controller may be another one now, and brokers may have gone.
    static const std::vector<std::string> kNoTopics;
    (void)cluster->RefreshOnce(&kNoTopics, retry.context()).ok();
  }
  return done;
}

}  // namespace maxbrod::kafka
