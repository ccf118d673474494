// What long work tells about itself. The engine writes, a printer thread reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace maxbrod::engine {

// Thread-safe.
class Progress {
 public:
  // A phase begins: its name for people ("copying", "padding") and what 100 % is, 0 where unknown.
  void Begin(const std::string& phase, uint64_t bytes_total, uint64_t records_total);
  void Add(uint64_t bytes, uint64_t records) {
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    records_.fetch_add(records, std::memory_order_relaxed);
  }
  // Something worth telling at once; also kept for the report.
  void Note(const std::string& text);
  void Warn(const std::string& text);

  struct Reading {
    std::string phase;
    uint64_t bytes = 0, bytes_total = 0;
    uint64_t records = 0, records_total = 0;
  };
  Reading Read() const;
  // Messages since the last call, warnings marked.
  struct Message {
    bool warning = false;
    std::string text;
  };
  std::vector<Message> TakeMessages();
  std::vector<std::string> warnings() const;

 private:
  mutable std::mutex mutex_;
  std::string phase_;
  std::atomic<uint64_t> bytes_{0}, records_{0};
  uint64_t bytes_total_ = 0, records_total_ = 0;
  std::vector<Message> messages_;
  std::vector<std::string> warnings_;
};

}  // namespace maxbrod::engine
