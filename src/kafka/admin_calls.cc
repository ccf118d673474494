#include "kafka/admin_calls.h"

#include <charconv>

namespace maxbrod::kafka {

Result<std::vector<Status>> CallByIndex(Cluster::Impl* cluster, const ApiInfo& api, size_t count,
                                        const AskIndexes& ask, const CallContext& context) {
  auto ask_named = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
    std::vector<size_t> indexes;
    for (const std::string& name : names) {
      size_t index = 0;
      std::from_chars(name.data(), name.data() + name.size(), index);
      indexes.push_back(index);
    }
    MB_ASSIGN_OR_RETURN(std::vector<Status> answers, ask(indexes, bounded));
    if (answers.size() != names.size()) {
      return Status(Code::kProtocol, std::string(api.name) + ": the broker answers for " +
                                         std::to_string(answers.size()) + " of " +
                                         std::to_string(names.size()));
    }
    StatusByName statuses;
    for (size_t i = 0; i < names.size(); ++i) statuses[names[i]] = std::move(answers[i]);
    return statuses;
  };
  Names names;
  for (size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  MB_ASSIGN_OR_RETURN(StatusByName statuses,
                      CallByName(cluster, api, names, {}, ask_named, context));
  std::vector<Status> out;
  for (const std::string& name : names) out.push_back(statuses[name]);
  return out;
}

}  // namespace maxbrod::kafka
