// raw_filler PORT TOPIC PARTITION OFFSETS: makes a log long without much in it: plain batches of
// 100,000 records with neither key nor value, five requests in flight.
#include <algorithm>
#include <array>

#include "raw_wire.h"

namespace {

constexpr size_t kInFlight = 5;
constexpr size_t kRecordsPerBatch = 100'000;
constexpr uint64_t kTimestamp = 1'600'000'000'000;

uint32_t Crc32c(const char* p, size_t size) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < t.size(); ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] >> 1) ^ ((t[i] & 1) != 0 ? 0x82f63b78u : 0);
    }
    return t;
  }();
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < size; ++i)
    crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(p[i])) & 0xff];
  return ~crc;
}

void PutZigzag(std::string& out, size_t number) {
  for (number <<= 1; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

std::string Batch(size_t records) {
  std::string body;
  for (size_t i = 0; i < records; ++i) {
    std::string record(2, '\0');  // attributes, timestamp delta
    PutZigzag(record, i);
    record += {'\1', '\1', '\0'};  // null key, null value, no headers
    PutZigzag(body, record.size());
    body += record;
  }
  std::string covered;
  raw::Put<uint16_t>(covered, 0);
  raw::Put<uint32_t>(covered, static_cast<uint32_t>(records - 1));
  raw::Put<uint64_t>(covered, kTimestamp);
  raw::Put<uint64_t>(covered, kTimestamp);
  raw::Put<uint64_t>(covered, ~uint64_t{0});  // no producer id, epoch, sequence
  raw::Put<uint16_t>(covered, 0xffff);
  raw::Put<uint32_t>(covered, 0xffffffffu);
  raw::Put<uint32_t>(covered, static_cast<uint32_t>(records));
  covered += body;
  std::string batch;
  raw::Put<uint64_t>(batch, 0);
  raw::Put<uint32_t>(batch, static_cast<uint32_t>(4 + 1 + 4 + covered.size()));
  raw::Put<uint32_t>(batch, 0xffffffffu);  // leader epoch
  batch.push_back(2);
  raw::Put<uint32_t>(batch, Crc32c(covered.data(), covered.size()));
  return batch + covered;
}

std::string Request(const std::string& topic, uint32_t partition, const std::string& batch) {
  std::string body = raw::Header(0, 3);
  raw::Put<uint16_t>(body, 0xffff);  // no transactional id
  raw::Put<uint16_t>(body, 0xffff);  // acks=all
  raw::Put<uint32_t>(body, 30000);
  raw::Put<uint32_t>(body, 1);
  raw::PutString(body, topic);
  raw::Put<uint32_t>(body, 1);
  raw::Put<uint32_t>(body, partition);
  raw::Put<uint32_t>(body, static_cast<uint32_t>(batch.size()));
  return raw::Framed(body + batch, 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) raw::Die("raw_filler PORT TOPIC PARTITION OFFSETS");
  int fd = raw::Connect(static_cast<uint16_t>(std::atoi(argv[1])));
  auto partition = static_cast<uint32_t>(std::atoi(argv[3]));
  auto left = static_cast<size_t>(std::atoll(argv[4]));
  std::string full = Request(argv[2], partition, Batch(kRecordsPerBatch));
  std::string last =
      Request(argv[2], partition, Batch(std::max<size_t>(1, left % kRecordsPerBatch)));
  raw::Response response;
  size_t in_flight = 0;
  while (left > 0 || in_flight > 0) {
    if (left > 0) {
      std::string& request = left >= kRecordsPerBatch ? full : last;
      raw::WriteAll(fd, {{request.data(), request.size()}});
      left -= std::min(left, kRecordsPerBatch);
      ++in_flight;
    }
    if (left == 0 || in_flight == kInFlight) {
      response.Read(fd);
      const char* p = response.data() + 4;
      p += 2 + raw::Get<uint16_t>(p) + 4 + 4;
      if (raw::Get<int16_t>(p) != 0)
        raw::Die("produce error " + std::to_string(raw::Get<int16_t>(p)));
      --in_flight;
    }
  }
  close(fd);
  return 0;
}
