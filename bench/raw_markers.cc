// raw_markers TOPIC COUNT PER_REQUEST CONNECTIONS PORT=P,P,... [PORT=P,P,...]: writes COUNT empty
// transaction markers into each partition P of the broker at PORT, which must lead it, up to
// PER_REQUEST of them a request (over all partitions of a connection), five requests in flight. The
// upper bound of restoring a log of markers.
#include <algorithm>
#include <thread>

#include "raw_wire.h"

namespace {

constexpr size_t kInFlight = 5;
// Ids of which the broker has never heard: a marker for them ends nothing.
constexpr uint64_t kFirstProducer = 3'000'000;

uint64_t Varint(const char*& p) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    uint64_t byte = static_cast<unsigned char>(*p++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

void PutVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// WriteTxnMarkers version 1: `each` entries that name all the partitions.
std::string Request(const std::string& topic, const std::vector<int>& partitions, size_t each,
                    uint64_t producer) {
  std::string entry;
  raw::Put<uint64_t>(entry, producer);
  raw::Put<uint16_t>(entry, 0);  // epoch
  entry.push_back(1);            // commit
  PutVarint(entry, 1 + 1);
  PutVarint(entry, topic.size() + 1);
  entry += topic;
  PutVarint(entry, partitions.size() + 1);
  for (int p : partitions) raw::Put<uint32_t>(entry, static_cast<uint32_t>(p));
  entry.push_back(0);            // tags
  raw::Put<uint32_t>(entry, 0);  // coordinator epoch
  entry.push_back(0);
  std::string body = raw::Header(27, 1);
  body.push_back(0);
  PutVarint(body, each + 1);
  for (size_t i = 0; i < each; ++i) body += entry;
  body.push_back(0);
  return raw::Framed(body, 0);
}

void CheckAnswer(const char* p) {
  ++p;  // the header's tags
  for (uint64_t markers = Varint(p); markers > 1; --markers) {
    p += 8;
    for (uint64_t topics = Varint(p); topics > 1; --topics) {
      uint64_t name = Varint(p);
      p += name - 1;
      for (uint64_t partitions = Varint(p); partitions > 1; --partitions, p += 4 + 2 + 1) {
        if (raw::Get<int16_t>(p + 4) != 0)
          raw::Die("marker error " + std::to_string(raw::Get<int16_t>(p + 4)));
      }
      ++p;
    }
    ++p;
  }
}

void Work(uint16_t port, const std::string& topic, const std::vector<int>& partitions, size_t count,
          size_t per_request, uint64_t producer) {
  int fd = raw::Connect(port);
  raw::Response response;
  size_t in_flight = 0;
  while (count > 0 || in_flight > 0) {
    if (count > 0) {
      size_t each = std::min(count, std::max<size_t>(1, per_request / partitions.size()));
      std::string request = Request(topic, partitions, each, producer);
      raw::WriteAll(fd, {{request.data(), request.size()}});
      count -= each;
      ++in_flight;
    }
    if (count == 0 || in_flight == kInFlight) {
      response.Read(fd);
      CheckAnswer(response.data());
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
                           number(2), number(3), kFirstProducer + threads.size());
    }
  }
  for (auto& thread : threads) thread.join();
  return 0;
}
