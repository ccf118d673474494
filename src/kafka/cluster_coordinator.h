// Calls that go to groups' coordinators. Included by cluster_*.cc only.
#pragma once

#include "kafka/cluster_named.h"

namespace maxbrod::kafka {

// One request to one coordinator for some of its groups; a Status for each.
using AskCoordinator =
    std::function<Result<StatusByName>(BrokerId, const Names&, const CallContext&)>;

// As CallByName. Coordinators are remembered, and looked up anew when one says it is not the
// coordinator or does not answer.
Result<StatusByName> CallCoordinators(Cluster::Impl* cluster, const ApiInfo& api,
                                      const Names& groups, const NamedOptions& options,
                                      const AskCoordinator& ask, const CallContext& context);

}  // namespace maxbrod::kafka
