// Flags of a restore's shape: which parts, where they lie, what is there already.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"
#include "cli/metadata_flags.h"
#include "engine/restore_plan.h"

namespace maxbrod::cli {

struct ShapeFlags {
  std::vector<std::string> parts, if_exists, config, without_config, broker_map, partitions;
  std::string replication_factor, placement, profile, partitioner;
  MetadataFlags metadata;
  std::optional<uint64_t> yes_delete;
  bool no_groups = false;

  void Add(CLI::App* verb);
  // Reads the file of --placement.
  Status Fill(engine::RestoreSelection* selection) const;
};

}  // namespace maxbrod::cli
