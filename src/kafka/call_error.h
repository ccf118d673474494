// Errors of brokers as a user reads them: API, object, error, and which permission is missing.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "kafka/errors.h"
#include "kafka/messages/message.h"

namespace maxbrod::kafka {

// What a call was about, for messages and hints: {"Topic", "orders"}, {"Group", "g"}, {"Cluster",
// ""}.
struct Resource {
  std::string_view type;
  std::string name;
};

// OK for code 0. Otherwise "ListOffsets of orders-3 on broker 1: NAME (meaning)"; `object` is what
// stands after "of" and may be empty, broker -1 is left out. An authorization error is given the
// hint which operation on which resource the user needs (KIP-11's names, as kafka-acls takes them).
Status CallError(int16_t code, const ApiInfo& api, const std::string& object,
                 const Resource& resource, BrokerId broker, std::string_view broker_message = {});

}  // namespace maxbrod::kafka
