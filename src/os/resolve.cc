#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "os/resolve_internal.h"

namespace maxbrod::internal {
namespace {

struct Answer {
  int error = 0;
  std::vector<Address> addresses;
};

Answer Ask(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  Answer answer;
  answer.error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (answer.error != 0) return answer;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    if (at->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Address address;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    answer.addresses.push_back(address);
  }
  ::freeaddrinfo(list);
  return answer;
}

struct Pending {
  std::mutex mutex;
  std::condition_variable_any wake;
  bool done = false;
  Answer answer;
};

// getaddrinfo cannot be interrupted and may wait for a name server for half a minute. It runs in a
// thread of its own, which owns all it touches and is left behind when the caller gives up; it ends
// by itself.
Result<Answer> AskInterruptibly(const std::string& host, uint16_t port, int flags,
                                const CallContext& context) {
  auto pending = std::make_shared<Pending>();
  std::thread([pending, host, port, flags] {
    Answer answer = Ask(host, port, flags);
    std::lock_guard lock(pending->mutex);
    pending->answer = std::move(answer);
    pending->done = true;
    pending->wake.notify_all();
  }).detach();

  std::unique_lock lock(pending->mutex);
  pending->wake.wait_for(lock, context.stop, context.deadline.Remaining(),
                         [&] { return pending->done; });
  if (!pending->done) {
    MB_RETURN_IF_ERROR(context.Check());
    return Status(Code::kTimeout, "deadline passed").Retryable();
  }
  return std::move(pending->answer);
}

}  // namespace

std::string Address::ToString() const {
  char text[NI_MAXHOST];
  if (::getnameinfo(get(), size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) != 0) return "?";
  return text;
}

Result<std::vector<Address>> Resolve(const std::string& host, uint16_t port, bool passive,
                                     const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check().WithContext("resolve " + host));
  int flags = passive ? AI_PASSIVE : 0;
  Answer answer = Ask(host, port, flags | AI_NUMERICHOST);  // an address needs no name server
  if (answer.error == EAI_NONAME) {
    Result<Answer> asked = AskInterruptibly(host, port, flags, context);
    if (!asked.ok()) return asked.status().WithContext("resolve " + host);
    answer = std::move(asked).value();
  }
  if (answer.error == 0 && !answer.addresses.empty()) return std::move(answer.addresses);
  std::string reason = answer.error == 0 ? "no address" : ::gai_strerror(answer.error);
  return Status(Code::kUnavailable, "resolve " + host + ": " + reason)
      .Retryable()
      .WithHint("check the host name and this machine's DNS");
}

}  // namespace maxbrod::internal
