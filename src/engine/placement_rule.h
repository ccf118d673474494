// What the user says of replicas: how many, and where.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace maxbrod::engine {

// A value.
struct PlacementRule {
  enum class Where : uint8_t {
    kBrokers,  // the target's brokers choose, by their racks
    kSource,   // as on the source, through broker_map
    kListed,   // as in `listed`
  };

  int replication_factor = 0;  // 0: as on the source
  bool fit = false;            // at most as many as the target has brokers
  Where where = Where::kBrokers;
  std::map<int32_t, int32_t> broker_map;                  // the source's id -> the target's
  std::map<TopicPartition, std::vector<int32_t>> listed;  // by the target's names

  // "3", "source" or "fit". kInvalidArgument with a hint.
  Status ParseFactor(const std::string& text);
  // "auto", "source", or the path of a JSON file as kafka-reassign-partitions.sh reads and writes
  // it. The file is read here: kInvalidArgument names what is wrong in it.
  Status ParseWhere(const std::string& text);
  // "1=4".
  Status ParseBrokerMap(const std::string& text);
  // The contents of such a file; `name` is for messages.
  Status ParseListed(const std::string& name, const std::string& json);
};

}  // namespace maxbrod::engine
