// raw_markers TOPIC COUNT PER_REQUEST CONNECTIONS PORT=P,P,... [PORT=P,P,...]: writes COUNT empty
// transaction markers into each partition P of the broker at PORT, which must lead it, up to
// PER_REQUEST of them a request (over all partitions of a connection), five requests in flight. The
// upper bound of restoring a log of markers.
#include <algorithm>
#include <thread>

#include "raw_marker_wire.h"

namespace {

constexpr size_t kInFlight = 5;
void Work(uint16_t port, const std::string& topic, const std::vector<int>& partitions, size_t count,
          size_t per_request, uint64_t producer) {
  int fd = raw::Connect(port);
  raw::Response response;
  size_t in_flight = 0;
  while (count > 0 || in_flight > 0) {
    if (count > 0) {
      size_t each = std::min(count, std::max<size_t>(1, per_request / partitions.size()));
      std::string request = raw::MarkersRequest(topic, partitions, each, producer);
      raw::WriteAll(fd, {{request.data(), request.size()}});
      count -= each;
      ++in_flight;
    }
    if (count == 0 || in_flight == kInFlight) {
      response.Read(fd);
      raw::CheckMarkers(response.data());
      --in_flight;
    }
  }
  close(fd);
}

std::vector<int> Numbers(const char* p) {
  std::vector<int> numbers;
  while (*p != '\0') {
    char* end = nullptr;
    numbers.push_back(static_cast<int>(std::strtol(p, &end, 10)));
    p = *end == ',' ? end + 1 : end;
  }
  return numbers;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) raw::Die("raw_markers TOPIC COUNT PER_REQUEST CONNECTIONS PORT=P,P,...");
  auto number = [&](int i) { return static_cast<size_t>(std::atoll(argv[i])); };
  std::vector<std::thread> threads;
  for (int i = 5; i < argc; ++i) {
    const char* list = std::strchr(argv[i], '=');
    if (list == nullptr) raw::Die("not PORT=P,P,...");
    std::vector<std::vector<int>> shares(number(4));
    size_t turn = 0;
    for (int p : Numbers(list + 1)) shares[turn++ % shares.size()].push_back(p);
    for (auto& share : shares) {
      if (share.empty()) continue;
      threads.emplace_back(Work, static_cast<uint16_t>(std::atoi(argv[i])), argv[1], share,
                           number(2), number(3), raw::kStranger + threads.size());
    }
  }
  for (auto& thread : threads) thread.join();
  return 0;
}
