// What admin_*.cc share. Not for others.
#pragma once

#include "kafka/admin.h"
#include "kafka/cluster_named.h"

namespace maxbrod::kafka {

inline const Resource kClusterResource{"Cluster", ""};

// Any broker, retried; the answer's own error is a Status like the call's.
template <typename Request>
Result<typename Request::Response> CallForWhole(Cluster::Impl* cluster, const Request& request,
                                                const CallContext& context,
                                                VersionRange ours = OurVersions<Request>()) {
  using Response = typename Request::Response;
  return cluster->Retrying<Response>(context, [&](const CallContext& bounded) -> Result<Response> {
    MB_ASSIGN_OR_RETURN(Response response, cluster->CallAny(request, bounded, ours));
    std::string message;
    if constexpr (requires { response.error_message; })
      message = response.error_message.value_or("");
    MB_RETURN_IF_ERROR(
        CallError(response.error_code, Request::kApi, "", kClusterResource, BrokerId(-1), message));
    return response;
  });
}

// One request for some of the items, by index; a Status for each, in the order given.
using AskIndexes =
    std::function<Result<std::vector<Status>>(const std::vector<size_t>&, const CallContext&)>;

// A Status for each of `count` items: as CallByName, for calls that answer in the order of the
// request.
Result<std::vector<Status>> CallByIndex(Cluster::Impl* cluster, const ApiInfo& api, size_t count,
                                        const AskIndexes& ask, const CallContext& context);

}  // namespace maxbrod::kafka
