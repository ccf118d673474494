// The value of sasl.jaas.config (org.apache.kafka.common.security.JaasConfig): one login module and
// its options.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace maxbrod::kafka {

struct JaasModule {
  std::string login_module;  // class name as written
  std::map<std::string, std::string> options;
};

// "class required|requisite|sufficient|optional key=value key="quoted \"value\"" ;" with C and C++
// comments. When several modules stand there, the first one is returned, as it is the one that
// Kafka's clients log in with. kInvalidArgument, never quoting a value (it may be the password).
Result<JaasModule> ParseJaas(std::string_view text);

}  // namespace maxbrod::kafka
