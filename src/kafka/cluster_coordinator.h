// Calls that go to coordinators of groups and transactions. Included by cluster_*.cc and
// transactions.cc only.
#pragma once

#include "kafka/cluster_named.h"

namespace maxbrod::kafka {

// One request to one coordinator for some of its groups or ids; a Status for each.
using AskCoordinator =
    std::function<Result<StatusByName>(BrokerId, const Names&, const CallContext&)>;

// As CallByName. Coordinators are remembered, and looked up anew when one says it is not the
// coordinator or does not answer.
Result<StatusByName> CallCoordinators(Cluster::Impl* cluster, const ApiInfo& api,
                                      const Names& names, const NamedOptions& options,
                                      const AskCoordinator& ask, const CallContext& context,
                                      CoordinatorType type = CoordinatorType::kGroup);

// The coordinator remembered, or FindCoordinator's answer to one try.
Result<BrokerId> LocateCoordinator(Cluster::Impl* cluster, CoordinatorType type,
                                   const std::string& name, const CallContext& context);
void ForgetCoordinator(Cluster::Impl* cluster, CoordinatorType type, const std::string& name);

}  // namespace maxbrod::kafka
