#include "engine/restore_profile.h"

namespace maxbrod::engine {
namespace {

// Of tiered storage, which small clusters lack (KIP-405, KIP-950).
constexpr const char* kTiered[] = {"remote.storage.enable", "local.retention.ms",
                                   "local.retention.bytes", "remote.log.copy.disable",
                                   "remote.log.delete.on.disable"};

}  // namespace

Status ApplyProfile(const std::string& name, RestoreSelection* selection) {
  if (name.empty()) return Status::Ok();
  if (name != "small") {
    return Status(Code::kInvalidArgument, "no profile '" + name + "'").WithHint("small");
  }
  selection->placement.replication_factor = 1;
  selection->leave_retention_off = true;
  selection->config_rules.Add({std::nullopt, "min.insync.replicas", "1"});
  for (const char* config : kTiered)
    selection->config_rules.Add({std::nullopt, config, std::nullopt});
  return Status::Ok();
}

}  // namespace maxbrod::engine
