// Calls whose answer has one error per name (topic, group): what is retriable is asked again.
// Included by cluster_*.cc only.
#pragma once

#include "kafka/cluster_impl.h"

namespace maxbrod::kafka {

struct NamedOptions {
  size_t names_per_request_max = 500;
  // For so long UNKNOWN_TOPIC_OR_PARTITION is asked again: a broker may not know of a new topic
  // yet.
  Millis unknown_patience{0};
};

using Names = std::vector<std::string>;
using StatusByName = std::map<std::string, Status>;
// Asks for some of the names; a Status for each. Values go where the caller likes.
using AskNames = std::function<Result<StatusByName>(const Names&, const CallContext&)>;

// A Status for every name, those that did not succeed in time with their last error. An error when
// a call failed as a whole and trying again did not help.
Result<StatusByName> CallByName(Cluster::Impl* cluster, const ApiInfo& api, const Names& names,
                                const NamedOptions& options, const AskNames& ask,
                                const CallContext& context);

}  // namespace maxbrod::kafka
