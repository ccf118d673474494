// Name resolution that can be abandoned. Not for other layers.
#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod::internal {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // "127.0.0.1" or "::1".
  std::string ToString() const;
};

// All TCP addresses of a name, in the resolver's order (RFC 6724). `passive` for binding.
Result<std::vector<Address>> Resolve(const std::string& host, uint16_t port, bool passive,
                                     const CallContext& context);

}  // namespace maxbrod::internal
