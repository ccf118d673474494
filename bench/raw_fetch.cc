// raw_fetch PORT TOPIC PARTITIONS CONNECTIONS FOLDER [unsynced]: fetches a topic from its first
// offset to its high watermark and writes the batches, unseen, to FOLDER/<partition>, which are on
// disk at the end, as a backup's packs must be (unsynced: in the page cache). The upper bound of a
// backup.
#include <fcntl.h>

#include <algorithm>
#include <thread>

#include "raw_wire.h"

namespace {

// Write-back begins early, so that the disk works while the network does.
constexpr size_t kWriteBackBytes = 16 << 20;
bool synced = true;

constexpr uint32_t kMaxBytes = 16 << 20, kPartitionBytes = 8 << 20;

struct Partition {
  int32_t id = 0;
  int64_t next = 0;
  int file = -1;
  bool done = false;
  size_t unwritten = 0;
};

std::string FetchRequest(const std::string& topic, const std::vector<Partition*>& partitions) {
  std::string body = raw::Header(1, 4);
  raw::Put<uint32_t>(body, 0xffffffffu);  // replica id
  raw::Put<uint32_t>(body, 500);
  raw::Put<uint32_t>(body, 1);
  raw::Put<uint32_t>(body, kMaxBytes);
  body.push_back(0);
  raw::Put<uint32_t>(body, 1);
  raw::PutString(body, topic);
  raw::Put<uint32_t>(body, static_cast<uint32_t>(partitions.size()));
  for (const Partition* p : partitions) {
    raw::Put<uint32_t>(body, static_cast<uint32_t>(p->id));
    raw::Put<uint64_t>(body, static_cast<uint64_t>(p->next));
    raw::Put<uint32_t>(body, kPartitionBytes);
  }
  return raw::Framed(body, 0);
}

// Hops over the whole batches; returns their bytes and moves `next`.
size_t WholeBatches(const char* records, size_t size, int64_t* next) {
  size_t at = 0;
  while (size - at >= 61) {
    size_t batch = raw::Get<uint32_t>(records + at + 8) + 12;
    if (batch > size - at) break;
    *next = static_cast<int64_t>(raw::Get<uint64_t>(records + at)) +
            raw::Get<int32_t>(records + at + 23) + 1;
    at += batch;
  }
  return at;
}

void Work(uint16_t port, const std::string& topic, std::vector<Partition> mine) {
  int fd = raw::Connect(port);
  raw::Response response;
  while (true) {
    // Before anything points into it. Brokers fill an answer from the front.
    std::rotate(mine.begin(), mine.begin() + 1, mine.end());
    std::vector<Partition*> open;
    for (Partition& p : mine) {
      if (!p.done) open.push_back(&p);
    }
    if (open.empty()) break;
    std::string request = FetchRequest(topic, open);
    raw::WriteAll(fd, {{request.data(), request.size()}});
    response.Read(fd);
    const char* p = response.data() + 4 + 4;  // throttle, one topic
    p += 2 + raw::Get<uint16_t>(p);
    uint32_t count = raw::Get<uint32_t>(p);
    p += 4;
    for (uint32_t i = 0; i < count; ++i) {
      int32_t id = raw::Get<int32_t>(p);
      if (raw::Get<int16_t>(p + 4) != 0) raw::Die("fetch error");
      int64_t high = static_cast<int64_t>(raw::Get<uint64_t>(p + 6));
      uint32_t aborted = raw::Get<uint32_t>(p + 22);
      p += 26 + (aborted == 0xffffffffu ? 0 : aborted * 16);
      uint32_t size = raw::Get<uint32_t>(p);
      p += 4;
      if (size == 0xffffffffu) size = 0;
      for (Partition& partition : mine) {
        if (partition.id != id) continue;
        size_t whole = WholeBatches(p, size, &partition.next);
        for (size_t at = 0; at < whole;) {
          ssize_t n = write(partition.file, p + at, whole - at);
          if (n <= 0) raw::Die("cannot write");
          at += static_cast<size_t>(n);
        }
        partition.unwritten += whole;
        if (synced && partition.unwritten >= kWriteBackBytes) {
          sync_file_range(partition.file, 0, 0, SYNC_FILE_RANGE_WRITE);
          partition.unwritten = 0;
        }
        partition.done = partition.next >= high;
      }
      p += size;
    }
  }
  for (const Partition& p : mine) {
    if (synced && fsync(p.file) != 0) raw::Die("cannot sync");
  }
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) raw::Die("raw_fetch PORT TOPIC PARTITIONS CONNECTIONS FOLDER [unsynced]");
  synced = argc == 6;
  uint16_t port = static_cast<uint16_t>(std::atoi(argv[1]));
  int partitions = std::atoi(argv[3]);
  size_t connections = static_cast<size_t>(std::atoi(argv[4]));
  std::vector<std::vector<Partition>> shares(connections);
  for (int i = 0; i < partitions; ++i) {
    std::string path = std::string(argv[5]) + "/" + std::to_string(i);
    int file = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (file < 0) raw::Die("cannot create " + path);
    shares[static_cast<size_t>(i) % connections].push_back({i, 0, file, false, 0});
  }
  std::vector<std::thread> threads;
  for (auto& share : shares) threads.emplace_back(Work, port, argv[2], share);
  for (auto& thread : threads) thread.join();
  return 0;
}
