// Matches the partitions of an answer with those that were asked for. Included by *_path.cc only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace maxbrod::kafka {

// Finds the index of what was asked for, each once. The keys' bytes must outlive it.
class AskedFor {
 public:
  explicit AskedFor(size_t count) { index_.reserve(count); }
  // False when it is there already.
  bool Add(std::string_view topic, int32_t partition, size_t index) {
    return index_.try_emplace(Key{topic, partition}, index).second;
  }
  // nullopt for what was never asked for.
  std::optional<size_t> Find(std::string_view topic, int32_t partition) const {
    auto it = index_.find(Key{topic, partition});
    return it == index_.end() ? std::nullopt : std::optional<size_t>(it->second);
  }
  // nullopt for what was never asked for, or is taken the second time.
  std::optional<size_t> Take(std::string_view topic, int32_t partition) {
    std::optional<size_t> index = Find(topic, partition);
    if (index) index_.erase(Key{topic, partition});
    return index;
  }
  bool empty() const { return index_.empty(); }

 private:
  struct Key {
    std::string_view topic;  // its name, or the bytes of its id
    int32_t partition;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>()(key.topic) * 31 + static_cast<size_t>(key.partition);
    }
  };
  std::unordered_map<Key, size_t, Hash> index_;
};

}  // namespace maxbrod::kafka
