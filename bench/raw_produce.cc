// raw_produce PORT TOPIC PARTITIONS CONNECTIONS FOLDER [marked]: produces the batches in
// FOLDER/<partition> (from raw_fetch), one of each partition a request, five requests in flight,
// nothing checked. The upper bound of a restore. marked: behind each batch a transaction marker,
// one request after another; makes such logs, in no hurry.
#include <fcntl.h>
#include <sys/stat.h>

#include <deque>
#include <thread>

#include "raw_marker_wire.h"

namespace {

constexpr size_t kInFlight = 5;
constexpr size_t kReadAhead = 8 << 20;
bool marked = false;

// A partition's file, read in pieces of whole batches.
struct Source {
  int32_t id = 0;
  int file = -1;
  std::vector<char> buffer;
  size_t at = 0, end = 0;

  // The next batch; nullptr at the end. Valid until the next call.
  const char* Next(size_t* size) {
    if (end - at < 12 || raw::Get<uint32_t>(&buffer[at + 8]) + 12 > end - at) Fill();
    if (end - at < 61) return nullptr;
    *size = raw::Get<uint32_t>(&buffer[at + 8]) + 12;
    if (*size > end - at) raw::Die("a batch is larger than the buffer");
    std::memset(&buffer[at], 0,
                8);  // brokers take batches from base offset 0 only; the CRC does not cover it
    const char* batch = &buffer[at];
    at += *size;
    return batch;
  }

  void Fill() {
    if (buffer.empty()) buffer.resize(kReadAhead);
    std::memmove(buffer.data(), buffer.data() + at, end - at);
    end -= at;
    at = 0;
    while (end < buffer.size()) {
      ssize_t n = read(file, buffer.data() + end, buffer.size() - end);
      if (n <= 0) break;
      end += static_cast<size_t>(n);
    }
  }
};

void CheckAnswer(const char* p) {
  uint32_t topics = raw::Get<uint32_t>(p);
  p += 4;
  for (uint32_t t = 0; t < topics; ++t) {
    p += 2 + raw::Get<uint16_t>(p);
    uint32_t partitions = raw::Get<uint32_t>(p);
    p += 4;
    for (uint32_t i = 0; i < partitions; ++i, p += 4 + 2 + 8 + 8) {
      if (raw::Get<int16_t>(p + 4) != 0)
        raw::Die("produce error " + std::to_string(raw::Get<int16_t>(p + 4)));
    }
  }
}

void Work(uint16_t port, const std::string& topic, std::vector<Source> mine) {
  int fd = raw::Connect(port);
  raw::Response response;
  size_t in_flight = 0;
  while (true) {
    std::string head = raw::Header(0, 3);
    raw::Put<uint16_t>(head, 0xffff);  // no transactional id
    raw::Put<uint16_t>(head, 0xffff);  // acks=all
    raw::Put<uint32_t>(head, 30000);
    raw::Put<uint32_t>(head, 1);
    raw::PutString(head, topic);
    struct Piece {
      std::string prefix;
      const char* batch;
      size_t size;
    };
    std::vector<Piece> pieces;
    std::vector<int> partitions;
    size_t bytes = 0;
    for (Source& source : mine) {
      size_t size = 0;
      const char* batch = source.Next(&size);
      if (batch == nullptr) continue;
      Piece piece{{}, batch, size};
      raw::Put<uint32_t>(piece.prefix, static_cast<uint32_t>(source.id));
      raw::Put<uint32_t>(piece.prefix, static_cast<uint32_t>(size));
      bytes += 8 + size;
      partitions.push_back(source.id);
      pieces.push_back(std::move(piece));
    }
    if (!pieces.empty()) {
      raw::Put<uint32_t>(head, static_cast<uint32_t>(pieces.size()));
      std::string framed = raw::Framed(head, bytes);
      std::vector<iovec> out{{framed.data(), framed.size()}};
      for (Piece& piece : pieces) {
        out.push_back({piece.prefix.data(), piece.prefix.size()});
        out.push_back({const_cast<char*>(piece.batch), piece.size});
      }
      raw::WriteAll(fd, std::move(out));
      ++in_flight;
    }
    if (in_flight == 0) break;
    if (pieces.empty() || marked || in_flight == kInFlight) {
      response.Read(fd);
      CheckAnswer(response.data());
      --in_flight;
    }
    if (marked && !pieces.empty()) {
      std::string request = raw::MarkersRequest(topic, partitions, 1, raw::kStranger);
      raw::WriteAll(fd, {{request.data(), request.size()}});
      response.Read(fd);
      raw::CheckMarkers(response.data());
    }
  }
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) raw::Die("raw_produce PORT TOPIC PARTITIONS CONNECTIONS FOLDER [marked]");
  marked = argc > 6;
  uint16_t port = static_cast<uint16_t>(std::atoi(argv[1]));
  int partitions = std::atoi(argv[3]);
  size_t connections = static_cast<size_t>(std::atoi(argv[4]));
  std::vector<std::vector<Source>> shares(connections);
  for (int i = 0; i < partitions; ++i) {
    std::string path = std::string(argv[5]) + "/" + std::to_string(i);
    Source source;
    source.id = i;
    source.file = open(path.c_str(), O_RDONLY);
    if (source.file < 0) raw::Die("cannot open " + path);
    shares[static_cast<size_t>(i) % connections].push_back(std::move(source));
  }
  std::vector<std::thread> threads;
  for (auto& share : shares) threads.emplace_back(Work, port, argv[2], std::move(share));
  for (auto& thread : threads) thread.join();
  return 0;
}
