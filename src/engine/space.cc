#include "engine/space.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace maxbrod::engine {

std::vector<TopicSpace> SpaceByTopic(const repo::Liveness& life) {
  std::map<std::string, TopicSpace> topics;
  for (const auto& [id, pack] : life.packs) {
    uint64_t known = 0;
    for (const auto& [offset, block] : pack.blocks) {
      TopicSpace& topic = topics[life.topics[block.topic]];
      (block.live ? topic.live_bytes : topic.dead_bytes) += block.stored_bytes;
      topic.records += block.live ? block.records : 0;
      known += block.stored_bytes;
    }
    if (pack.data_bytes() > known) topics[""].dead_bytes += pack.data_bytes() - known;
  }
  std::vector<TopicSpace> out;
  for (auto& [name, topic] : topics) {
    topic.topic = name;
    out.push_back(std::move(topic));
  }
  std::sort(out.begin(), out.end(), [](const TopicSpace& a, const TopicSpace& b) {
    return std::tuple(b.live_bytes + b.dead_bytes, a.topic) <
           std::tuple(a.live_bytes + a.dead_bytes, b.topic);
  });
  return out;
}

}  // namespace maxbrod::engine
