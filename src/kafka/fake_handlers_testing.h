// The fake brokers' answers, one handler per API. Not for others than fake_*_testing.cc.
#pragma once

#include <deque>

#include "kafka/fake_broker_testing.h"

namespace maxbrod::kafka {

struct FakeCall {
  FakeWorld* world = nullptr;
  int32_t self = 0;  // the broker asked
  int16_t version = 0;
  std::map<int32_t, HostPort> brokers;  // those that are up
  FakeRelease release = FakeRelease::k43;
  std::string username, password;
  bool* authenticated = nullptr;  // of this connection
  std::deque<Bytes> arena;        // what views in the response point to
};

// Answers a request: the response's frame, size included. kUnsupported for an API it does not know.
using FakeHandler = std::function<Result<Bytes>(const FakeRequest&, FakeCall*)>;
using FakeHandlers = std::map<int16_t, FakeHandler>;

template <typename Request>
FakeHandler MakeFakeHandler(typename Request::Response (*handle)(const Request&, FakeCall*)) {
  return [handle](const FakeRequest& in, FakeCall* call) -> Result<Bytes> {
    Request request;
    MB_RETURN_IF_ERROR(DecodeMessage(in.body, in.header.api_version, &request));
    typename Request::Response response = handle(request, call);
    if constexpr (requires { response.throttle_time_ms; })
      response.throttle_time_ms = call->world->throttle_ms;
    WireWriter writer;
    MB_RETURN_IF_ERROR(
        EncodeResponseFrame(response, in.header.api_version, in.header.correlation_id, &writer));
    return writer.Flatten();
  };
}

// What a release announces for an API; {0, -1} when it does not have it.
VersionRange FakeVersions(FakeRelease release, int16_t api_key);

void AddFakeConnectionHandlers(FakeHandlers* handlers);   // ApiVersions, SASL, Metadata
void AddFakeDataHandlers(FakeHandlers* handlers);         // of partition leaders
void AddFakeTopicHandlers(FakeHandlers* handlers);        // topics, configs, log dirs
void AddFakeGroupHandlers(FakeHandlers* handlers);        // coordinators of groups
void AddFakeTransactionHandlers(FakeHandlers* handlers);  // those of transactions, and markers
void AddFakeGoverningHandlers(FakeHandlers* handlers);    // ACLs, quotas, SCRAM users, the quorum

}  // namespace maxbrod::kafka
